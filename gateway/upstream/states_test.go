package upstream

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// words are what operators say of the backends of a rig.
type words struct {
	mu sync.Mutex
	of map[string]cutover.BackendState
	u  *Upstream
}

func operate(g *rig) *words {
	w := &words{of: map[string]cutover.BackendState{}, u: g.Upstream}
	g.SetStates(func(pool, backend string) cutover.BackendState {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.of[pool+"/"+backend]
	})
	return w
}

func (w *words) say(backend string, s cutover.BackendState) {
	w.mu.Lock()
	w.of["pool/"+backend] = s
	w.mu.Unlock()
	w.u.StatesChanged()
}

// asked sends n requests and returns who served them, "" for an error.
func (g *rig) asked(n int, header ...string) map[string]int {
	g.t.Helper()
	got := map[string]int{}
	for range n {
		response, _ := g.ask("GET", "/web", "", header...)
		if response.StatusCode == 200 {
			got[g.last.Load().Backend]++
		} else {
			got[""]++
		}
	}
	return got
}

func TestADrainingBackendKeepsWhatItHas(t *testing.T) {
	for rule, c := range map[string]struct {
		sessions routing.Sessions
		session  string
		pin      string
		want     string
	}{
		"who comes new goes elsewhere":               {routing.SessionsLocal, "", "", "b2"},
		"so does a session that nobody knows":        {routing.SessionsLocal, "new", "", "b2"},
		"a session that lives there stays":           {routing.SessionsLocal, "old", "b1", "b1"},
		"one that all servers know goes":             {routing.SessionsShared, "old", "b1", "b2"},
		"one that lives elsewhere is not drawn here": {routing.SessionsLocal, "old", "b2", "b2"},
	} {
		t.Run(rule, func(t *testing.T) {
			g := newRig(t, []string{startWorker(t, say(ok, false)).url(), startWorker(t, say(ok, false)).url()},
				func(_ *Config, p *routing.Pool) { p.Sessions = c.sessions })
			operate(g).say("b1", cutover.Draining)
			g.change = func(x *routing.Exchange) { x.SessionKey, x.Pin = c.session, c.pin }
			if got := g.asked(20); got[c.want] != 20 {
				t.Errorf("served by %v, want %s", got, c.want)
			}
		})
	}
}

func TestADrainingBackendKeepsItsSockets(t *testing.T) {
	g := realtime(t, echo)
	c := g.open()
	operate(g).say("b1", cutover.Draining)
	c.Conn.Write(frame(true, opText, []byte("still here"), true))
	if m, err := next(c); err != nil || string(m.payload) != "still here" {
		t.Errorf("got %v, %v", m, err)
	}
	g.open() // nobody else can, so it takes a new one, too
}

func TestNothingGoesIntoMaintenance(t *testing.T) {
	first := startWorker(t, say(ok, false))
	g := newRig(t, []string{first.url(), startWorker(t, say(ok, false)).url()})
	w := operate(g)
	w.say("b1", cutover.OutOfOrder)
	before := first.accepted.Load()
	for rule, header := range map[string][]string{"who comes new": nil, "a session": {"X-Test-Session", "s"}} {
		if got := g.asked(20, header...); got["b2"] != 20 {
			t.Errorf("%s: served by %v", rule, got)
		}
	}
	g.change = func(x *routing.Exchange) { x.SessionKey, x.Pin = "s", "b1" }
	if got := g.asked(20); got["b2"] != 20 || g.last.Load().Moved != routing.MovedAside {
		t.Errorf("a session that lives there: served by %v, moved for %q", got, g.last.Load().Moved)
	}
	if n := first.accepted.Load(); n != before {
		t.Errorf("%d connections to a server that is being worked on", n-before)
	}
	w.say("b1", cutover.Ready)
	if got := g.asked(20); got["b1"] != 20 {
		t.Errorf("ready again, its session is served by %v", got)
	}
	if (*(*g.pools.Load())["pool"].backends.Load())[0].born.Load() == 0 {
		t.Error("a server that was worked on counts as new")
	}
}

func TestOneMaintenanceTooMany(t *testing.T) {
	g := newRig(t, []string{startWorker(t, say(ok, false)).url()})
	operate(g).say("b1", cutover.OutOfOrder)
	response, _ := g.ask("GET", "/web", "")
	const why = "pool pool: an operator has put each server that could serve into maintenance; set one of them ready"
	if x := g.last.Load(); response.StatusCode != 503 || response.Header.Get("Retry-After") == "" || x.Cause == nil || x.Cause.Error() != why {
		t.Errorf("got %d, Retry-After %q, because %v", response.StatusCode, response.Header.Get("Retry-After"), x.Cause)
	}
	if b := g.backend(0); b.Serves() || b.Order != cutover.OutOfOrder {
		t.Errorf("status: serves %v, order %s", b.Serves(), b.Order)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(g.Upstream))
	for metric, want := range map[string]float64{"sluice_backend_order": 2, "sluice_backend_up": 0} {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == metric && f.GetMetric()[0].GetGauge().GetValue() != want {
				t.Errorf("%s is %v, want %v", metric, f.GetMetric()[0].GetGauge().GetValue(), want)
			}
		}
	}
	if n, err := testutil.GatherAndCount(registry, "sluice_backend_order"); n != 1 || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
}

// Who waits for a worker of a server that is taken out is served by another one.
func TestWhoWaitsLeavesMaintenance(t *testing.T) {
	busy := startBusy(t, ok)
	g := newRig(t, []string{busy.url(), startWorker(t, say(ok, false)).url()}, withWorkers(1))
	w := operate(g)
	g.change = func(x *routing.Exchange) { x.SessionKey, x.Pin = "s", "b1" }
	done := g.asks(4, "GET", "/web")
	g.waits(0, 3)
	w.say("b1", cutover.OutOfOrder)
	eventually(t, "the others are served elsewhere", func() bool { return g.backend(0).Waiting == 0 && g.backend(1).InFlight == 0 })
	busy.free()
	if got := done(); got[200] != 4 || busy.served.Load() != 1 {
		t.Errorf("got %v, %d of them from the server that is being worked on", got, busy.served.Load())
	}
}

func TestHandshakesInLineLeaveMaintenance(t *testing.T) {
	asked := make(chan struct{}, 8)
	release := make(chan struct{})
	slow := startWorker(t, func(c wire) {
		r, _, err := readRequest(c)
		if err != nil {
			return
		}
		asked <- struct{}{}
		<-release
		answerHandshake(c, r)
		io.Copy(io.Discard, c)
	})
	fine := startWorker(t, echo)
	main := startWorker(t, say(ok, false))
	g := newRig(t, []string{main.url(), main.url()}, func(_ *Config, p *routing.Pool) {
		p.Backends[0].Realtime, p.Backends[1].Realtime = slow.url(), fine.url()
	})
	g.change = func(x *routing.Exchange) { x.SessionKey, x.Pin = "s", "b1" }
	w := operate(g)
	first, second := g.dial(), g.dial()
	io.WriteString(first.Conn, handshake+"\r\n")
	<-asked // it goes alone; the second waits for what it finds
	io.WriteString(second.Conn, handshake+"\r\n")
	eventually(t, "the second is in line", func() bool { return g.backend(0).Handshakes == 1 })
	w.say("b1", cutover.OutOfOrder)
	if response, err := http.ReadResponse(second.Reader, nil); err != nil || response.StatusCode != 101 {
		t.Fatalf("the second: %v, %v", response, err)
	}
	if g.backend(1).Sockets != 1 {
		t.Error("it is open elsewhere")
	}
	close(release)
	if response, err := http.ReadResponse(first.Reader, nil); err != nil || response.StatusCode != 101 {
		t.Fatalf("the first: %v, %v", response, err)
	}
	if m, err := next(first); err != nil || m.code() != closeRestart {
		t.Errorf("the first opened too late, and is told %v, %v; want %d", m, err, closeRestart)
	}
}

func TestMaintenanceEndsSockets(t *testing.T) {
	g := realtime(t, echo, func(_ *Config, p *routing.Pool) { p.Realtime.Drain = 50 * time.Millisecond })
	sockets := []wire{g.open(), g.open(), g.open()}
	operate(g).say("b1", cutover.OutOfOrder)
	for _, c := range sockets {
		if m, err := next(c); err != nil || m.code() != closeRestart {
			t.Errorf("got %v, %v; want %d", m, err, closeRestart)
		}
	}
}

func TestWhoIsReadyInTimeKeepsItsSockets(t *testing.T) {
	g := realtime(t, echo, func(_ *Config, p *routing.Pool) { p.Realtime.Drain = time.Hour })
	w := operate(g)
	sockets := []wire{g.open(), g.open(), g.open()}
	eventually(t, "all are registered", func() bool { return g.backend(0).Sockets == 3 })
	w.say("b1", cutover.OutOfOrder)
	eventually(t, "the first is told", func() bool { return g.backend(0).Sockets < 3 || g.told() == 1 })
	w.say("b1", cutover.Ready)
	g.sockets.shutQuietly(t)
	eventually(t, "who was told is gone", func() bool { return g.backend(0).Sockets == 2 })
	left := 0
	for _, c := range sockets {
		c.Conn.Write(frame(true, opText, []byte("x"), true))
		if m, err := next(c); err == nil && m.op == opText {
			left++
		}
	}
	if left != 2 {
		t.Errorf("%d of 3 sockets are left, want 2: one was told before", left)
	}
}

// told is how many open sockets had their close.
func (g *rig) told() int {
	return len(g.sockets.matching(func(k *socket) bool { return k.code.Load() == closeRestart }))
}

// shutQuietly cuts the pacing short, as shut does, and leaves the sockets alone.
func (s *sockets) shutQuietly(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.cut)
}

func TestANewBackendHearsWhatOperatorsSay(t *testing.T) {
	g := newRig(t, []string{startWorker(t, say(ok, false)).url()})
	w := operate(g)
	w.say("b2", cutover.OutOfOrder)
	second := startWorker(t, say(ok, false))
	next := *g.pool
	next.Digest = "two"
	next.Backends = append(append([]routing.Backend(nil), next.Backends...), routing.Backend{Name: "b2", HTTP: second.url(), Workers: 2, Weight: 1})
	g.Apply(map[string]*routing.Pool{"pool": &next})
	if got := g.asked(20); got["b1"] != 20 || second.accepted.Load() != 0 {
		t.Errorf("served by %v", got)
	}
	w.mu.Lock()
	w.of["pool/b2"] = cutover.Ready
	w.mu.Unlock()
	g.run()
	eventually(t, "the sweep hears it, though nobody said so", func() bool { return g.backend(1).Order == cutover.Ready })
}
