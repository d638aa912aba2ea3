package answer

import (
	"mime"
	"net/http"
	"strings"

	"sluicegate.dev/sluice/routing"
)

type shape int

const (
	plain     shape = iota
	page            // a person with a browser
	webClient       // Odoo's own JavaScript
	jsonRPC         // /jsonrpc
	jsonTwo         // /json/2 and /json/1
	xmlRPC          // /xmlrpc/2: number codes
	xmlRPCOld       // /xmlrpc: string codes
)

// shapeOf says who is asking.
func shapeOf(r *http.Request, x *routing.Exchange) shape {
	path := r.URL.Path
	if x != nil && x.Path != "" {
		path = x.Path
	}
	path = withoutLanguage(path)
	switch {
	case strings.HasPrefix(path, "/xmlrpc/2/"):
		return xmlRPC
	case strings.HasPrefix(path, "/xmlrpc/"):
		return xmlRPCOld
	case path == "/jsonrpc" || path == "/jsonrpc/":
		return jsonRPC
	case strings.HasPrefix(path, "/json/2/"), strings.HasPrefix(path, "/json/1/"):
		return jsonTwo
	case r.Method == http.MethodPost && isJSON(r.Header.Get("Content-Type")):
		return webClient
	case wantsPage(r):
		return page
	default:
		return plain
	}
}

// withoutLanguage drops the /<lang> in front of an RPC path, which Odoo serves as well.
func withoutLanguage(path string) string {
	for _, name := range [...]string{"/xmlrpc/", "/jsonrpc", "/json/"} {
		if i := strings.Index(path, name); i > 0 && i <= len("/sr@latin_XX") && strings.LastIndexByte(path[:i], '/') == 0 {
			return path[i:]
		}
	}
	return path
}

func isJSON(contentType string) bool {
	t, _, _ := mime.ParseMediaType(contentType)
	return t == "application/json" || t == "application/json-rpc"
}

// wantsPage is true for navigations, and for anything else that asks for HTML by name.
func wantsPage(r *http.Request) bool {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
