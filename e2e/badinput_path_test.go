package e2e

import (
	"net/url"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// pathRows try to reach the database manager through another spelling of its path, and
// make sure that odd but honest paths still work (P01-P06, P08, P09).
func pathRows() []row {
	closed := func(id, target string, want ...int) row {
		return row{id: id, send: get("acme.test", target), want: want}
	}
	// elsewhere may reach Odoo, which finds no manager there: exactly as sent or refused.
	elsewhere := func(id, target string) row {
		return row{id: id, send: get("acme.test", target), want: []int{200, 400, 403, 404}, reach: "acme", seen: noManager}
	}
	honest := func(target string) row {
		return row{id: "P09 " + target, send: get("acme.test", target), want: []int{200}, reach: "acme", must: true, seen: targetIs(target)}
	}
	rows := []row{
		closed("P01 dot dot", "/web/x/../database/manager", 400, 403),
		closed("P01 dot", "/web/./database/manager", 400, 403),
		closed("P01 leading slashes", "//web/database/manager", 400, 403),
		closed("P01 many leading slashes", "////web/database/manager", 400, 403),
		closed("P01 doubled slashes", "//web//database//manager", 400, 403),
		closed("P01 inner slashes", "/web//database/manager", 400, 403),
		closed("P01 slash at the end", "/web/database/manager/", 400, 403),
		closed("P01 encoded dots", "/web/x/%2e%2e/database/manager", 400, 403),
		closed("P01 encoded letter", "/web/%64atabase/manager", 400, 403),
		closed("P01 everything encoded", "/%77%65%62/%64%61%74%61%62%61%73%65/%6d%61%6e%61%67%65%72", 400, 403),
		closed("P01 language prefix", "/en/web/database/manager", 400, 403),
		closed("P01 long language prefix", "/nl_BE/web/database/manager", 400, 403),
		closed("P01 absolute target", "http://acme.test/web/database/manager", 400, 403),
		closed("P01 with a query", "/web/database/manager?x=1", 403),
		closed("P02 encoded slash", "/web%2fdatabase/manager", 400, 403),
		closed("P02 encoded slashes", "/web%2Fdatabase%2fmanager", 400, 403),
		closed("P02 encoded leading slash", "/%2fweb/database/manager", 400, 403),
		elsewhere("P03 encoded twice", "/web%252fdatabase/manager"),
		elsewhere("P03 letter encoded twice", "/web/%2564atabase/manager"),
		closed("P04 backslash", `/web\database/manager`, 400),
		closed("P04 encoded backslash", "/web%5cdatabase/manager", 400),
		closed("P04 encoded NUL", "/web/database/manager%00", 400),
		closed("P04 encoded NUL in front", "/web/%00/database/manager", 400),
		closed("P04 encoded question mark", "/web/database/manager%3fx", 400, 403),
		closed("P04 encoded hash", "/web/database/manager%23x", 400, 403),
		closed("P04 encoded line end", "/web/database/manager%0d%0aX:y", 400, 403),
		elsewhere("P05 parameter on the first part", "/web;x/database/manager"),
		elsewhere("P05 parameter on the second part", "/web/database;x/manager"), // Odoo: not found
		elsewhere("P05 upper case", "/WEB/database/manager"),
		elsewhere("P05 overlong slash", "/web%c0%afdatabase/manager"),
		elsewhere("P05 full width letters", "/web/%EF%BD%84atabase/manager"),
		elsewhere("P05 space", "/web%20/database/manager"),
		closed("P06 NUL", "/web\x00/x", 400),
		closed("P06 tab", "/web\t/x", 400),
		closed("P06 space", "/web /x", 400),
		closed("P06 broken encoding", "/web/%zz", 400),
		closed("P06 cut encoding", "/web/%6", 400),
		closed("P06 hash", "/web/database/manager#x", 400, 403),
		closed("P06 hash behind an honest path", "/web#x", 400),
	}
	for _, target := range []string{
		"/web/content/1/50%25%20off%3F.pdf", "/web/image/..%2Fname.png", "/web/image/1/a%23b.png", "/@slug", "/web/content/2/r%C3%A9sum%C3%A9.pdf",
		"/shop/category/chairs-12", "/my/orders/7?access_token=abc-def", "/web/login?redirect=%2Fodoo%2Faction-5%3Fdebug%3D1", "/odoo/action-5/12?x=%5B%22a%22%5D",
		"/web/assets/1a2b3c4/web.assets_web.min.js", "/web/content/3?filename=a%2Fb.txt", "/r/abc~def.html", "/web/webclient/version_info",
	} {
		rows = append(rows, honest(target))
	}
	return append(rows, managerRows()...)
}

// managerRows are every door to the database manager and the db service (P08).
func managerRows() []row {
	const form, xml, json = "application/x-www-form-urlencoded", "text/xml", "application/json"
	closed := []int{200, 403}
	list := `<?xml version="1.0"?><methodCall><methodName>list</methodName><params></params></methodCall>`
	var rows []row
	for _, name := range []string{"selector", "manager"} {
		rows = append(rows, row{id: "P08 " + name, send: get("acme.test", "/web/database/"+name), want: []int{403}})
	}
	for _, name := range []string{"create", "duplicate", "drop", "backup", "restore", "change_password"} {
		rows = append(rows, row{id: "P08 " + name, send: post("acme.test", "/web/database/"+name, form, "master_pwd=admin&name=x"), want: []int{403}})
	}
	rows = append(rows,
		row{id: "P08 list", send: post("acme.test", "/web/database/list", json, "{}"), want: closed, more: refusedInShape},
		row{id: "P08 anything below", send: get("acme.test", "/web/database/anything"), want: []int{403, 404}},
		row{id: "P08 json service db", send: post("acme.test", "/jsonrpc", json, `{"params":{"service":"db","method":"list","args":[]}}`), want: closed, more: refusedInShape},
		row{id: "P08 json service db in another order", send: post("acme.test", "/jsonrpc", json, `{"params":{"args":["acme"],"method":"drop","service":"db"}}`), want: closed, more: refusedInShape},
	)
	for _, path := range []string{"/xmlrpc/db", "/xmlrpc/2/db", "/en/xmlrpc/2/db", "/xmlrpc/2/%64b", "//xmlrpc/2/db", "/xmlrpc/2/db/"} {
		rows = append(rows, row{id: "P08 " + path, send: post("acme.test", path, xml, list), want: closed, more: refusedInShape})
	}
	return rows
}

// noManager: decoded once, as Odoo does, the path must not be the manager's. The rows that
// use it are harmless only because Odoo decodes once; a gateway that decodes for the
// backend opens the door.
func noManager(t *testing.T, s harness.Seen) {
	t.Helper()
	path, _, _ := strings.Cut(s.Target, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil || strings.HasPrefix(decoded, "/web/database/") {
		t.Errorf("the backend saw the target %q", s.Target)
	}
}
