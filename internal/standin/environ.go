package standin

import (
	"net"
	"strings"
)

// environ is the WSGI environment: what Odoo knows about a request.
type environ map[string]string

// newEnviron maps headers as Werkzeug 2.2 does: dash and underscore become one, so a client's
// X_Forwarded_Host joins the gateway's X-Forwarded-Host, in order of arrival. gevent, on
// the realtime port, drops names with an underscore.
func newEnviron(h *head, remote string, dropUnderscores bool) environ {
	env := make(environ, len(h.fields)+12)
	for _, f := range h.fields {
		if dropUnderscores && strings.Contains(f.name, "_") {
			continue
		}
		key := strings.ToUpper(strings.ReplaceAll(f.name, "-", "_"))
		if key == "CONTENT_TYPE" || key == "CONTENT_LENGTH" {
			env[key] = f.value
			continue
		}
		env.join("HTTP_"+key, f.value)
	}
	env["REQUEST_METHOD"] = h.method
	env["SERVER_PROTOCOL"] = h.proto
	env["REQUEST_URI"] = h.target
	env["wsgi.url_scheme"] = "http"
	env["REMOTE_ADDR"], env["REMOTE_PORT"], _ = net.SplitHostPort(remote)
	env.target(h.target, dropUnderscores)
	return env
}

func (e environ) join(key, value string) {
	if before, ok := e[key]; ok {
		separator := ","
		if key == "HTTP_COOKIE" {
			separator = "; "
		}
		value = before + separator + value
	}
	e[key] = value
}

// target splits the request target. An absolute one overrides the Host header; Werkzeug cuts
// a fragment off, gevent keeps it.
func (e environ) target(target string, keepFragment bool) {
	if !keepFragment {
		target, _, _ = strings.Cut(target, "#")
	}
	if scheme, rest, ok := strings.Cut(target, "://"); ok && isAlpha(scheme) {
		host, path, _ := strings.Cut(rest, "/")
		e["HTTP_HOST"], target = host, "/"+path
	}
	path, query, _ := strings.Cut(target, "?")
	e["PATH_INFO"], e["QUERY_STRING"] = unquote(path), query
	if strings.HasPrefix(path, "//") { // Odoo's routes are found below any number of slashes
		e["PATH_INFO"] = "/" + strings.TrimLeft(e["PATH_INFO"], "/")
	}
}

// proxyFix is Werkzeug's ProxyFix(x_for=1, x_proto=1, x_host=1) as Odoo mounts it: only if
// X-Forwarded-Host is there, and only the last element of each header.
func (e environ) proxyFix() {
	if e["HTTP_X_FORWARDED_HOST"] == "" {
		return
	}
	if client := lastElement(e["HTTP_X_FORWARDED_FOR"]); client != "" {
		e["REMOTE_ADDR"] = client
	}
	if scheme := lastElement(e["HTTP_X_FORWARDED_PROTO"]); scheme != "" {
		e["wsgi.url_scheme"] = scheme
	}
	if host := lastElement(e["HTTP_X_FORWARDED_HOST"]); host != "" {
		e["HTTP_HOST"] = host
	}
}

func lastElement(list string) string {
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}

func isAlpha(s string) bool {
	for _, r := range s {
		if r < 'A' || r > 'z' || r > 'Z' && r < 'a' {
			return false
		}
	}
	return s != ""
}

// unquote decodes %XX once and leaves what is no escape alone, as Python does.
func unquote(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

func unhex(b byte) byte {
	switch {
	case b <= '9':
		return b - '0'
	case b >= 'a':
		return b - 'a' + 10
	}
	return b - 'A' + 10
}
