package e2e

import (
	"fmt"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// headerRows try to hand Odoo headers that only the gateway may set (H01-H11, H13, C01).
// Whatever the client chose holds the word evil; no backend may see that word.
func headerRows() []row {
	var rows []row
	passes := func(id string, header ...string) {
		rows = append(rows, row{id: id, send: get("acme.test", "/web", header...), want: []int{200}, reach: "acme", must: true})
	}
	refused := func(id string, header ...string) {
		rows = append(rows, row{id: id, send: get("acme.test", "/web", header...), want: []int{400}})
	}
	passes("H01 dbfilter", "X-Odoo-dbfilter: ^evil")
	passes("H01 dbfilter twice", "X-Odoo-Dbfilter: ^evil", "x-odoo-dbfilter: |^evil")
	for _, name := range []string{"X_Odoo_dbfilter", "X-Odoo_dbfilter", "X_Forwarded_Host", "X_Forwarded_For", "X_Forwarded_Proto"} {
		refused("H02 "+name, name+`: |^evil\Z`)
	}
	for _, mark := range "!#$%&'*+.^_`|~" {
		refused(fmt.Sprintf("H02 spelled with %U", mark), fmt.Sprintf("X%[1]cOdoo%[1]cDbfilter: evil", mark))
	}
	refused("H03 broken dbfilter", "X_odoo_dbfilter: (")
	for _, name := range []string{"Host", "Proto", "Port", "For", "Prefix", "Server", "Uri", "Method", "Tls-Client-Cert", "Tls-Client-Cert-Info", "Ssl"} {
		passes("H04 X-Forwarded-"+name, "X-Forwarded-"+name+": evil")
	}
	passes("H04 X-Real-Ip", "X-Real-Ip: evil")
	passes("H04 forwarded chain", "X-Forwarded-For: evil, 10.0.0.1", "X-Forwarded-For: evil", "X-Forwarded-Host: evil, acme.test", "X-Forwarded-Proto: https, evil")
	for _, name := range []string{
		"Forwarded", "X-Host", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "True-Client-IP",
		"X-Azure-ClientIP", "X-Azure-SocketIP", "X-ARR-ClientCert", "X-ARR-SSL", "X-Original-For", "X-Original-Proto", "X-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP", "Front-End-Https", "Proxy",
	} {
		passes("H05 "+name, name+": evil")
	}
	for _, name := range []string{"X-Auth-User", "X-Auth-Request-User", "Remote-User", "Ssl-Client-Cert", "Ssl-Client-Verify", "X-Remote-User", "X-Sluice-Tenant", "X-MS-Client-Principal"} {
		passes("H06 "+name, name+": evil")
	}
	for _, connection := range []string{"Connection", "connection", "CONNECTION"} {
		passes("H07 "+connection+" names our headers",
			connection+": close, x-odoo-dbfilter, X-Forwarded-Host, x-forwarded-for, X-FORWARDED-PROTO, x-real-ip, Host, X-Request-Id")
	}
	refused("H09 space before the colon", "Name : evil")
	refused("H09 space inside the name", "Na me: evil")
	refused("H09 NUL in the value", "Name: ev\x00il")
	refused("H09 bare CR in the value", "Name: a\rX-Odoo-Dbfilter: evil")
	refused("H09 no colon", "Name")
	refused("H09 empty name", ": evil")
	refused("H09 letters beyond ASCII in the name", "Namé: evil")
	rows = append(rows,
		row{id: "H09 space before the first header", send: "GET / HTTP/1.1\r\n X-Odoo-Dbfilter: evil\r\nHost: acme.test\r\nX-Case: {case}\r\n\r\n", want: []int{400}},
		row{id: "H10 folded line", send: get("acme.test", "/web", "X-A: 1\r\n X-Odoo-Dbfilter: folded"), want: []int{200, 400}, reach: "acme"},
		row{id: "H10 folded line with a tab", send: get("acme.test", "/web", "X-A: 1\r\n\tX_Odoo_Dbfilter: folded"), want: []int{200, 400}, reach: "acme"},
		row{id: "H13 PROXY protocol from a stranger", send: "PROXY TCP4 192.0.2.66 127.0.0.1 5 6\r\n" + get("acme.test", "/"), want: []int{0, 400}, closes: true},
		row{id: "H13 PROXY protocol, binary", send: "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x42\x7f\x00\x00\x01\x00\x05\x00\x06" + get("acme.test", "/"), want: []int{0, 400}, closes: true},
	)
	return append(append(rows, hugeRows()...), cookieRows()...)
}

// hugeRows are more header than anybody needs (H11).
func hugeRows() []row {
	many := func(count int, format, separator string) string {
		parts := make([]string, count)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, separator)
	}
	tooMuch := []int{400, 414, 431}
	return []row{
		{id: "H11 cookie of 70 kB", send: get("acme.test", "/web", "Cookie: a="+strings.Repeat("x", 70_000)), want: tooMuch},
		{id: "H11 2000 headers", send: get("acme.test", "/web", many(2000, "X-H-%d: "+strings.Repeat("v", 40), "\r\n")), want: tooMuch},
		{id: "H11 10000 cookies", send: get("acme.test", "/web", "Cookie: "+many(10_000, "c%d=1", "; ")), want: tooMuch},
		{id: "H11 10000 query parameters", send: get("acme.test", "/web?"+many(10_000, "p%d=1", "&")), want: tooMuch},
		{id: "H11 path of 70 kB", send: get("acme.test", "/"+strings.Repeat("x", 70_000)), want: tooMuch},
	}
}

// cookieRows: Odoo reads the first session_id; the gateway must hand it one only, and the
// one that it decided on itself.
func cookieRows() []row {
	id := func(letter string) string { return strings.Repeat(letter, 84) }
	one := func(want string) func(*testing.T, harness.Seen) {
		return func(t *testing.T, s harness.Seen) {
			t.Helper()
			cookies := strings.Join(s.Get("Cookie"), "; ")
			if strings.Count(cookies, "session_id") > 1 || want != "" && !strings.Contains(cookies, want) {
				t.Errorf("the backend saw the cookies %q, want one session_id %q", cookies, want)
			}
		}
	}
	cookie := func(name, want string, header ...string) row {
		return row{id: "C01 " + name, send: get("acme.test", "/web", header...), want: []int{200, 400}, reach: "acme", seen: one(want)}
	}
	return []row{
		cookie("two session cookies", id("a"), "Cookie: session_id="+id("a")+"; session_id="+id("b")),
		cookie("two Cookie lines", id("a"), "Cookie: session_id="+id("a"), "Cookie: session_id="+id("b")),
		cookie("quoted", id("a"), `Cookie: session_id="`+id("a")+`"; tz=UTC`),
		cookie("space before the sign", "", "Cookie: session_id ="+id("b")+"; session_id="+id("a")),
		cookie("malformed", "", "Cookie: session_id=../../evil; tz=UTC"),
		cookie("another case", "", "Cookie: Session_Id=x; session_id="+id("a")),
	}
}
