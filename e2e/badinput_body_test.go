package e2e

import (
	"fmt"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// bodyRows are bodies that cost more than they look (B01), lengths over the limit (B03)
// and misuse of 100-continue (B04).
func bodyRows() []row {
	const xml, json, form = "text/xml", "application/json", "application/x-www-form-urlencoded"
	tooMuch := []int{200, 400, 403, 413, 415}
	deepJSON := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	deepXML := `<?xml version="1.0"?><methodCall>` + strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000) + "</methodCall>"
	laughs := `<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>` + strings.TrimPrefix(xmlCall("&b;", ""), `<?xml version="1.0"?>`)
	expect := func(id string, want []int, reach string, send string) row {
		return row{id: id, send: send, want: want, reach: reach}
	}
	return []row{
		{id: "B01 gzip bomb", send: post("acme.test", "/jsonrpc", json, gzipped(strings.Repeat(" ", 64<<20)), "Content-Encoding: gzip"), want: []int{400, 413, 415}},
		{id: "B01 deep JSON", send: post("acme.test", "/jsonrpc", json, deepJSON), want: tooMuch, more: refusedInShape},
		{id: "B01 deep JSON in front of the database", send: post("acme.test", "/jsonrpc", json, jsonCall("beta", `"x":`+deepJSON+",")), want: tooMuch, more: refusedInShape},
		{id: "B01 deep XML", send: post("acme.test", "/xmlrpc/2/object", xml, deepXML), want: tooMuch, more: refusedInShape},
		{id: "B01 entities", send: post("acme.test", "/xmlrpc/2/object", xml, laughs), want: tooMuch, more: refusedInShape},
		{id: "B01 broken JSON", send: post("acme.test", "/jsonrpc", json, `{"params": {`), want: tooMuch, more: refusedInShape},
		{id: "B01 an array of calls", send: post("acme.test", "/jsonrpc", json, "["+jsonCall("acme", "")+","+jsonCall("beta", "")+"]"), want: tooMuch, more: refusedInShape},
		{id: "B01 two documents", send: post("acme.test", "/jsonrpc", json, jsonCall("acme", "")+jsonCall("beta", "")), want: tooMuch, more: refusedInShape},
		{id: "B01 multipart login form with a foreign database", send: post("acme.test", "/web/login", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"db\"\r\n\r\nbeta\r\n--x--\r\n"), want: tooMuch[1:]},
		{id: "B03 a length over the limit", send: head("POST", "/web/binary/upload", "Host: acme.test", "X-Case: {case}", "Content-Length: 400000000"), want: []int{413}},
		{id: "B03 a length over the limit, waiting for leave", send: head("POST", "/web/binary/upload", "Host: acme.test", "X-Case: {case}", "Content-Length: 400000000", "Expect: 100-continue"), want: []int{413}, more: noContinue},
		{id: "B04 100-continue", send: post("acme.test", "/web/login", form, "login=a", "Expect: 100-continue"), want: []int{200}, reach: "acme", must: true, seen: lacks("Expect")},
		{id: "B04 100-continue of a refused request", send: head("POST", "/web/database/drop", "Host: acme.test", "X-Case: {case}", "Content-Length: 10", "Expect: 100-continue"), want: []int{403}, more: noContinue},
		expect("B04 another expectation", []int{200, 400, 417}, "acme", post("acme.test", "/web/login", form, "login=a", "Expect: something")),
		expect("B04 100-continue on GET", []int{200, 400}, "acme", get("acme.test", "/web", "Expect: 100-continue")),
	}
}

// noContinue: a request that is refused by its head alone must not be asked for its body.
func noContinue(t *testing.T, e harness.Exchange) {
	t.Helper()
	if len(e.Interim) > 0 {
		t.Errorf("asked for the body of a refused request: %v", e)
	}
}

// lyingLengths: a body that ends before its length never reaches a backend (B02).
func (l *lab) lyingLengths(t *testing.T) {
	for name, payload := range map[string]string{
		"B02 shorter than its length": head("POST", "/web/login", "Host: acme.test", "X-Case: {case}", "Content-Length: 100") + "login=a",
		"B02 chunks without an end":   head("POST", "/web/login", "Host: acme.test", "X-Case: {case}", "Transfer-Encoding: chunked") + "5\r\nlogin\r\n",
		"B02 cut inside a chunk":      head("POST", "/jsonrpc", "Host: acme.test", "X-Case: {case}", "Content-Type: application/json", "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n{", 1000),
		"B02 cut inside the header":   "POST /web/login HTTP/1.1\r\nHost: acme.test\r\nX-Case: {case}\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			marker := markerOf(name)
			e := harness.RawHalf(t, l.gateway.Web, strings.ReplaceAll(payload, "{case}", marker))
			if e.Status() >= 500 {
				t.Errorf("a client's fault became a %d", e.Status())
			}
			if !e.Closed {
				t.Errorf("the connection stays open: %v", e)
			}
			l.judge(t, row{}, marker)
		})
	}
}
