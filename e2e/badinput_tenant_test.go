package e2e

import (
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// tenantRows try to reach a tenant other than the one the host names (T01-T13, T19-T22).
func tenantRows() []row {
	rows := []row{
		{id: "T01 two Host headers", send: get("acme.test", "/", "Host: beta.test"), want: []int{400}, closes: true},
		{id: "T03 absolute target of another tenant", send: get("acme.test", "http://beta.test/p"), want: []int{400}},
		{id: "T03 absolute target of the same tenant", send: get("acme.test", "http://acme.test/p"), want: []int{200, 400}, reach: "acme"},
		{id: "T03 absolute target of https", send: get("acme.test", "https://beta.test/p"), want: []int{400}},
		{id: "T04 userinfo in the target", send: get("beta.test", "http://acme.test@beta.test/p"), want: []int{400}},
		{id: "T04 userinfo, other host", send: get("acme.test", "http://acme.test@beta.test/p"), want: []int{400}},
		{id: "T05 rootless target", send: get("acme.test", "http:beta.test/p"), want: []int{400}},
		{id: "T05 target without a slash", send: get("acme.test", "web/login"), want: []int{400}},
		{id: "T06 HTTP 1.0 without Host", send: "GET /{case} HTTP/1.0\r\n\r\n", want: []int{400, 404, 421}},
		{id: "T06 HTTP 1.1 without Host", send: "GET /{case} HTTP/1.1\r\n\r\n", want: []int{400}},
		{id: "T06 empty Host", send: get("", "/"), want: []int{400, 404, 421}},
		{id: "T06 IPv4 literal", send: get("127.0.0.1", "/"), want: []int{404, 421}},
		{id: "T06 IPv4 literal with port", send: get("127.0.0.1:8080", "/"), want: []int{404, 421}},
		{id: "T06 IPv6 literal", send: get("[::1]", "/"), want: []int{404, 421}},
		{id: "T06 IPv6 literal in IPv4 form", send: get("[::ffff:127.0.0.1]", "/"), want: []int{400, 404, 421}},
		{id: "T07 dot at the end", send: get("acme.test.", "/"), want: []int{200, 308}, reach: "acme", must: true},
		{id: "T07 two dots at the end", send: get("acme.test..", "/"), want: []int{400, 404}},
		{id: "T08 upper case", send: get("ACME.Test", "/"), want: []int{200}, reach: "acme", must: true},
		{id: "T08 port", send: get("acme.test:8443", "/"), want: []int{200}, reach: "acme", must: true},
		{id: "T08 bad port", send: get("acme.test:99999", "/"), want: []int{400}},
		{id: "T08 port of letters", send: get("acme.test:http", "/"), want: []int{400}},
		{id: "T08 empty port", send: get("acme.test:", "/"), want: []int{200, 400}, reach: "acme"},
		{id: "T09 empty label", send: get(".wild.test", "/"), want: []int{400, 404}},
		{id: "T09 the wildcard's own name", send: get("wild.test", "/"), want: []int{404}},
		{id: "T09 a star as sent", send: get("*.wild.test", "/"), want: []int{400, 404}},
		{id: "T10 two labels", send: get("x.y.wild.test", "/"), want: []int{404}},
		{id: "T11 underscore", send: get("a_b.wild.test", "/"), want: []int{400, 404}},
		{id: "T12 punycode look-alike", send: get("xn--cme-7cd.test", "/"), want: []int{400, 404}},
		{id: "T12 punycode of plain letters", send: get("xn--acme-.test", "/"), want: []int{400, 404}},
		{id: "T12 encoded dot", send: get("acme%2etest", "/"), want: []int{400, 404}},
		{id: "T13 one label under the wildcard", send: get("shop.wild.test", "/"), want: []int{200}, reach: "wild", must: true},
		{id: "T13 the exact host beats the wildcard", send: get("special.wild.test", "/"), want: []int{200}, reach: "special", must: true},
		{id: "T19 session id in the query", send: get("acme.test", "/web?session_id=evil&x=1"), want: []int{200}, reach: "acme", must: true, seen: targetIs("/web?x=1")},
		{id: "T19 session id in the query, encoded name", send: get("acme.test", "/web?%73ession%5fid=evil"), want: []int{200, 400}, reach: "acme"},
		{id: "T19 session id in a header", send: get("acme.test", "/web", "X-Openerp-Session-Id: evil"), want: []int{200}, reach: "acme", must: true},
		{id: "T20 database in the query", send: get("acme.test", "/web?db=evil"), want: []int{200, 403}, reach: "acme"},
		{id: "T20 database in the query of the login page", send: get("acme.test", "/web/login?db=evil&redirect=x"), want: []int{200, 403}, reach: "acme"},
		{id: "T20 database in the query, encoded name", send: get("acme.test", "/web?%64b=evil"), want: []int{200, 400, 403}, reach: "acme"},
		{id: "T20 database in the query, twice", send: get("acme.test", "/web?db=acme&db=evil"), want: []int{200, 403}, reach: "acme"},
		{id: "T20 database header of Odoo 19", send: get("acme.test", "/web", "X-Odoo-Database: evil"), want: []int{200}, reach: "acme", must: true},
		{id: "T22 the dbfilter is quoted and anchored", send: get("dotted.test", "/"), want: []int{200}, reach: "dotted", must: true},
	}
	for name, host := range map[string]string{
		"comma": "acme.test, beta.test", "slash": "acme.test/", "path": "acme.test/beta.test", "space": "acme .test", "at": "beta.test@acme.test",
		"NUL": "acme.test\x00", "UTF-8": "acmé.test", "tab": "acme\t.test", "backslash": `acme.test\beta.test`, "hash": "acme.test#beta.test", "question mark": "acme.test?beta.test",
	} {
		rows = append(rows, row{id: "T02 " + name + " in Host", send: get(host, "/"), want: []int{400}})
	}
	return append(rows, foreignDatabaseRows()...)
}

// foreignDatabaseRows address another tenant's database in a body (T21), in every wrapping.
func foreignDatabaseRows() []row {
	const xml, json, form = "text/xml", "application/json", "application/x-www-form-urlencoded"
	padding := strings.Repeat(" ", 2<<20)
	refused := []int{400, 403, 413, 415}
	var rows []row
	foreign := func(name, request string) {
		rows = append(rows, row{id: "T21 " + name, send: request, want: append([]int{200}, refused...), more: refusedInShape})
	}
	own := func(name, request string) {
		rows = append(rows, row{id: "T21 own " + name, send: request, want: []int{200}, reach: "acme", must: true})
	}
	for _, path := range []string{"/xmlrpc/2/object", "/xmlrpc/2/common", "/xmlrpc/object", "/en/xmlrpc/2/object", "//xmlrpc/2/object", "/xmlrpc/2/%6fbject"} {
		foreign("xml "+path, post("acme.test", path, xml, xmlCall("beta", "")))
	}
	own("xml", post("acme.test", "/xmlrpc/2/object", xml, xmlCall("acme", "")))
	own("xml chunked", chunked("acme.test", "/xmlrpc/2/object", xml, xmlCall("acme", ""), 3))
	foreign("xml chunked", chunked("acme.test", "/xmlrpc/2/object", xml, xmlCall("beta", ""), 3))
	foreign("xml padded", post("acme.test", "/xmlrpc/2/object", xml, xmlCall("beta", padding)))
	foreign("xml gzip", post("acme.test", "/xmlrpc/2/object", xml, gzipped(xmlCall("beta", "")), "Content-Encoding: gzip"))
	foreign("xml of another type", post("acme.test", "/xmlrpc/2/object", "text/plain", xmlCall("beta", "")))
	foreign("xml in UTF-16", post("acme.test", "/xmlrpc/2/object", "text/xml; charset=utf-16", utf16le(xmlCall("beta", ""))))
	foreign("xml with an entity", post("acme.test", "/xmlrpc/2/object", xml,
		strings.Replace(xmlCall("&d;", ""), "?>", `?><!DOCTYPE m [<!ENTITY d "beta">]>`, 1)))
	foreign("json", post("acme.test", "/jsonrpc", json, jsonCall("beta", "")))
	own("json", post("acme.test", "/jsonrpc", json, jsonCall("acme", "")))
	own("json padded", chunked("acme.test", "/jsonrpc", json, jsonCall("acme", padding), 16<<10))
	foreign("json padded, chunked", chunked("acme.test", "/jsonrpc", json, jsonCall("beta", padding), 16<<10))
	foreign("json gzip", post("acme.test", "/jsonrpc", json, gzipped(jsonCall("beta", "")), "Content-Encoding: gzip"))
	foreign("json escaped", post("acme.test", "/jsonrpc", json, strings.Replace(jsonCall("beta", ""), "args", `\u0061rgs`, 1)))
	foreign("json escaped name", post("acme.test", "/jsonrpc", json, jsonCall(`\u0062eta`, "")))
	foreign("json duplicate key", post("acme.test", "/jsonrpc", json,
		strings.Replace(jsonCall("acme", ""), `"args"`, `"args": ["acme"], "args": ["beta", 2, "p", "m", "f", []], "x"`, 1)))
	foreign("json rpc type", post("acme.test", "/jsonrpc", "application/json-rpc", jsonCall("beta", "")))
	foreign("authenticate", post("acme.test", "/web/session/authenticate", json, `{"jsonrpc":"2.0","params":{"db":"beta","login":"a","password":"b"}}`))
	own("authenticate", post("acme.test", "/web/session/authenticate", json, `{"jsonrpc":"2.0","params":{"db":"acme","login":"a","password":"b"}}`))
	foreign("login form", post("acme.test", "/web/login", form, "csrf_token=x&db=beta&login=a&password=b"))
	foreign("login form, encoded", post("acme.test", "/web/login", form, "csrf_token=x&%64b=beta&login=a&password=b"))
	own("login form", post("acme.test", "/web/login", form, "csrf_token=x&login=a&password=b"))
	foreign("db service by json", post("acme.test", "/jsonrpc", json, `{"jsonrpc":"2.0","method":"call","params":{"service":"db","method":"list","args":[]}}`))
	foreign("db service by json, escaped", post("acme.test", "/jsonrpc", json, `{"jsonrpc":"2.0","method":"call","params":{"\u0073ervice":"\u0064b","method":"list","args":[]}}`))
	return rows
}

// refusedInShape: a 200 is right only as a fault or an error object, in the protocol of
// the caller.
func refusedInShape(t *testing.T, e harness.Exchange) {
	t.Helper()
	if e.Status() == 200 && !strings.Contains(e.Body(), "faultCode") && !strings.Contains(e.Body(), `"error"`) {
		t.Errorf("answered 200 and no fault: %v", e)
	}
}

func targetIs(want string) func(*testing.T, harness.Seen) {
	return func(t *testing.T, s harness.Seen) {
		t.Helper()
		if s.Target != want {
			t.Errorf("the backend saw the target %q, want %q", s.Target, want)
		}
	}
}
