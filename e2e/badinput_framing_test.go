package e2e

import (
	"fmt"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// inner is a request hidden in the body of another; no backend may ever see it.
const inner = "GET " + smuggled + " HTTP/1.1\r\nHost: beta.test\r\n\r\n"

// smuggled is the target of the inner request; the test looks for it at the end.
const smuggled = "/smuggled"

// framingRows disagree about where a request ends (S01-S12).
func framingRows() []row {
	const form = "application/x-www-form-urlencoded"
	te := func(id, value string, want ...int) row {
		return row{id: id, send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "Content-Type: "+form, "Transfer-Encoding: "+value) + "0\r\n\r\n", want: want, reach: "acme"}
	}
	length := func(id string, lines ...string) row {
		return row{id: id, send: head("POST", "/web", append([]string{"Host: acme.test", "X-Case: {case}"}, lines...)...) + "abcd", want: []int{400}, closes: true}
	}
	body := func(id, text string) row {
		return row{id: id, send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "Transfer-Encoding: chunked") + text, want: []int{400}, closes: true}
	}
	rows := []row{
		{
			id:   "S01 length and chunked",
			send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "Content-Length: 6", "Transfer-Encoding: chunked") + "0\r\n\r\n" + inner,
			want: []int{200, 400}, reach: "acme", closes: true, more: oneAnswer,
		},
		{
			id:   "S01 chunked and length",
			send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "Transfer-Encoding: chunked", "Content-Length: 6") + "0\r\n\r\n" + inner,
			want: []int{200, 400}, reach: "acme", closes: true, more: oneAnswer,
		},
		length("S02 two lengths", "Content-Length: 4", "Content-Length: 5"),
		length("S02 plus sign", "Content-Length: +4"),
		length("S02 list of other lengths", "Content-Length: 4, 5"),
		length("S02 list", "Content-Length: 4, 4"),
		length("S02 empty", "Content-Length: "),
		length("S02 negative", "Content-Length: -4"),
		length("S02 hexadecimal", "Content-Length: 0x4"),
		length("S02 space inside", "Content-Length: 1 4"),
		length("S02 beyond any number", "Content-Length: 99999999999999999999"),
		te("S03 xchunked", "xchunked", 400, 501),
		te("S03 chunked and identity", "chunked, identity", 400, 501),
		te("S03 identity", "identity", 400, 501),
		te("S03 vertical tab", "\vchunked", 400, 501),
		te("S03 two lines", "chunked\r\nTransfer-Encoding: identity", 400, 501),
		te("S03 gzip and chunked", "gzip, chunked", 400, 501),
		{
			id:   "S04 chunked on HTTP 1.0",
			send: strings.Replace(chunked("acme.test", "/web", form, "a=b", 3), "HTTP/1.1", "HTTP/1.0", 1) + inner,
			want: []int{200, 400, 501}, reach: "acme", closes: true, more: oneAnswer,
		},
		body("S05 extension with a bare line feed", "1;a\nb\r\nx\r\n0\r\n\r\n"),
		body("S05 negative size", "-1\r\nx\r\n0\r\n\r\n"),
		body("S05 0x in the size", "0x1\r\nx\r\n0\r\n\r\n"),
		body("S05 bare line feeds", "1\nx\n0\n\n"),
		body("S05 size beyond any number", "ffffffffffffffffff\r\nx\r\n0\r\n\r\n"),
		body("S05 chunk longer than its size", "1\r\nxyz\r\n0\r\n\r\n"),
		body("S05 no size", "\r\nx\r\n0\r\n\r\n"),
		body("S05 underscore in the size", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n"),
		{
			id:   "S06 bare line feeds in the header",
			send: "GET /web HTTP/1.1\nHost: acme.test\nX-Case: {case}\n\n", want: []int{200, 400}, reach: "acme",
		},
		{
			id:   "S07 trailer with the dbfilter",
			send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "Transfer-Encoding: chunked", "Trailer: X-Odoo-Dbfilter") + "1\r\nx\r\n0\r\nX-Odoo-Dbfilter: ^evil\r\nRemote-User: evil\r\n\r\n",
			want: []int{200, 400}, reach: "acme", seen: noTrailer,
		},
		{id: "S09 CONNECT", send: "CONNECT beta.test:443 HTTP/1.1\r\nHost: acme.test\r\nX-Case: {case}\r\n\r\n", want: []int{400, 405, 501}},
		{id: "S09 CONNECT own host", send: "CONNECT acme.test:443 HTTP/1.1\r\nHost: acme.test:443\r\nX-Case: {case}\r\n\r\n", want: []int{400, 405, 501}},
		{id: "S09 CONNECT with a path", send: "CONNECT /web HTTP/1.1\r\nHost: acme.test\r\nX-Case: {case}\r\n\r\n", want: []int{400, 405, 501}},
		{
			id:   "S10 upgrade to h2c",
			send: get("acme.test", "/web", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
			want: []int{200, 400, 403}, reach: "acme", seen: lacks("Upgrade", "HTTP2-Settings"),
		},
		{id: "S12 body larger than its length", send: post("acme.test", "/web", form, "ab") + "cdefgh\r\n\r\n", want: []int{200, 400}, reach: "acme", closes: true},
		{
			id:   "S12 refused with an unread body",
			send: head("POST", "/web/database/drop", "Host: acme.test", "X-Case: {case}", "Content-Length: "+fmt.Sprint(len(inner))) + inner, want: []int{403}, more: oneAnswer,
		},
		{
			id:   "S12 rejected by its header, with an unread body",
			send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "X_Odoo_Dbfilter: evil", "Content-Length: "+fmt.Sprint(len(inner))) + inner, want: []int{400}, more: oneAnswer,
		},
		{
			id:   "S12 rejected by its header, with a body that does not come",
			send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "X_Odoo_Dbfilter: evil", "Content-Length: 1000000") + inner, want: []int{400}, more: oneAnswer,
		},
	}
	for _, method := range []string{"TRACE", "TRACK", "get", "Get", "DEBUG", "PROPFIND", "GIBBERISH", "M-SEARCH"} {
		rows = append(rows, row{id: "S11 method " + method, send: strings.Replace(get("acme.test", "/web"), "GET", method, 1), want: []int{400, 405, 501}})
	}
	return append(rows, row{id: "S11 GET with a body", send: strings.Replace(post("acme.test", "/web", form, "a=b"), "POST", "GET", 1), want: []int{200, 400, 405}, reach: "acme"})
}

// oneAnswer: what follows on the connection must not be taken for a request.
func oneAnswer(t *testing.T, e harness.Exchange) {
	t.Helper()
	if len(e.Answers) > 1 {
		t.Errorf("the hidden request was answered: %v", e.Statuses())
	}
}

func noTrailer(t *testing.T, s harness.Seen) {
	t.Helper()
	lacks("Trailer")(t, s)
	if strings.Contains(string(s.Body), "evil") {
		t.Errorf("the trailer reached the backend's body: %q", s.Body)
	}
}

func lacks(names ...string) func(*testing.T, harness.Seen) {
	return func(t *testing.T, s harness.Seen) {
		t.Helper()
		for _, name := range names {
			if got := s.Get(name); len(got) > 0 {
				t.Errorf("the backend saw %s: %q", name, got)
			}
		}
	}
}

// smugglerRows are the many spellings of one header that tools for request smuggling try
// (S13): no spelling may make two requests of one.
func smugglerRows() []row {
	spellings := map[string]string{
		"plain": "Transfer-Encoding: chunked", "lower case": "transfer-encoding: chunked", "upper case value": "Transfer-Encoding: CHUNKED",
		"nothing after the colon": "Transfer-Encoding:chunked", "tab after the colon": "Transfer-Encoding:\tchunked", "space before the colon": "Transfer-Encoding : chunked",
		"tab before the colon": "Transfer-Encoding\t: chunked", "leading space": " Transfer-Encoding: chunked", "folded": "Transfer-Encoding:\r\n chunked",
		"folded name": "X: y\r\n Transfer-Encoding: chunked", "quoted": `Transfer-Encoding: "chunked"`, "single quoted": "Transfer-Encoding: 'chunked'",
		"underscore": "Transfer_Encoding: chunked", "comma in front": "Transfer-Encoding: ,chunked", "comma behind": "Transfer-Encoding: chunked,", "twice": "Transfer-Encoding: chunked, chunked",
		"two lines": "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked", "two lines turned": "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
		"semicolon": "Transfer-Encoding: chunked;q=1", "bare CR in front": "X: y\rTransfer-Encoding: chunked", "bare LF in front": "X: y\nTransfer-Encoding: chunked",
		"connection names it": "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", "content encoding": "Content-Encoding: chunked", "te": "TE: chunked",
	}
	for _, b := range []byte{0x00, 0x01, 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x1f, 0x20, 0x7f, 0x80, 0x85, 0xa0, 0xff} {
		spellings[fmt.Sprintf("byte %02x before the value", b)] = "Transfer-Encoding: " + string([]byte{b}) + "chunked"
		spellings[fmt.Sprintf("byte %02x after the value", b)] = "Transfer-Encoding: chunked" + string([]byte{b})
		spellings[fmt.Sprintf("byte %02x before the name", b)] = string([]byte{b}) + "Transfer-Encoding: chunked"
		spellings[fmt.Sprintf("byte %02x after the name", b)] = "Transfer-Encoding" + string([]byte{b}) + ": chunked"
		spellings[fmt.Sprintf("byte %02x instead of the space", b)] = "Transfer-Encoding:" + string([]byte{b}) + "chunked"
	}
	var rows []row
	hidden := "0\r\n\r\n" + inner
	for name, line := range spellings {
		rows = append(rows, row{
			id:   "S13 length wins, " + name,
			send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "Content-Length: "+fmt.Sprint(len(hidden)), line) + hidden,
			want: []int{200, 400, 501}, reach: "acme", more: oneAnswer,
		}, row{
			id:   "S13 chunked wins, " + name,
			send: head("POST", "/web", "Host: acme.test", "X-Case: {case}", "Content-Length: 4", line) + "5c\r\n" + strings.Repeat("x", 0x5c) + "\r\n0\r\n\r\n",
			want: []int{200, 400, 501}, reach: "acme",
		})
	}
	return rows
}
