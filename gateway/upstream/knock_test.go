package upstream

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/routing"
)

// knocks sends a handshake by hand and returns what is answered.
func (g *rig) knocks(header string) (*http.Response, wire) {
	g.t.Helper()
	c := g.dial()
	io.WriteString(c.Conn, handshake+header+"\r\n")
	response, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return response, c
}

// ended is the last request, once its handler has returned.
func (g *rig) ended() *routing.Exchange {
	g.t.Helper()
	eventually(g.t, "the handler has returned", func() bool { return g.last.Load() != nil })
	return g.last.Load()
}

// closedPort is an address that refuses connections until listen is called.
func closedPort(t *testing.T) (address string, listen func(func(wire))) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	return address, func(serve func(wire)) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(newWire(c))
			}
		}()
		t.Cleanup(func() { l.Close(); <-done })
	}
}

// pair are two servers with realtime ports of their own; the first one's is closed.
func pair(t *testing.T, sessions routing.Sessions) (g *rig, listen func(func(wire))) {
	address, listen := closedPort(t)
	alive := startWorker(t, echo)
	g = newRig(t, []string{startWorker(t, say(ok, false)).url(), startWorker(t, say(ok, false)).url()}, func(_ *Config, p *routing.Pool) {
		p.Sessions = sessions
		p.Backends[0].Realtime, p.Backends[1].Realtime = "http://"+address, alive.url()
		p.Realtime.Wait = 2 * time.Second
	})
	g.change = func(x *routing.Exchange) { x.Pin = "b1" }
	return g, listen
}

func TestASocketStaysWithItsSession(t *testing.T) {
	t.Run("a local session's goes nowhere else, and costs its server nothing", func(t *testing.T) {
		g, _ := pair(t, routing.SessionsLocal)
		response, _ := g.knocks("X-Test-Session: key\r\n")
		if response.StatusCode != 502 {
			t.Errorf("got %d", response.StatusCode)
		}
		if x := g.ended(); x.Attempts < 2 || x.Moved != routing.Stayed {
			t.Errorf("%d attempts, moved %q", x.Attempts, x.Moved)
		}
		if b := g.backend(0); !b.Serves() {
			t.Errorf("the server is %v because of its realtime port", b.State)
		}
		if n := g.backend(1).Sockets; n != 0 {
			t.Errorf("%d sockets on the wrong server", n)
		}
	})
	t.Run("it waits for its server's realtime process", func(t *testing.T) {
		g, listen := pair(t, routing.SessionsLocal)
		go func() {
			<-time.After(400 * time.Millisecond) // gevent restarts in about a second
			listen(echo)
		}()
		response, _ := g.knocks("X-Test-Session: key\r\n")
		if x := g.ended(); response.StatusCode != 101 || x.Backend != "b1" {
			t.Errorf("got %d from %s", response.StatusCode, x.Backend)
		}
	})
	t.Run("a shared session's may go elsewhere", func(t *testing.T) {
		g, _ := pair(t, routing.SessionsShared)
		response, _ := g.knocks("X-Test-Session: key\r\n")
		if x := g.ended(); response.StatusCode != 101 || x.Backend != "b2" || x.Moved != routing.Stayed {
			t.Errorf("got %d from %s, moved %q", response.StatusCode, x.Backend, x.Moved)
		}
	})
	t.Run("HTTP and realtime move together when the server is down", func(t *testing.T) {
		g, _ := pair(t, routing.SessionsLocal)
		(*g.Upstream.pool(g.pool).backends.Load())[0].health.state.Store(int32(Down))
		response, _ := g.knocks("X-Test-Session: key\r\n")
		if x := g.ended(); response.StatusCode != 101 || x.Moved != routing.MovedDown {
			t.Errorf("socket: got %d, moved %q", response.StatusCode, x.Moved)
		}
		g.last.Store(nil)
		response, _ = g.ask("GET", "/web", "", "X-Test-Session", "key")
		if x := g.ended(); response.StatusCode != 200 || x.Backend != "b2" {
			t.Errorf("page: got %d from %s", response.StatusCode, x.Backend)
		}
	})
}

func TestLongPollingThatFailsDoesNotTakeTheServerDown(t *testing.T) {
	g, _ := pair(t, routing.SessionsLocal)
	g.pool.Profile.Websocket, g.pool.Profile.Longpolling = false, true
	for range 5 {
		g.ask("GET", "/longpolling/poll", "", "X-Test-Session", "key")
	}
	if b := g.backend(0); !b.Serves() {
		t.Errorf("the server is %v because of its realtime port", b.State)
	}
}

func TestHandshakesBeyondTheQueueAreToldWhen(t *testing.T) {
	registry := prometheus.NewRegistry()
	held := make(chan struct{})
	defer close(held)
	g := realtime(t, func(c wire) { readRequest(c); <-held }, func(c *Config, p *routing.Pool) {
		c.Metrics = registry
		p.Realtime = routing.Realtime{Handshakes: 1, Wait: time.Second} // one waits at most
	})
	c := g.dial()
	io.WriteString(c.Conn, handshake+"\r\n")
	eventually(t, "the first is on its way", func() bool { return g.flying() == 1 })
	second := g.dial()
	io.WriteString(second.Conn, handshake+"\r\n")
	eventually(t, "the second waits", func() bool { return g.backend(0).Handshakes == 1 })
	response, _ := g.knocks("")
	if response.StatusCode != 503 || response.Header.Get("Retry-After") != "1" {
		t.Errorf("beyond the queue: %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
	}
	late, err := http.ReadResponse(second.Reader, nil)
	if err != nil || late.StatusCode != 503 {
		t.Errorf("waited in vain: %v, %v", late, err)
	}
	if cause := fmt.Sprint(g.last.Load().Cause); !strings.Contains(cause, "backend b1") {
		t.Errorf("the log says %q", cause)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP sluice_handshakes_refused_total WebSocket handshakes that were told to come back later: queue is full, or wait is over.
# TYPE sluice_handshakes_refused_total counter
sluice_handshakes_refused_total{backend="b1",pool="pool",reason="queue"} 1
sluice_handshakes_refused_total{backend="b1",pool="pool",reason="wait"} 1
# HELP sluice_handshakes_waiting WebSocket handshakes that wait for their turn.
# TYPE sluice_handshakes_waiting gauge
sluice_handshakes_waiting{backend="b1",pool="pool"} 0
`), "sluice_handshakes_refused_total", "sluice_handshakes_waiting"); err != nil {
		t.Error(err)
	}
}

func (g *rig) flying() int {
	s := &(*g.Upstream.pool(g.pool).backends.Load())[0].turnstile
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flying
}

func TestAClientThatLeavesLeavesTheQueue(t *testing.T) {
	held := make(chan struct{})
	asked := make(chan struct{}, 10)
	g := realtime(t, func(c wire) { readRequest(c); asked <- struct{}{}; <-held })
	c := g.dial()
	io.WriteString(c.Conn, handshake+"\r\n")
	<-asked
	second := g.dial()
	io.WriteString(second.Conn, handshake+"\r\n")
	eventually(t, "the second waits", func() bool { return g.backend(0).Handshakes == 1 })
	second.Close()
	eventually(t, "nobody waits", func() bool { return g.backend(0).Handshakes == 0 })
	close(held)
	eventually(t, "all is quiet", func() bool { return g.flying() == 0 && g.TenantSockets("acme") == 0 })
	if len(asked) > 0 {
		t.Error("the one that left reached Odoo")
	}
}

func TestTurnsOutliveAReload(t *testing.T) {
	held := make(chan struct{})
	g := realtime(t, func(c wire) {
		r, _, err := readRequest(c)
		if err != nil {
			return
		}
		<-held
		answerHandshake(c, r)
		io.Copy(io.Discard, c)
	})
	first := g.dial()
	io.WriteString(first.Conn, handshake+"\r\n")
	eventually(t, "the first is on its way", func() bool { return g.flying() == 1 })
	second := g.dial()
	io.WriteString(second.Conn, handshake+"\r\n")
	eventually(t, "the second waits", func() bool { return g.backend(0).Handshakes == 1 })
	next := *g.pool
	next.Digest, next.Realtime.Handshakes = "2", 1000
	g.Apply(map[string]*routing.Pool{"pool": &next})
	if g.flying() != 1 || g.backend(0).Handshakes != 1 {
		t.Errorf("after a reload %d are on their way and %d wait", g.flying(), g.backend(0).Handshakes)
	}
	close(held)
	for _, c := range []wire{first, second} {
		if response, err := http.ReadResponse(c.Reader, nil); err != nil || response.StatusCode != 101 {
			t.Errorf("got %v, %v", response, err)
		}
	}
}

func TestWhoWaitsForARemovedBackendGoesToItsSuccessor(t *testing.T) {
	held := make(chan struct{})
	defer close(held)
	old := startWorker(t, func(c wire) { readRequest(c); <-held })
	now := startWorker(t, echo)
	g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, func(_ *Config, p *routing.Pool) { p.Backends[0].Realtime = old.url() })
	first := g.dial()
	io.WriteString(first.Conn, handshake+"\r\n")
	eventually(t, "the first is on its way", func() bool { return g.flying() == 1 })
	second := g.dial()
	io.WriteString(second.Conn, handshake+"\r\n")
	eventually(t, "the second waits", func() bool { return g.backend(0).Handshakes == 1 })
	next := *g.pool
	next.Digest = "2"
	next.Backends = append([]routing.Backend(nil), next.Backends...)
	next.Backends[0].Realtime = now.url()
	g.Apply(map[string]*routing.Pool{"pool": &next})
	if response, err := http.ReadResponse(second.Reader, nil); err != nil || response.StatusCode != 101 {
		t.Errorf("got %v, %v", response, err)
	}
}
