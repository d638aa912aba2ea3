package odoo

import (
	"path"
	"strings"
)

// Classify says what a path means to Odoo. The path comes from DecodePath.
//
// The closed and the scanned paths come first and under any first segment: http_routing
// strips a language prefix and takes "/e/" for English, so /e/xmlrpc/2/db is the db service.
// A path that only names the manager once dot segments are resolved counts as the manager
// too: Odoo would not resolve them, but a proxy between us and Odoo might.
func (p Profile) Classify(decoded, method string) Class {
	whole := trimSlash(decoded)
	segment, rest := cutSegment(whole)
	if isManager(whole) || isManager(rest) || resolvesToManager(whole) {
		return Manager
	}
	if p.isRPC(whole) || p.isRPC(rest) {
		return RPC
	}
	if c := p.class(whole); c != Web || !p.LangPrefixes || !isLang(segment) {
		return c
	}
	if c := p.class(rest); c != Realtime && c != Health {
		return c
	}
	return Web
}

func isManager(path string) bool {
	return within(path, "/web/database") || within(path, "/xmlrpc/db") || within(path, "/xmlrpc/2/db")
}

func (p Profile) isRPC(path string) bool {
	return within(path, "/xmlrpc") || within(path, "/jsonrpc") ||
		(p.JSON1 && within(path, "/json/1")) || (p.JSON2 && within(path, "/json/2"))
}

func resolvesToManager(decoded string) bool {
	if !strings.Contains(decoded, "/..") && !strings.Contains(decoded, "/./") {
		return false
	}
	clean := path.Clean(decoded)
	_, rest := cutSegment(clean)
	return isManager(clean) || isManager(rest)
}

// class decides for a path without language prefix and without a slash at the end.
func (p Profile) class(path string) Class {
	switch {
	case p.isRealtime(path):
		return Realtime
	case path == "/web/health" || path == "/websocket/health":
		return Health
	case p.isStatic(path):
		return Static
	case isReport(path):
		return Report
	case within(path, "/my") || within(path, "/portal") || path == "/mail/view":
		return Portal
	}
	return Web
}

// isRealtime is exact from 16 on: the realtime port serves every route of Odoo, so no more
// than the socket itself may go there. peek_notifications and its like are plain JSON.
func (p Profile) isRealtime(path string) bool {
	if p.Websocket {
		return path == "/websocket"
	}
	return p.Longpolling && within(path, "/longpolling")
}

func (p Profile) isStatic(path string) bool {
	if _, rest := cutSegment(path); strings.HasPrefix(rest, "/static/") {
		return true
	}
	if !strings.HasPrefix(path, p.AssetPrefix) || p.AssetPrefix == "" {
		return false
	}
	if p.AssetPrefix == "/web/assets/" {
		return true // nothing but bundles lives there, debug and per-website ones included
	}
	name := path[len(p.AssetPrefix):]
	i := strings.IndexByte(name, '/')
	return i > 0 && isAssetID(name[:i])
}

// isAssetID knows <id>-<hash>. /web/content serves attachments too, under <id> or
// <id>-<unique>; those are bundles only when a hash of seven or more hex digits follows.
func isAssetID(segment string) bool {
	i := strings.IndexByte(segment, '-')
	if i < 1 || len(segment)-i-1 < 7 {
		return false
	}
	return allBytes(segment[:i], isDigit) && allBytes(segment[i+1:], isHex)
}

func isReport(path string) bool {
	switch path {
	case "/report/download", "/web/export/csv", "/web/export/xlsx", "/web/export/xls",
		"/web/pivot/export_xlsx", "/web/pivot/export_xls":
		return true
	}
	return within(path, "/report/pdf") || within(path, "/report/html") || within(path, "/report/text")
}

// within tells whether path is prefix or lies below it.
func within(path, prefix string) bool {
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// trimSlash drops the slash at the end: Odoo's routes answer with and without it.
func trimSlash(path string) string {
	if len(path) > 1 && path[len(path)-1] == '/' {
		return path[:len(path)-1]
	}
	return path
}

// cutSegment cuts "/fr/shop/1" into "fr" and "/shop/1".
func cutSegment(path string) (segment, rest string) {
	if len(path) < 2 {
		return "", ""
	}
	i := strings.IndexByte(path[1:], '/')
	if i < 0 {
		return path[1:], ""
	}
	return path[1 : i+1], path[i+1:]
}

// CutLang cuts a language prefix off: "/fr/my/orders" into "fr" and "/my/orders". A path
// without one comes back whole. Rules about paths must hold for both forms, because Odoo
// serves both.
func CutLang(path string) (lang, rest string) {
	segment, rest := cutSegment(path)
	if rest == "" || !isLang(segment) {
		return "", path
	}
	return segment, rest
}

// isLang knows the language codes of URLs (fr, fr_BE, es_419, sr@latin) and what
// http_routing takes for one: it cuts at the first '_' and looks for a language that starts
// with the rest, so /f and /fr_x are French too.
func isLang(segment string) bool {
	n := 0
	for n < len(segment) && segment[n] >= 'a' && segment[n] <= 'z' {
		n++
	}
	if n < 1 || n > 3 {
		return false
	}
	return n == len(segment) || segment[n] == '_' || segment[n] == '-' || segment[n] == '@'
}
