package upstream

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func TestAnswersComeThroughAsOdooSentThem(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB: beyond one buffer
	for name, tc := range map[string]struct {
		method, raw string
		status      int
		body        string
		header      map[string]string
	}{
		"HTTP/1.0 that ends with the connection": {
			"GET", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhello", 200, "hello",
			map[string]string{"Content-Type": "text/plain", "Content-Length": "", "Connection": "close"},
		},
		"a length is kept exactly": {
			"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", map[string]string{"Content-Length": "5"},
		},
		"a large answer of known length": {
			"GET", fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(big), big), 200, big,
			map[string]string{"Content-Length": fmt.Sprint(len(big))},
		},
		"a large answer of unknown length": {"GET", "HTTP/1.0 200 OK\r\n\r\n" + big, 200, big, nil},
		"a chunked answer": {
			"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, "hello world", nil,
		},
		"HEAD keeps the length and has no body": {
			"HEAD", "HTTP/1.0 200 OK\r\nContent-Length: 12345\r\n\r\n", 200, "", map[string]string{"Content-Length": "12345"},
		},
		"204 has no body": {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", nil},
		"304 has no body": {
			"GET", "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\nContent-Length: 77\r\n\r\n", 304, "", map[string]string{"Etag": `"x"`},
		},
		"a range": {
			"GET", "HTTP/1.0 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello", 206, "hello",
			map[string]string{"Content-Range": "bytes 0-4/10"},
		},
		"informational answers are skipped": {
			"GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
			200, "ok",
			map[string]string{"Link": ""},
		},
		"a redirect":      {"GET", "HTTP/1.0 303 See Other\r\nLocation: /web/login\r\nContent-Length: 0\r\n\r\n", 303, "", map[string]string{"Location": "/web/login"}},
		"an empty answer": {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", map[string]string{"Content-Length": "0"}},
		"headers for one hop or for no client are left out": {
			"GET", "HTTP/1.1 200 OK\r\nConnection: x-hop, X-Kept\r\nHop: 1\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nX-Accel-Redirect: /web/filestore/a\r\nX-Sendfile: /a\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n",
			200, "",
			map[string]string{"X-Accel-Redirect": "", "X-Sendfile": "", "Keep-Alive": "", "X-Kept": "1"},
		},
		"the session cookie gets its attributes": {
			"GET", "HTTP/1.0 200 OK\r\nSet-Cookie: session_id=abc; HttpOnly; Path=/\r\nContent-Length: 0\r\n\r\n",
			200, "",
			map[string]string{"Set-Cookie": odoo.SecureCookie("session_id=abc; HttpOnly; Path=/")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, []string{startWorker(t, say(tc.raw, false)).url()})
			response, body := g.ask(tc.method, "/web", "")
			if response.StatusCode != tc.status || body != tc.body {
				t.Errorf("got %d with %d bytes, want %d with %d", response.StatusCode, len(body), tc.status, len(tc.body))
			}
			for name, want := range tc.header {
				if got := response.Header.Get(name); got != want && name != "Connection" {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
			eventually(t, "the worker is free", func() bool { return g.backend(0).InFlight == 0 })
		})
	}
}

func TestTrailersComeThrough(t *testing.T) {
	worker := startWorker(t, say("HTTP/1.1 200 OK\r\nTrailer: X-Sum, Set-Cookie\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\nSet-Cookie: a=b\r\n\r\n", false))
	g := newRig(t, []string{worker.url()})
	response, body := g.ask("GET", "/web", "")
	if body != "ok" || response.Trailer.Get("X-Sum") != "42" || response.Trailer.Get("Set-Cookie") != "" {
		t.Errorf("got %q, trailers %v", body, response.Trailer)
	}
}

// record keeps the last request as Odoo saw it, raw headers included.
func record(t *testing.T) (*worker, <-chan seen) {
	requests := make(chan seen, 10)
	return startWorker(t, func(c wire) {
		r, body, err := readRequest(c)
		if err != nil {
			return
		}
		requests <- seen{r, body}
		io.WriteString(c.Conn, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}), requests
}

type seen struct {
	*http.Request
	body string
}

func TestOdooIsToldByTheGatewayAlone(t *testing.T) {
	worker, requests := record(t)
	g := newRig(t, []string{worker.url()})
	g.ask("GET", "/web/login?a=b%20c", "",
		"X-Forwarded-Host", "evil.test", "X-Forwarded-Proto", "ws", "X-Forwarded-For", "1.1.1.1", "X-Forwarded-Port", "1",
		"X-Odoo-Dbfilter", ".*", "X-Odoo-Database", "other", "X_Odoo_dbfilter", ".*", "X-Request-Id", "mine", "Forwarded", "for=1.1.1.1",
		"Connection", "x-forwarded-host, cookie, x-kept, te", "Upgrade", "h2c", "Http2-Settings", "AAA", "Te", "trailers", "Trailer", "X-A",
		"X-Kept", "1", "Cookie", "a=b", "Accept-Language", "nl", "Proxy-Authorization", "secret")
	r := <-requests
	if r.RequestURI != "/web/login?a=b%20c" || r.Host != "acme.test" || r.Proto != "HTTP/1.1" {
		t.Errorf("request line: %s %s, host %s", r.RequestURI, r.Proto, r.Host)
	}
	want := http.Header{
		"X-Forwarded-Host": {"acme.test"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"192.0.2.7"},
		"X-Request-Id": {"req-1"}, "X-Odoo-Dbfilter": {`^acme\.db\Z`},
		"X-Kept": {"1"}, "Accept-Language": {"nl"}, "User-Agent": {"Go-http-client/1.1"},
	}
	if fmt.Sprint(r.Header) != fmt.Sprint(want) {
		t.Errorf("headers:\ngot  %v\nwant %v", r.Header, want)
	}
}

func TestTheDatabaseIsNamedWhereThePoolNeedsIt(t *testing.T) {
	for name, tc := range map[string]struct {
		version   string
		isolation routing.Isolation
		path      string
		session   string
		filter    string
		database  string
	}{
		"by filter":                             {"18.0", routing.IsolationHeader, "/web", "", `^acme\.db\Z`, ""},
		"not by filter where the host decides":  {"18.0", routing.IsolationHost, "/web", "", "", ""},
		"not at all for one database":           {"19.0", routing.IsolationSingle, "/json/2/a/b", "", "", ""},
		"for JSON-2 on 19":                      {"19.0", routing.IsolationHost, "/json/2/a/b", "", "", "acme.db"},
		"not for JSON-2 with a session":         {"19.0", routing.IsolationHost, "/json/2/a/b", "key", "", ""},
		"not for other paths on 19":             {"19.0", routing.IsolationHost, "/web", "", "", ""},
		"not on 18, which knows no such header": {"18.0", routing.IsolationHost, "/json/2/a/b", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			worker, requests := record(t)
			g := newRig(t, []string{worker.url()}, func(_ *Config, p *routing.Pool) {
				p.Profile, _ = odoo.ProfileFor(tc.version)
				p.Isolation = tc.isolation
			})
			g.ask("POST", tc.path, "{}", "X-Test-Session", tc.session)
			r := <-requests
			if f, d := r.Header.Get("X-Odoo-Dbfilter"), r.Header.Get("X-Odoo-Database"); f != tc.filter || d != tc.database {
				t.Errorf("filter %q, database %q; want %q, %q", f, d, tc.filter, tc.database)
			}
		})
	}
}

func TestBodiesArriveWithTheirLength(t *testing.T) {
	for name, tc := range map[string]struct {
		method  string
		size    int
		chunked bool
		length  string
	}{
		"a small one travels with the head":  {"POST", 100, false, "100"},
		"one that is not joined to the head": {"POST", 20_000, false, "20000"},
		"one in several chunks":              {"POST", 200_000, false, "200000"},
		"one that went to disk":              {"PUT", 5 << 20, false, "5242880"},
		"a chunked upload gets a length":     {"POST", 300_000, true, "300000"},
		"an empty POST says so":              {"POST", 0, false, "0"},
		"a GET without a body says nothing":  {"GET", 0, false, ""},
		"a GET with a body keeps it":         {"GET", 10, false, "10"},
	} {
		t.Run(name, func(t *testing.T) {
			worker, requests := record(t)
			g := newRig(t, []string{worker.url()})
			body := strings.Repeat("x", tc.size)
			if tc.chunked {
				c := g.dial()
				fmt.Fprintf(c.Conn, "POST /web HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX-Odoo-Dbfilter: .*\r\n\r\n", tc.size, body)
				if _, err := http.ReadResponse(c.Reader, nil); err != nil {
					t.Fatal(err)
				}
			} else {
				g.ask(tc.method, "/web", body)
			}
			r := <-requests
			if r.body != body || r.Header.Get("Content-Length") != tc.length || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
				t.Errorf("got %d bytes, length %q, %v, trailer %v", len(r.body), r.Header.Get("Content-Length"), r.TransferEncoding, r.Trailer)
			}
		})
	}
}

func TestContinueIsAnsweredByTheGateway(t *testing.T) {
	worker, requests := record(t)
	g := newRig(t, []string{worker.url()})
	c := g.dial()
	io.WriteString(c.Conn, "POST /web HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	if line, _ := c.ReadString('\n'); !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q", line)
	}
	c.ReadString('\n')
	if n := worker.accepted.Load(); n != 0 {
		t.Errorf("%d connections before the body was in hand", n)
	}
	io.WriteString(c.Conn, "body")
	if response, err := http.ReadResponse(c.Reader, nil); err != nil || response.StatusCode != 200 {
		t.Fatalf("got %v, %v", response, err)
	}
	if r := <-requests; r.body != "body" || r.Header.Get("Expect") != "" {
		t.Errorf("got %q, Expect %q", r.body, r.Header.Get("Expect"))
	}
}

func TestNoConnectionBeforeTheBodyIsInHand(t *testing.T) {
	worker, requests := record(t)
	g := newRig(t, []string{worker.url()})
	c := g.dial()
	io.WriteString(c.Conn, "POST /web HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf")
	eventually(t, "the gateway has read the half", func() bool { return g.spooling() })
	if n := worker.accepted.Load(); n != 0 {
		t.Errorf("%d connections with half a body", n)
	}
	io.WriteString(c.Conn, "half")
	if r := <-requests; r.body != "halfhalf" {
		t.Errorf("got %q", r.body)
	}
}

// spooling is true while a body is held.
func (g *rig) spooling() bool { return g.space.InUse() > 0 }
