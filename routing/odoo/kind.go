package odoo

import "strings"

// Kind is a shape of request body that names a database or credentials.
type Kind int

// The kinds.
const (
	XMLRPC     Kind = iota + 1 // /xmlrpc/<service>, /xmlrpc/2/<service>
	JSONRPC                    // /jsonrpc
	JSONAuth                   // /web/session/authenticate
	LoginForm                  // urlencoded forms that sign in
	Unreadable                 // a form in a shape the scanner does not read: refused as soon as it has a byte
	JSONTwo                    // /json/2/<model>/<method>: counted, never refused
)

// ScanKind says whether a body must be scanned before it may reach Odoo, and as what: for
// what it names, or (JSON-2) for what it costs. The path comes from DecodePath; like Classify it looks under any first segment. The content
// type does not matter to RPC: a wrong one must not switch the check off.
func ScanKind(path, method, contentType string) (Kind, bool) {
	whole := trimSlash(path)
	_, rest := cutSegment(whole)
	if kind, ok := scanKind(whole, contentType); ok {
		return kind, true
	}
	return scanKind(rest, contentType)
}

func scanKind(path, contentType string) (Kind, bool) {
	switch {
	case within(path, "/xmlrpc"):
		return XMLRPC, true
	case within(path, "/jsonrpc"):
		return JSONRPC, true
	case path == "/web/session/authenticate":
		return JSONAuth, true
	case within(path, "/json/2"):
		return JSONTwo, true
	case path == "/web/login" || path == "/web" || within(path, "/odoo"):
		return formKind(contentType)
	}
	return 0, false
}

// formKind: Werkzeug reads two kinds of form and ignores every other body.
func formKind(contentType string) (Kind, bool) {
	kind := strings.ToLower(contentType)
	if strings.Contains(kind, "multipart/") {
		return Unreadable, true
	}
	if strings.Contains(kind, "urlencoded") || strings.Contains(kind, "url-encoded") {
		return LoginForm, true
	}
	return 0, false
}

// XMLRPCService returns the service that an XML-RPC path names: object, common, db.
func XMLRPCService(path string) string {
	path = trimSlash(path)
	if !strings.Contains(path, "/xmlrpc/") {
		return ""
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// JSON2Call returns model and method of a JSON-2 path, /json/2/<model>/<method>. A path that
// only looks like one names nothing.
func JSON2Call(path string) (model, method string, ok bool) {
	i := strings.Index(path, "/json/2/")
	if i < 0 {
		return "", "", false
	}
	model, method = cutByte(trimSlash(path)[i+len("/json/2/"):], '/')
	if model == "" || method == "" || strings.IndexByte(method, '/') >= 0 {
		return "", "", false
	}
	return model, method, true
}
