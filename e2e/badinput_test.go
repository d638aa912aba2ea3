package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// row is one bad input: bytes, and how they must end. Its id is the one of the threat
// table (see docs), then what tells its variants apart.
type row struct {
	id   string
	send string // raw bytes; {case} stands for the row's marker
	want []int  // statuses of the first answer; 0: the connection ends without one
	// reach names the tenant whose backend may see the request, when it is accepted. A row
	// without it must not reach any backend.
	reach  string
	must   bool                               // it must reach, not only may
	closes bool                               // the server must end the connection
	seen   func(*testing.T, harness.Seen)     // more about what the backend saw
	more   func(*testing.T, harness.Exchange) // more about the answer
}

// lab is a gateway in front of recorders, one per tenant.
type lab struct {
	gateway   *harness.Gateway
	recorders map[string]*harness.Recorder
}

// labTenants are the tenants of the lab: name, database, hosts.
var labTenants = []struct {
	name, database string
	hosts          []string
}{
	{"acme", "acme", []string{"acme.test"}},
	{"beta", "beta", []string{"beta.test"}},
	{"wild", "wild", []string{"*.wild.test"}},
	{"special", "special", []string{"special.wild.test"}},
	{"dotted", "a.c", []string{"dotted.test"}},
}

func startLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{recorders: map[string]*harness.Recorder{}}
	documents := map[string]string{}
	for _, tenant := range labTenants {
		recorder := harness.NewRecorder(t, tenant.name)
		l.recorders[tenant.name] = recorder
		documents[tenant.name+".yaml"] = harness.Both(tenant.name, tenant.database, recorder.Addr, tenant.hosts)
	}
	// No tenant has a certificate of its own, so plain requests are not sent to https; the
	// TLS entry point shows the default certificate.
	l.gateway = harness.StartGateway(t, harness.GatewayConfig{TLS: true}, documents)
	return l
}

// TestBadInput sends every bad input to one running gateway. What comes after one must
// find it in good order, so they all share it.
func TestBadInput(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	t.Run("rows", func(t *testing.T) {
		for _, rows := range [][]row{tenantRows(), headerRows(), framingRows(), smugglerRows(), pathRows(), webSocketRows(), bodyRows()} {
			for _, r := range rows {
				t.Run(r.id, func(t *testing.T) {
					t.Parallel()
					l.run(t, r)
				})
			}
		}
	})
	t.Run("no tunnel without 101", l.neverTunnelled)
	t.Run("lengths that lie", l.lyingLengths)
	t.Run("http2", l.http2)
	t.Run("tls", l.tlsNames)
	t.Run("exhaustion", l.exhaustion)
	t.Run("no backend saw a smuggled request", func(t *testing.T) {
		for name, recorder := range l.recorders {
			for _, seen := range recorder.Matching(smuggled) {
				if strings.HasPrefix(seen.Target, smuggled) {
					t.Errorf("the backend of %s saw:\n%s", name, seen.Head)
				}
			}
		}
	})
	t.Run("the gateway still serves and has not panicked", func(t *testing.T) {
		e := harness.Raw(t, l.gateway.Web, get("acme.test", "/after-all"))
		if e.Status() != 200 {
			t.Errorf("after all bad input: %v", e)
		}
		for _, word := range []string{"panic", "goroutine "} {
			if l.gateway.Log.Contains(word) {
				t.Errorf("the log holds %q", word)
			}
		}
	})
}

func (l *lab) run(t *testing.T, r row) {
	t.Helper()
	marker := markerOf(r.id)
	e := harness.Raw(t, l.gateway.Web, strings.ReplaceAll(r.send, "{case}", marker))
	if !slices.Contains(r.want, e.Status()) {
		t.Errorf("status %d, want one of %v; %v", e.Status(), r.want, e)
	}
	if r.closes && !e.Closed {
		t.Errorf("the connection stays open; %v", e)
	}
	if len(e.Rest) > 0 && e.Status() != 101 {
		t.Errorf("bytes that are no response: %.200q", e.Rest)
	}
	if r.more != nil {
		r.more(t, e)
	}
	l.judge(t, r, marker)
}

// judge looks at what the backends saw of the marked request.
func (l *lab) judge(t *testing.T, r row, marker string) {
	t.Helper()
	for name, recorder := range l.recorders {
		seen := recorder.Matching(marker)
		if name != r.reach && len(seen) > 0 {
			t.Errorf("reached the backend of %s:\n%s", name, seen[0].Head)
			continue
		}
		if name == r.reach && r.must && len(seen) != 1 {
			t.Errorf("the backend of %s saw it %d times, want once", name, len(seen))
		}
		for _, s := range seen {
			ours(t, name, s)
			if r.seen != nil {
				r.seen(t, s)
			}
		}
	}
}

// ours checks that nothing in a request that reached a backend was chosen by the client:
// every header that Odoo trusts is there once and is the gateway's.
func ours(t *testing.T, tenant string, s harness.Seen) {
	t.Helper()
	host, database := hostOf(tenant, s), ""
	for _, known := range labTenants {
		if known.name == tenant {
			database = known.database
		}
	}
	for name, want := range map[string]string{
		"Host": host, "X-Forwarded-Host": host, "X-Forwarded-For": "127.0.0.1",
		"X-Odoo-Dbfilter": "^" + strings.ReplaceAll(database, ".", `\.`) + `\Z`,
	} {
		if got := s.Get(name); len(got) != 1 || got[0] != want {
			t.Errorf("the backend of %s saw %s: %q, want only %q", tenant, name, got, want)
		}
	}
	if got := s.Get("X-Forwarded-Proto"); len(got) != 1 || got[0] != "http" && got[0] != "https" {
		t.Errorf("the backend saw X-Forwarded-Proto: %q", got)
	}
	for _, field := range s.Header {
		if strings.Trim(strings.ToLower(field[0]), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("the backend saw a header named %q", field[0])
		}
	}
	if strings.Contains(strings.ToLower(s.Head), "evil") {
		t.Errorf("the backend saw what the client chose:\n%s", s.Head)
	}
}

// hostOf is the canonical host that the tenant's backend must see.
func hostOf(tenant string, s harness.Seen) string {
	if tenant == "wild" {
		if host := s.Get("Host"); len(host) == 1 && strings.HasSuffix(host[0], ".wild.test") && strings.Count(host[0], ".") == 2 {
			return host[0]
		}
	}
	for _, known := range labTenants {
		if known.name == tenant {
			return known.hosts[0]
		}
	}
	return ""
}

// markerOf is a word that finds the row's request again, in any part of it.
func markerOf(id string) string {
	return "case-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, id) + "-end"
}

// get writes a GET request with header lines.
func get(host, target string, header ...string) string {
	return head("GET", target, append([]string{"Host: " + host, "X-Case: {case}"}, header...)...)
}

// post writes a POST request with a body of known length.
func post(host, target, contentType, body string, header ...string) string {
	lines := append([]string{
		"Host: " + host, "X-Case: {case}", "Content-Type: " + contentType,
		fmt.Sprintf("Content-Length: %d", len(body)),
	}, header...)
	return head("POST", target, lines...) + body
}

// chunked writes a POST request with the body in chunks of the size.
func chunked(host, target, contentType, body string, size int, header ...string) string {
	lines := append([]string{"Host: " + host, "X-Case: {case}", "Content-Type: " + contentType, "Transfer-Encoding: chunked"}, header...)
	var b strings.Builder
	b.WriteString(head("POST", target, lines...))
	for chunk := range slices.Chunk([]byte(body), size) {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

func head(method, target string, lines ...string) string {
	return method + " " + target + " HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}
