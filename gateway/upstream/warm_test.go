package upstream

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/routing"
)

// sleeper is an Odoo that has its database in memory only after somebody has asked for it.
type sleeper struct {
	*worker
	mu    sync.Mutex
	asked []*http.Request // for the page that loads the database
	names map[string]int  // requests by path
}

// startSleeper answers the warm-up with what load returns.
func startSleeper(t *testing.T, load func() string) *sleeper {
	s := &sleeper{names: map[string]int{}}
	s.worker = startWorker(t, func(c wire) {
		r, _, err := readRequest(c)
		if err != nil {
			return
		}
		if isProbe(r) {
			io.WriteString(c.Conn, healthy)
			return
		}
		s.mu.Lock()
		s.names[r.URL.Path]++
		if r.UserAgent() == "sluice-warm-up" {
			s.asked = append(s.asked, r)
		}
		s.mu.Unlock()
		if r.UserAgent() == "sluice-warm-up" {
			io.WriteString(c.Conn, load())
			return
		}
		io.WriteString(c.Conn, ok)
	})
	return s
}

func (s *sleeper) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[path]
}

func (s *sleeper) warmUps() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.asked...)
}

const loaded = "HTTP/1.0 200 OK\r\nSet-Cookie: session_id=nobody; Path=/\r\nContent-Length: 2\r\n\r\nok"

// grow adds a backend to the rig's pool.
func (g *rig) grow(b routing.Backend, digest string) {
	next := *g.pool
	next.Digest = digest
	next.Backends = append(append([]routing.Backend(nil), g.pool.Backends...), b)
	g.pool = &next
	g.Apply(map[string]*routing.Pool{"pool": &next})
}

func atOnce(_ *Config, p *routing.Pool) { p.Balance.FadeIn = -1 }

func TestANewBackendLoadsBusyDatabasesFirst(t *testing.T) {
	proceed := make(chan struct{})
	old := startWorker(t, say(ok, false))
	gevent := startSleeper(t, func() string { return loaded })
	fresh := startSleeper(t, func() string { <-proceed; return loaded })
	registry := prometheus.NewRegistry()
	g := newRig(t, []string{old.url()}, atOnce, func(c *Config, _ *routing.Pool) { c.Metrics = registry })
	g.run()
	g.ask("GET", "/web", "") // the database is busy
	g.grow(routing.Backend{Name: "b2", HTTP: fresh.url(), Realtime: gevent.url(), Workers: 2, Weight: 1}, "2")
	eventually(t, "the database is being loaded", func() bool { return len(fresh.warmUps()) == 1 })
	if b := g.backend(1); b.Cold != 1 || b.InFlight != 1 {
		t.Errorf("while it loads: %d cold databases, %d workers in use", b.Cold, b.InFlight)
	}
	for range 50 {
		g.ask("GET", "/web", "")
	}
	if n := fresh.count("/web"); n != 0 {
		t.Errorf("%d of 50 new sessions went to a server that has yet to load the database", n)
	}
	close(proceed)
	eventually(t, "it is warm", func() bool { return g.backend(1).Cold == 0 })
	eventually(t, "it gets new sessions", func() bool {
		g.ask("GET", "/web", "")
		return fresh.count("/web") > 0
	})
	for port, asked := range map[string][]*http.Request{"http": fresh.warmUps(), "realtime": gevent.warmUps()} {
		if len(asked) != 1 {
			t.Fatalf("%s: %d warm-ups, want 1", port, len(asked))
		}
		got := map[string]string{"uri": asked[0].RequestURI, "host": asked[0].Host}
		for _, h := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Odoo-Dbfilter", "Cookie", "Connection"} {
			got[h] = asked[0].Header.Get(h)
		}
		want := map[string]string{
			"uri": "/websocket/health", "host": "acme.test", "X-Forwarded-Host": "acme.test", "X-Forwarded-Proto": "https",
			"X-Odoo-Dbfilter": `^acme\.db\Z`, "Cookie": "", "Connection": "close",
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", port, got, want)
		}
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP sluice_warmups_total Databases that a new backend was made to load.
# TYPE sluice_warmups_total counter
sluice_warmups_total{backend="b2",pool="pool",result="done"} 1
`), "sluice_warmups_total"); err != nil {
		t.Error(err)
	}
}

func TestAColdBackendServesWhenNobodyElseCan(t *testing.T) {
	proceed := make(chan struct{})
	defer close(proceed)
	old := startWorker(t, say(ok, false))
	fresh := startSleeper(t, func() string { <-proceed; return loaded })
	g := newRig(t, []string{old.url()}, atOnce)
	g.run()
	g.ask("GET", "/web", "")
	g.grow(routing.Backend{Name: "b2", HTTP: fresh.url(), Workers: 2, Weight: 1}, "2")
	eventually(t, "the database is being loaded", func() bool { return len(fresh.warmUps()) == 1 })
	old.stop()
	eventually(t, "the old one is gone", func() bool { return g.backend(0).State == Down })
	if response, _ := g.ask("GET", "/web", ""); response.StatusCode != 200 || fresh.count("/web") == 0 {
		t.Errorf("got %d, %d requests at the new one", response.StatusCode, fresh.count("/web"))
	}
}

func TestAWarmUpThatFailsKeepsNobodyOut(t *testing.T) {
	for name, answer := range map[string]func() string{
		"it says no":                 func() string { return "HTTP/1.0 404 NOT FOUND\r\n\r\n" },
		"it breaks off":              func() string { return "" },
		"it does not answer in time": func() string { <-time.After(400 * time.Millisecond); return loaded },
	} {
		t.Run(name, func(t *testing.T) {
			fresh := startSleeper(t, answer)
			g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, atOnce, func(_ *Config, p *routing.Pool) { p.Balance.WarmUp = 200 * time.Millisecond })
			g.run()
			g.ask("GET", "/web", "")
			g.grow(routing.Backend{Name: "b2", HTTP: fresh.url(), Workers: 2, Weight: 1}, "2")
			eventually(t, "it gets new sessions", func() bool {
				g.ask("GET", "/web", "")
				return fresh.count("/web") > 0
			})
			if n := len(fresh.warmUps()); n != 1 {
				t.Errorf("%d warm-ups, want 1", n)
			}
		})
	}
}

func TestWhoIsWarmedUp(t *testing.T) {
	for name, tc := range map[string]struct {
		busy   bool
		change option
		want   int32
	}{
		"a busy database":         {true, atOnce, 1},
		"no database is busy":     {false, atOnce, 0},
		"warm-up is switched off": {true, func(_ *Config, p *routing.Pool) { p.Balance.WarmUp = -1 }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, tc.change)
			if tc.busy {
				g.ask("GET", "/web", "")
			}
			g.grow(routing.Backend{Name: "b2", HTTP: "http://127.0.0.1:1", Weight: 1}, "2")
			b := (*g.Upstream.pool(g.pool).backends.Load())[1]
			if n := b.warmth.count.Load(); n != tc.want {
				t.Errorf("%d databases to load, want %d", n, tc.want)
			}
		})
	}
}

func TestNobodyWarmsUpWithoutAnOlderServer(t *testing.T) {
	g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, atOnce)
	g.ask("GET", "/web", "") // the database is busy
	g.replace(func(b *routing.Backend) { b.ID = "another" })
	b := (*g.Upstream.pool(g.pool).backends.Load())[0]
	if n := b.warmth.count.Load(); n != 0 || b.born.Load() == 0 {
		t.Errorf("%d databases to load before the only server may serve", n)
	}
	b.health.state.Store(int32(Down))
	b.health.state.Store(int32(Up))
	g.turned(b, Down, time.Now())
	if n := b.warmth.count.Load(); n != 0 {
		t.Errorf("%d databases to load after it came back", n)
	}
}

func TestAServerThatWasWarmedUpServesWhileTheNextIs(t *testing.T) {
	for name, tc := range map[string]struct {
		warmed bool
		want   int32
	}{
		"the other was warmed up, and still fades in": {true, 1},
		"the other is as new and cold":                {false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, func(_ *Config, p *routing.Pool) { p.Balance.FadeIn = time.Hour })
			g.ask("GET", "/web", "") // the database is busy
			first := (*g.Upstream.pool(g.pool).backends.Load())[0]
			first.born.Store(time.Now().UnixNano())
			if tc.warmed {
				visits := first.owner.hot.list(0)
				first.warmth.expect(visits)
				first.warmth.loaded(visits[0].release.Database)
			}
			g.grow(routing.Backend{Name: "b2", HTTP: "http://127.0.0.1:1", Weight: 1}, "2")
			b := (*g.Upstream.pool(g.pool).backends.Load())[1]
			if n := b.warmth.count.Load(); n != tc.want {
				t.Errorf("%d databases to load, want %d", n, tc.want)
			}
		})
	}
}

func TestDatabasesThatAreQuietAreForgotten(t *testing.T) {
	var h hot
	note := func(database string, minute int64) {
		x := &routing.Exchange{}
		x.Tenant, x.Release = &routing.Tenant{Name: database}, &routing.Release{Database: database}
		h.note(x, minute)
	}
	note("old", 0)
	note("busy", 0)
	note("busy", 9)
	note("new", 11)
	var got []string
	for _, v := range h.list(11) {
		got = append(got, v.tenant.Name)
	}
	if strings.Join(got, " ") != "new busy" {
		t.Errorf("got %v", got)
	}
	if _, kept := h.visits.Load("old"); kept {
		t.Error("the quiet one is kept")
	}
}
