package upstream

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

// busyWorker answers when it is told to, and knows how many connections it had at once.
type busyWorker struct {
	*worker
	release chan struct{}
	atOnce  atomic.Int64
	most    atomic.Int64
	served  atomic.Int64
}

func startBusy(t *testing.T, answer string) *busyWorker {
	b := &busyWorker{release: make(chan struct{})}
	b.worker = startWorker(t, func(c wire) {
		now := b.atOnce.Add(1)
		defer b.atOnce.Add(-1)
		for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
		}
		if _, _, err := readRequest(c); err != nil {
			return
		}
		<-b.release
		b.served.Add(1)
		io.WriteString(c.Conn, answer)
	})
	t.Cleanup(b.free)
	return b
}

func (b *busyWorker) free() {
	select {
	case <-b.release:
	default:
		close(b.release)
	}
}

func withWorkers(n int) option {
	return func(_ *Config, p *routing.Pool) {
		for i := range p.Backends {
			p.Backends[i].Workers = n
		}
	}
}

func withShared(_ *Config, p *routing.Pool) { p.Sessions = routing.SessionsShared }

// asks sends n requests at once, and wait returns their statuses.
func (g *rig) asks(n int, method, path string, header ...string) (wait func() map[int]int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range n {
		wg.Go(func() {
			response, _, err := g.try(method, path, "", header...)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got[response.StatusCode]++
			} else {
				got[0]++
			}
		})
	}
	return func() map[int]int {
		wg.Wait()
		return got
	}
}

func (g *rig) waits(i, n int) {
	g.t.Helper()
	eventually(g.t, "requests wait", func() bool { return g.backend(i).Waiting == n })
}

func TestOneRequestPerWorker(t *testing.T) {
	w := startBusy(t, ok)
	g := newRig(t, []string{w.url()}, withWorkers(2))
	done := g.asks(7, "GET", "/web")
	g.waits(0, 5)
	if b := g.backend(0); b.InFlight != 2 || b.Slots != 2 || w.accepted.Load() != 2 {
		t.Errorf("%d in flight, %d slots, %d connections", b.InFlight, b.Slots, w.accepted.Load())
	}
	w.free()
	if got := done(); got[200] != 7 || w.most.Load() > 2 {
		t.Errorf("got %v with up to %d at once", got, w.most.Load())
	}
	eventually(t, "all is free", func() bool { b := g.backend(0); return b.InFlight == 0 && b.Waiting == 0 })
}

// A slot comes back whatever happens: each of these is asked for more often than there are
// workers.
func TestASlotAlwaysComesBack(t *testing.T) {
	for name, tc := range map[string]struct {
		serve  func(wire) // nil: nobody listens
		path   string
		status int
	}{
		"a whole answer":               {say(ok, false), "/web", 200},
		"an answer without a body":     {say("HTTP/1.0 304 Not Modified\r\n\r\n", false), "/web", 304},
		"a chunked answer":             {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false), "/web", 200},
		"a stream":                     {say("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", false), "/web", 200},
		"an answer that breaks off":    {say("HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nok", false), "/web", 502},
		"an answer that is none":       {say("nonsense\r\n\r\n", false), "/web", 502},
		"an end without a word":        {func(c wire) { readRequest(c) }, "/report/pdf/a/1", 502},
		"switched without being asked": {say("HTTP/1.1 101 Switching Protocols\r\n\r\n", false), "/web", 502},
		"nobody listens":               {nil, "/web", 502},
	} {
		t.Run(name, func(t *testing.T) {
			url := refusing(t)
			if tc.serve != nil {
				url = startWorker(t, tc.serve).url()
			}
			g := newRig(t, []string{url}, withWorkers(1))
			for range 4 {
				g.Upstream.pool(g.pool) // connect errors do not count here
				(*g.Upstream.pool(g.pool).backends.Load())[0].health.state.Store(int32(Up))
				if response, _ := g.ask("GET", tc.path, ""); response.StatusCode != tc.status {
					t.Fatalf("got %d", response.StatusCode)
				}
			}
			eventually(t, "the slot is free", func() bool { b := g.backend(0); return b.InFlight == 0 && b.Waiting == 0 })
		})
	}
}

func TestAPanicGivesTheSlotBack(t *testing.T) {
	g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, withWorkers(1))
	b := (*g.Upstream.pool(g.pool).backends.Load())[0]
	x := exchangeOf("", g.pool)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nothing panicked")
			}
		}()
		// Without a request of net/http's the answer cannot be read.
		_, _ = g.do(t.Context(), b, nil, &request{x: x, fresh: true, slot: func() { b.inflight.Add(-1) }})
	}()
	if n := b.inflight.Load(); n != -1 {
		t.Errorf("the slot was given back %d times", -n)
	}
}

func TestAClientThatGoesNeverReachesOdoo(t *testing.T) {
	w := startBusy(t, ok)
	g := newRig(t, []string{w.url()}, withWorkers(1))
	first := g.asks(1, "GET", "/web")
	eventually(t, "the worker is busy", func() bool { return w.atOnce.Load() == 1 })
	c := g.dial()
	io.WriteString(c.Conn, "GET /web HTTP/1.1\r\nHost: a\r\n\r\n")
	g.waits(0, 1)
	c.Close()
	g.waits(0, 0)
	w.free()
	if got := first(); got[200] != 1 {
		t.Errorf("got %v", got)
	}
	g.ask("GET", "/web", "")
	if n := w.served.Load(); n != 2 {
		t.Errorf("Odoo served %d requests, want the first and the last", n)
	}
}

func TestOverflowLeavesTheServerWhereItMay(t *testing.T) {
	t.Run("a shared session goes to the other server", func(t *testing.T) {
		w := startBusy(t, ok)
		other := startWorker(t, say(ok, false))
		g := newRig(t, []string{w.url(), other.url()}, withWorkers(1), withShared)
		g.change = func(x *routing.Exchange) { x.Pin = "b1" }
		first := g.asks(1, "GET", "/web", "X-Test-Session", "key")
		eventually(t, "the worker is busy", func() bool { return w.atOnce.Load() == 1 })
		if response, _ := g.ask("GET", "/web", "", "X-Test-Session", "key"); response.StatusCode != 200 || other.accepted.Load() != 1 {
			t.Errorf("got %d, the other server had %d connections", response.StatusCode, other.accepted.Load())
		}
		w.free()
		first()
	})
	t.Run("a local session waits for its own", func(t *testing.T) {
		w := startBusy(t, ok)
		other := startWorker(t, say(ok, false))
		g := newRig(t, []string{w.url(), other.url()}, withWorkers(1))
		key := keyOf(g, "b1")
		done := g.asks(3, "GET", "/web", "X-Test-Session", key)
		g.waits(0, 2)
		w.free()
		if got := done(); got[200] != 3 || other.accepted.Load() != 0 {
			t.Errorf("got %v, the other server had %d connections", got, other.accepted.Load())
		}
	})
	t.Run("who has no session is spread, and waits when all are busy", func(t *testing.T) {
		one, two := startBusy(t, ok), startBusy(t, ok)
		g := newRig(t, []string{one.url(), two.url()}, withWorkers(2))
		done := g.asks(6, "GET", "/web")
		eventually(t, "all are busy, two wait", func() bool { return g.backend(0).Waiting+g.backend(1).Waiting == 2 })
		if a, b := g.backend(0).InFlight, g.backend(1).InFlight; a != 2 || b != 2 {
			t.Errorf("%d and %d in flight", a, b)
		}
		one.free()
		two.free()
		if got := done(); got[200] != 6 {
			t.Errorf("got %v", got)
		}
	})
}

// journal is a log that may be read while it is written.
type journal struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *journal) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *journal) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestAFullQueueIsRefusedInTheCallersWords(t *testing.T) {
	w := startBusy(t, ok)
	var log journal
	g := newRig(t, []string{w.url()}, withWorkers(2), func(c *Config, _ *routing.Pool) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	key := keyOf(g, "b1")
	done := g.asks(33, "POST", "/xmlrpc/2/object", "X-Test-Session", key) // one is served, 32 wait
	g.waits(0, 32)
	g.last.Store(nil)
	response, body := g.ask("POST", "/xmlrpc/2/object", "", "X-Test-Session", key)
	eventually(t, "the request ends", func() bool { return g.last.Load() != nil })
	if response.StatusCode != 503 || response.Header.Get("Retry-After") == "" || !strings.Contains(body, "<fault>") {
		t.Errorf("got %d, %v: %s", response.StatusCode, response.Header, body)
	}
	if cause := g.last.Load().Cause.Error(); cause != "tenant acme, pool pool, backend b1: queue full: 32 rpc requests wait for 2 workers" {
		t.Errorf("logs %q", cause)
	}
	for range 3 { // said once
		g.ask("POST", "/xmlrpc/2/object", "", "X-Test-Session", key)
	}
	if n := strings.Count(log.String(), "a request got no worker"); n != 1 || !strings.Contains(log.String(), "tenant=acme pool=pool backend=b1 lane=rpc others=0") {
		t.Errorf("%d lines in the log: %s", n, log.String())
	}
	// People are not kept out by it.
	if b := g.backend(0); b.InFlight != 1 {
		t.Fatalf("%d in flight", b.InFlight)
	}
	page := g.asks(1, "GET", "/web", "X-Test-Session", key)
	eventually(t, "the page is being served", func() bool { return w.atOnce.Load() == 2 })
	w.free()
	page()
	if got := done(); got[200] != 33 {
		t.Errorf("got %v", got)
	}
}

func TestWhoWaitsFollowsTheConfiguration(t *testing.T) {
	change := func(g *rig, edit func(*routing.Pool)) {
		next := *g.pool
		next.Backends = append([]routing.Backend(nil), g.pool.Backends...)
		edit(&next)
		g.Apply(map[string]*routing.Pool{"pool": &next})
	}
	t.Run("more workers", func(t *testing.T) {
		w := startBusy(t, ok)
		g := newRig(t, []string{w.url()}, withWorkers(1))
		done := g.asks(3, "GET", "/web")
		g.waits(0, 2)
		change(g, func(p *routing.Pool) { p.Backends[0].Workers = 3 })
		eventually(t, "all are at work", func() bool { return w.atOnce.Load() == 3 })
		w.free()
		done()
	})
	t.Run("a new address", func(t *testing.T) {
		w := startBusy(t, ok)
		other := startWorker(t, say(ok, false))
		g := newRig(t, []string{w.url()}, withWorkers(1))
		done := g.asks(3, "GET", "/web")
		g.waits(0, 2)
		change(g, func(p *routing.Pool) { p.Backends[0].HTTP = other.url() })
		eventually(t, "those who waited are served there", func() bool { return other.accepted.Load() == 2 })
		w.free()
		if got := done(); got[200] != 3 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("the server goes down", func(t *testing.T) {
		w := startBusy(t, ok)
		other := startWorker(t, say(ok, false))
		g := newRig(t, []string{w.url(), other.url()}, withWorkers(1))
		key := keyOf(g, "b1")
		done := g.asks(3, "GET", "/web", "X-Test-Session", key)
		g.waits(0, 2)
		b := (*g.Upstream.pool(g.pool).backends.Load())[0]
		for range 2 {
			g.suspect(b, b.http, &failure{stage: connecting, err: io.ErrUnexpectedEOF})
		}
		eventually(t, "those who waited are served elsewhere", func() bool { return other.accepted.Load() == 2 })
		w.free()
		if got := done(); got[200] != 3 {
			t.Errorf("got %v", got)
		}
	})
}

func TestASocketOnTheHTTPPortHoldsNoWorker(t *testing.T) {
	w := startWorker(t, func(c wire) {
		if r, err := accept(c); err == nil && r != nil {
			io.Copy(io.Discard, c)
		}
	})
	g := newRig(t, []string{w.url()}, withWorkers(1))
	for range 3 {
		g.handshake(t)
	}
	eventually(t, "three sockets and no worker in use", func() bool {
		b := g.backend(0)
		return b.InFlight == 0 && b.Sockets == 3
	})
}

func (g *rig) handshake(t *testing.T) {
	t.Helper()
	c := g.dial()
	io.WriteString(c.Conn, "GET /websocket HTTP/1.1\r\nHost: acme.test\r\nOrigin: https://acme.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	response, err := http.ReadResponse(c.Reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v", response, err)
	}
}
