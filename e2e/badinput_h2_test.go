package e2e

import (
	"slices"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// h2row is one bad HTTP/2 request: fields, name and value in turn.
type h2row struct {
	id     string
	fields []string
	body   string
	reach  string   // tenant whose backend may see it
	want   []string // statuses; empty: it must be refused in any way
}

func h2get(path string, more ...string) []string {
	return append([]string{":method", "GET", ":scheme", "https", ":authority", "acme.test", ":path", path}, more...)
}

func h2rows() []h2row {
	replace := func(fields []string, name, value string) []string {
		fields = slices.Clone(fields)
		fields[slices.Index(fields, name)+1] = value
		return fields
	}
	return []h2row{
		{id: "T17 authority and another host", fields: h2get("/web", "host", "beta.test"), reach: "acme", want: []string{"200", "400", "421"}},
		{id: "T17 two authorities", fields: append([]string{":authority", "beta.test"}, h2get("/web")...)},
		{id: "T17 no authority, host of another tenant", fields: []string{":method", "GET", ":scheme", "https", ":path", "/web", "host", "beta.test"}, want: []string{"400", "421"}},
		{id: "T17 no authority and no host", fields: []string{":method", "GET", ":scheme", "https", ":path", "/web"}, want: []string{"400", "404", "421"}},
		{id: "T17 authority with userinfo", fields: replace(h2get("/web"), ":authority", "x@acme.test")},
		{id: "T18 absolute path", fields: h2get("https://beta.test/web"), want: []string{"400"}},
		{id: "T18 absolute path of the same host", fields: h2get("https://acme.test/web"), want: []string{"400"}},
		{id: "T18 rootless path", fields: h2get("web")},
		{id: "T18 star", fields: h2get("*"), want: []string{"400", "404", "405"}},
		{id: "H02 alias", fields: h2get("/web", "x_odoo_dbfilter", "evil"), want: []string{"400"}},
		{id: "H01 dbfilter", fields: h2get("/web", "x-odoo-dbfilter", "evil"), reach: "acme", want: []string{"200"}},
		{id: "H09 upper case name", fields: h2get("/web", "X-Evil", "x")},
		{id: "H09 colon in the name", fields: h2get("/web", "x-a:b", "x")},
		{id: "H09 line end in the value", fields: h2get("/web", "x-a", "b\r\nx-odoo-dbfilter: evil")},
		{id: "H09 NUL in the value", fields: h2get("/web", "x-a", "b\x00evil")},
		{id: "H09 unknown pseudo header", fields: append([]string{":evil", "x"}, h2get("/web")...)},
		{id: "S08 transfer encoding", fields: h2get("/web", "transfer-encoding", "chunked")},
		{id: "S08 connection header", fields: h2get("/web", "connection", "keep-alive")},
		{id: "S08 te other than trailers", fields: h2get("/web", "te", "chunked")},
		{id: "S08 length over the body", fields: replace(h2get("/web/login", "content-length", "100"), ":method", "POST"), body: "abcd"},
		{id: "S08 length under the body", fields: replace(h2get("/web/login", "content-length", "1"), ":method", "POST"), body: "abcd"},
		{id: "S08 line end in the path", fields: h2get("/web\r\nHost: beta.test")},
		{id: "S08 space in the path", fields: h2get("/web HTTP/1.1\r\nHost: beta.test\r\n\r\nGET /smuggled")},
		{id: "S08 method with a request in it", fields: replace(h2get("/web"), ":method", "GET /smuggled HTTP/1.1")},
		{id: "S08 two paths", fields: append([]string{":path", "/web/database/manager"}, h2get("/web")...)},
		{id: "S08 empty path", fields: h2get("")},
		{id: "S09 CONNECT", fields: []string{":method", "CONNECT", ":authority", "acme.test:443"}},
		{id: "S09 extended CONNECT", fields: append(replace(h2get("/websocket", "origin", "https://acme.test"), ":method", "CONNECT"), ":protocol", "websocket")},
		{id: "S11 TRACE", fields: replace(h2get("/web"), ":method", "TRACE"), want: []string{"405", "501", "400"}},
		{id: "P02 encoded slash", fields: h2get("/web%2fdatabase/manager"), want: []string{"400", "403"}},
		{id: "P08 manager", fields: h2get("/web/database/manager"), want: []string{"403"}},
		{id: "W01 upgrade header", fields: h2get("/websocket", "upgrade", "websocket")},
		{id: "T00 an honest request", fields: h2get("/web"), reach: "acme", want: []string{"200"}},
	}
}

func (l *lab) http2(t *testing.T) {
	for _, r := range h2rows() {
		t.Run(r.id, func(t *testing.T) {
			t.Parallel()
			marker := markerOf("h2 " + r.id)
			conn := harness.DialH2(t, l.gateway.TLS, "acme.test")
			if err := conn.Send(1, r.body, append(r.fields, "x-case", marker)...); err != nil {
				t.Fatal(err)
			}
			answer := conn.Await(1)
			if len(r.want) > 0 && answer.Status != "" && !slices.Contains(r.want, answer.Status) {
				t.Errorf("%v, want a status of %v", answer, r.want)
			}
			if r.reach != "" && answer.Status == "" {
				t.Errorf("%v, want a status of %v", answer, r.want)
			}
			if len(r.want) == 0 && !answer.Refused() {
				t.Errorf("%v, want it refused", answer)
			}
			if strings.HasPrefix(answer.Status, "5") && answer.Status != "501" {
				t.Errorf("a client's fault became %v", answer)
			}
			l.judge(t, row{reach: r.reach}, marker)
		})
	}
}
