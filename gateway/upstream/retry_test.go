package upstream

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

// refusing is an address that nobody listens on.
func refusing(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

const ok = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestWhatIsSentASecondTime(t *testing.T) {
	dies := func(c wire) { readRequest(c) } // takes the request and closes without a word
	for name, tc := range map[string]struct {
		method, path string
		first        func(wire) // nil: nobody listens
		status       int
		firstTries   int64
		secondTries  int64
	}{
		"GET, nobody listens: goes to the other":             {"GET", "/web", nil, 200, 0, 1},
		"POST, nobody listens: nothing was sent, so it goes": {"POST", "/web", nil, 200, 0, 1},
		"GET, ended before the status line: goes":            {"GET", "/web", dies, 200, 1, 1},
		"HEAD, ended before the status line: goes":           {"HEAD", "/web", dies, 200, 1, 1},
		"POST, ended after it was sent: never":               {"POST", "/web", dies, 502, 1, 0},
		"DELETE, ended after it was sent: never":             {"DELETE", "/web", dies, 502, 1, 0},
		"a report: never":                                    {"GET", "/report/pdf/a/1", dies, 502, 1, 0},
		"half a status line: never":                          {"GET", "/web", say("HTTP/1.", false), 502, 1, 0},
		"an error page is an answer":                         {"GET", "/web", say("HTTP/1.0 503 Busy\r\nContent-Length: 0\r\n\r\n", false), 503, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			first, tries := refusing(t), func() int64 { return 0 }
			if tc.first != nil {
				w := startWorker(t, tc.first)
				first, tries = w.url(), w.accepted.Load
			}
			second := startWorker(t, say(ok, false))
			g := newRig(t, []string{first, second.url()})
			// The session key makes the first backend the one that is asked first.
			response, _ := g.ask(tc.method, tc.path, "x", "X-Test-Session", keyOf(g, "b1"))
			if response.StatusCode != tc.status || tries() != tc.firstTries || second.accepted.Load() != tc.secondTries {
				t.Errorf("got %d with %d and %d tries; want %d with %d and %d", response.StatusCode,
					tries(), second.accepted.Load(), tc.status, tc.firstTries, tc.secondTries)
			}
		})
	}
}

// keyOf finds a session key that belongs to the named backend.
func keyOf(g *rig, name string) string {
	for i := 0; ; i++ {
		x := exchangeOf(fmt.Sprint("key", i), g.pool)
		if b, err := g.choose(g.Upstream.pool(g.pool), x, nil); err == nil && b.name == name {
			return x.SessionKey
		}
	}
}

func TestOneBackendAlone(t *testing.T) {
	t.Run("a connect error is not repeated at the same address", func(t *testing.T) {
		g := newRig(t, []string{refusing(t)})
		response, body := g.ask("GET", "/web", "", "Accept", "text/html")
		eventually(t, "the request ends", func() bool { return g.last.Load() != nil })
		if x := g.last.Load(); response.StatusCode != 502 || x.Attempts != 1 || !strings.Contains(body, "req-1") {
			t.Errorf("got %d after %d attempts: %s", response.StatusCode, x.Attempts, body)
		}
	})
	t.Run("an end before the status line is", func(t *testing.T) {
		var n atomic.Int64
		g := newRig(t, []string{startWorker(t, func(c wire) {
			readRequest(c)
			if n.Add(1) == 2 {
				io.WriteString(c.Conn, ok)
			}
		}).url()})
		if response, _ := g.ask("GET", "/web", ""); response.StatusCode != 200 {
			t.Errorf("got %d", response.StatusCode)
		}
	})
}

func TestConnectionsAreReusedOnlyAfterAWholeKeepAliveAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		raw         string
		connections int64
	}{
		"HTTP/1.1 with a length":           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1},
		"HTTP/1.1, chunked":                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 1},
		"HTTP/1.1 without a body":          {"HTTP/1.1 304 Not Modified\r\n\r\n", 1},
		"HTTP/1.1 that says close":         {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 3},
		"HTTP/1.0":                         {ok, 3},
		"HTTP/1.0 that says keep-alive":    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 3},
		"bytes too many":                   {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", 3},
		"a second answer behind the first": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 3},
		"a body that nobody asked for":     {"HTTP/1.1 204 No Content\r\n\r\nbody", 3},
	} {
		t.Run(name, func(t *testing.T) {
			worker := startWorker(t, say(tc.raw, true))
			g := newRig(t, []string{worker.url()})
			for range 3 {
				if response, body := g.ask("GET", "/web", ""); response.StatusCode >= 400 || strings.Contains(body, "evil") {
					t.Fatalf("got %d, %q", response.StatusCode, body)
				}
				eventually(t, "the worker is free", func() bool { return g.backend(0).InFlight == 0 })
			}
			if n := worker.accepted.Load(); n != tc.connections {
				t.Errorf("%d connections, want %d", n, tc.connections)
			}
		})
	}
}

func TestAStaleConnectionIsNotUsed(t *testing.T) {
	const kept = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	worker := startWorker(t, say(kept, false)) // says keep-alive, and closes
	g := newRig(t, []string{worker.url()})
	for range 3 {
		// Also a POST: the check finds the end before anything is sent.
		if response, _ := g.ask("POST", "/web", "x"); response.StatusCode != 200 {
			t.Fatalf("got %d", response.StatusCode)
		}
		b := (*g.Upstream.pool(g.pool).backends.Load())[0]
		eventually(t, "the connection has ended", func() bool {
			b.http.idle.mu.Lock()
			defer b.http.idle.mu.Unlock()
			return len(b.http.idle.conns) == 1 && !b.http.idle.conns[0].alive()
		})
	}
	if n := worker.accepted.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

// A connection may also end after the check. A GET goes out once more, to the same backend,
// on a new connection.
func TestAConnectionThatEndsInUse(t *testing.T) {
	const kept = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for name, tc := range map[string]struct {
		method      string
		status      int
		connections int64
	}{
		"GET is repeated":      {"GET", 200, 2},
		"POST is not repeated": {"POST", 502, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var served atomic.Int64
			worker := startWorker(t, func(c wire) {
				for {
					if _, _, err := readRequest(c); err != nil {
						return
					}
					if served.Add(1) == 2 {
						return
					}
					io.WriteString(c.Conn, kept)
				}
			})
			g := newRig(t, []string{worker.url()})
			g.ask("GET", "/web", "")
			eventually(t, "the connection is idle", func() bool { return g.backend(0).Idle == 1 })
			response, _ := g.ask(tc.method, "/web", "")
			if response.StatusCode != tc.status || worker.accepted.Load() != tc.connections {
				t.Errorf("got %d over %d connections; want %d over %d", response.StatusCode, worker.accepted.Load(), tc.status, tc.connections)
			}
			if s := g.backend(0); s.State == Down {
				t.Error("the backend was blamed for it")
			}
		})
	}
}

func TestIdleConnectionsAreForTheYoung(t *testing.T) {
	now := time.Now()
	i := idle{keepAlive: 30 * time.Second}
	pipe := func() *conn {
		a, b := net.Pipe()
		t.Cleanup(func() { b.Close() })
		return newConn(a, a)
	}
	old, recent := pipe(), pipe()
	i.put(old, now.Add(-10*time.Second))
	i.put(recent, now.Add(-100*time.Millisecond))
	if got := i.take(now, freshEnough); got != recent {
		t.Errorf("a write got %p, want the recent one %p", got, recent)
	}
	if got := i.take(now, freshEnough); got != nil {
		t.Error("a write got a connection that was idle for ten seconds")
	}
	if got := i.take(now, i.keepAlive); got != old {
		t.Error("a read did not get the older connection")
	}
	i.put(old, now.Add(-40*time.Second))
	i.put(recent, now)
	i.sweep(now)
	if i.count() != 1 {
		t.Errorf("%d left after the sweep, want the recent one", i.count())
	}
	i.close()
	i.put(pipe(), now)
	if i.count() != 0 {
		t.Error("a closed pool kept a connection")
	}
}

func TestForbiddenAddressesAreNotDialled(t *testing.T) {
	own := netip.MustParseAddrPort("0.0.0.0:9080")
	d := newDialer([]netip.AddrPort{own, netip.MustParseAddrPort("10.0.0.1:443")}, []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")})
	for name, tc := range map[string]struct {
		to string
		ok bool
	}{
		"a private address":                {"10.1.2.3:8069", true},
		"loopback":                         {"127.0.0.1:8069", true},
		"link-local":                       {"169.254.169.254:80", false},
		"link-local, IPv6":                 {"[fe80::1%eth0]:80", false},
		"link-local in IPv6 clothes":       {"[::ffff:169.254.169.254]:80", false},
		"AWS metadata, IPv6":               {"[fd00:ec2::254]:80", false},
		"Azure's wire server":              {"168.63.129.16:80", false},
		"unspecified":                      {"0.0.0.0:8069", false},
		"our own port on loopback":         {"127.0.0.1:9080", false},
		"our own port elsewhere is theirs": {"10.1.2.3:9080", true},
		"our own address":                  {"10.0.0.1:443", false},
		"another port of our own address":  {"10.0.0.1:8069", true},
		"what the configuration forbids":   {"203.0.113.9:80", false},
		"multicast":                        {"224.0.0.1:80", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := d.check(netip.MustParseAddrPort(tc.to)); (err == nil) != tc.ok {
				t.Errorf("%s: %v", tc.to, err)
			}
		})
	}
}

func TestAForbiddenBackendIsRefusedAtDial(t *testing.T) {
	worker := startWorker(t, say(ok, false))
	g := newRig(t, []string{worker.url(), worker.url()}, func(c *Config, _ *routing.Pool) {
		c.Listeners = []netip.AddrPort{netip.MustParseAddrPort(worker.Addr().String())}
	})
	if response, _ := g.ask("GET", "/web", ""); response.StatusCode != 502 || worker.accepted.Load() != 0 {
		t.Errorf("got %d with %d connections", response.StatusCode, worker.accepted.Load())
	}
}

func TestPipelinedRequestsAfterARefusalAreServedInOrder(t *testing.T) {
	g := newRig(t, []string{startWorker(t, say(ok, false)).url()})
	c := g.dial()
	io.WriteString(c.Conn, "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
	reader := bufio.NewReader(c)
	for range 2 {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(response.Body); string(body) != "ok" {
			t.Errorf("got %q", body)
		}
	}
}
