package upstream

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func TestHealthFollowsItsRules(t *testing.T) {
	var (
		g       = finding{verdict: good, connected: true}
		f       = finding{verdict: failed}
		busy    = finding{verdict: silent, connected: true, realtimeUp: true}
		dead    = finding{verdict: silent, connected: true}
		nodb    = finding{verdict: noDatabase, connected: true}
		wait    = finding{verdict: -1} // ten seconds pass
		profile = rules{fall: 3, rise: 2, silence: 30 * time.Second}
	)
	for name, tc := range map[string]struct {
		findings []finding
		want     State
	}{
		"nobody has looked: unknown":                    {nil, Unknown},
		"the first good probe":                          {[]finding{g}, Up},
		"two failures are not enough":                   {[]finding{g, f, f}, Up},
		"three in a row are":                            {[]finding{g, f, f, f}, Down},
		"a good one in between begins anew":             {[]finding{g, f, f, g, f, f}, Up},
		"an unknown backend that refuses goes down":     {[]finding{f, f, f}, Down},
		"one good probe does not bring it back":         {[]finding{f, f, f, g}, Down},
		"two do":                                        {[]finding{f, f, f, g, g}, Up},
		"two, but not in a row, do not":                 {[]finding{f, f, f, g, f, g}, Down},
		"a time-out is saturation while realtime lives": {[]finding{g, busy, wait, busy, wait, busy, wait, busy, wait, busy}, Saturated},
		"a good probe ends saturation":                  {[]finding{busy, g}, Up},
		"silence on all ports is saturation at first":   {[]finding{g, dead, wait, dead, wait, dead}, Saturated},
		"after thirty seconds it is death":              {[]finding{g, dead, wait, dead, wait, dead, wait, dead}, Down},
		"realtime in between begins the thirty anew":    {[]finding{g, dead, wait, dead, wait, busy, wait, dead, wait, dead}, Saturated},
		"a saturated one that refuses goes down":        {[]finding{busy, f, f, f}, Down},
		"a dead one that is busy again comes back":      {[]finding{f, f, f, busy, busy}, Saturated},
		"one word of a missing database is not enough":  {[]finding{g, nodb}, Up},
		"two are": {[]finding{g, nodb, nodb}, DatabaseDown},
		"the database is back with the first good probe": {[]finding{g, nodb, nodb, g}, Up},
		"a missing database and then a dead server":      {[]finding{nodb, nodb, f, f, f}, Down},
	} {
		t.Run(name, func(t *testing.T) {
			var h health
			now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
			for _, one := range tc.findings {
				if one.verdict == -1 {
					now = now.Add(10 * time.Second)
					continue
				}
				h.observe(one, profile, now)
			}
			if got := h.now(); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// page serves health pages with what it holds at the moment; "" refuses by closing, "-" is
// silence.
type page struct {
	atomic.Pointer[string]
	asked atomic.Pointer[http.Request]
}

func newPage(answer string) *page {
	p := &page{}
	p.Store(&answer)
	return p
}

func (p *page) set(answer string) { p.Store(&answer) }

func (p *page) serve(c wire) {
	r, _, err := readRequest(c)
	if err != nil {
		return
	}
	if !isProbe(r) {
		io.WriteString(c.Conn, "HTTP/1.0 200 OK\r\nSet-Cookie: session_id=new\r\nContent-Length: 2\r\n\r\nok")
		return
	}
	p.asked.Store(r)
	switch answer := *p.Load(); answer {
	case "-":
		io.Copy(io.Discard, c)
	default:
		io.WriteString(c.Conn, answer)
	}
}

const (
	pagePass   = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"status\": \"pass\", \"db_server_status\": true}"
	pageNoDB   = "HTTP/1.0 500 INTERNAL\r\nContent-Type: application/json\r\n\r\n{\"status\": \"fail\", \"db_server_status\": false}"
	pageBroken = "HTTP/1.0 500 INTERNAL\r\n\r\noops"
)

func (g *rig) eventuallyState(want State) {
	g.t.Helper()
	eventually(g.t, "state "+want.String(), func() bool { return g.backend(0).State == want })
}

func TestProbesTellStatesApart(t *testing.T) {
	for name, tc := range map[string]struct {
		http, realtime string
		silence        time.Duration
		want           State
	}{
		"a health page that passes":        {pagePass, "-", time.Hour, Up},
		"an error page":                    {pageBroken, pagePass, time.Hour, Down},
		"a page that says fail":            {"HTTP/1.0 200 OK\r\n\r\n{\"status\": \"fail\"}", pagePass, time.Hour, Down},
		"a missing page":                   {"HTTP/1.0 404 Not Found\r\n\r\n", pagePass, time.Hour, Down},
		"a connection that ends":           {"", pagePass, time.Hour, Down},
		"a database that is away":          {pageNoDB, pagePass, time.Hour, DatabaseDown},
		"silence while realtime answers":   {"-", pagePass, time.Millisecond, Saturated},
		"silence of both, not long":        {"-", "-", time.Hour, Saturated},
		"silence of both, for long":        {"-", "-", time.Millisecond, Down},
		"silence while realtime is broken": {"-", pageBroken, time.Millisecond, Down},
	} {
		t.Run(name, func(t *testing.T) {
			main, realtime := startWorker(t, newPage(tc.http).serve), startWorker(t, newPage(tc.realtime).serve)
			g := newRig(t, []string{main.url()}, withTiming(Timing{Silence: tc.silence}), func(_ *Config, p *routing.Pool) {
				p.Backends[0].Realtime = realtime.url()
				p.Health.Timeout = 30 * time.Millisecond
			})
			g.run()
			g.eventuallyState(tc.want)
		})
	}
}

func TestAProbeIsAWholeRequestWithAHost(t *testing.T) {
	for version, query := range map[string]string{"17.0": "", "18.0": "db_server_status=1"} {
		p := newPage(pagePass)
		worker := startWorker(t, p.serve)
		g := newRig(t, []string{worker.url()}, func(_ *Config, p *routing.Pool) { p.Profile, _ = odoo.ProfileFor(version) })
		g.run()
		g.eventuallyState(Up)
		if r := p.asked.Load(); r.URL.Path != "/web/health" || r.URL.RawQuery != query || r.Host != worker.Addr().String() {
			t.Errorf("%s: asked %s of %q", version, r.URL, r.Host)
		}
	}
}

func TestAMissingDatabaseIsAnsweredByTheGateway(t *testing.T) {
	p := newPage(pageNoDB)
	g := newRig(t, []string{startWorker(t, p.serve).url()})
	g.run()
	g.eventuallyState(DatabaseDown)
	for path, want := range map[string]int{"/odoo": 503, "/xmlrpc/2/object": 503, "/web/static/src/a.js": 200, "/web/health": 200} {
		response, _ := g.ask("GET", path, "")
		if response.StatusCode != want || response.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: got %d, cookie %q; want %d", path, response.StatusCode, response.Header.Get("Set-Cookie"), want)
		}
		if want == 503 && response.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	p.set(pagePass)
	g.eventuallyState(Up)
	if response, _ := g.ask("GET", "/odoo", ""); response.StatusCode != 200 || response.Header.Get("Set-Cookie") == "" {
		t.Errorf("afterwards: got %d, cookie %q", response.StatusCode, response.Header.Get("Set-Cookie"))
	}
}

func TestARefusedConnectCountsAndProbesAtOnce(t *testing.T) {
	g := newRig(t, []string{refusing(t)}, func(_ *Config, p *routing.Pool) {
		p.Health.Interval, p.Health.Fall = time.Hour, 2
	})
	g.ask("GET", "/web", "")
	if s := g.backend(0); s.State != Unknown || s.Reason == "" {
		t.Errorf("after one: %v, reason %q", s.State, s.Reason)
	}
	g.ask("GET", "/web", "")
	if s := g.backend(0); s.State != Down {
		t.Errorf("after two: %v", s.State)
	}
	response, _ := g.ask("GET", "/web", "")
	if response.StatusCode != 503 {
		t.Errorf("a backend that is down: got %d", response.StatusCode)
	}

	// Probed once and then not for an hour, unless a request fails.
	p := newPage(pagePass)
	worker := startWorker(t, p.serve)
	h := newRig(t, []string{worker.url()}, func(_ *Config, p *routing.Pool) { p.Health.Interval = time.Hour })
	h.run()
	h.eventuallyState(Up)
	worker.stop()
	h.ask("GET", "/web", "")
	h.eventuallyState(Down) // one request, and the probe that it caused: fall is two
}

func TestABackendThatFailsItsProbesButAnswersIsTheLastResort(t *testing.T) {
	g := newRig(t, []string{startWorker(t, newPage(pageBroken).serve).url()})
	g.run()
	g.eventuallyState(Down)
	if response, _ := g.ask("GET", "/web", ""); response.StatusCode != 200 {
		t.Errorf("got %d", response.StatusCode)
	}
}

func TestRequestsLeaveADeadBackendAndReturn(t *testing.T) {
	p := newPage(pagePass)
	first, second := startWorker(t, p.serve), startWorker(t, newPage(pagePass).serve)
	g := newRig(t, []string{first.url(), second.url()})
	g.run()
	g.eventuallyState(Up)
	session := keyOf(g, "b1")
	backend := func() string {
		g.last.Store(nil)
		g.ask("GET", "/web", "", "X-Test-Session", session)
		eventually(t, "the request ends", func() bool { return g.last.Load() != nil })
		return g.last.Load().Backend
	}
	if got := backend(); got != "b1" {
		t.Fatalf("at first: %s", got)
	}
	p.set(pageBroken)
	g.eventuallyState(Down)
	if got := backend(); got != "b2" {
		t.Errorf("while it is down: %s", got)
	}
	p.set(pagePass)
	g.eventuallyState(Up)
	if got := backend(); got != "b1" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestRunEndsEverything(t *testing.T) {
	g := newRig(t, []string{startWorker(t, newPage("-").serve).url()}, func(_ *Config, p *routing.Pool) { p.Health.Timeout = time.Hour })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- g.Run(ctx) }()
	eventually(t, "a probe is on its way", func() bool {
		g.schedule.mu.Lock()
		defer g.schedule.mu.Unlock()
		return len(g.schedule.queue) == 0
	})
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run does not end")
	}
}

func TestIntervalsGrowWithTheNumberOfBackends(t *testing.T) {
	var s schedule
	s.init(500)
	now := time.Now()
	for range 10_000 {
		s.add(&backend{index: -1})
	}
	b := &backend{index: -1}
	s.again(b, 2*time.Second, now)
	if wait := b.due.Sub(now); wait < 17*time.Second || wait > 23*time.Second {
		t.Errorf("with 10 000 backends the pause is %v, want about 20 s", wait)
	}
	var spread time.Duration
	for _, b := range s.queue {
		spread = max(spread, b.due.Sub(now))
	}
	if spread > 25*time.Second {
		t.Errorf("the last first probe is after %v", spread)
	}
	s.remove(b)
	s.again(b, time.Second, now)
	s.nudge(b, now)
	if b.index != removed {
		t.Error("a removed backend came back")
	}
}

func TestAHealthPageIsReadInPart(t *testing.T) {
	long := "HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat(" ", 1<<20) + `{"status": "fail"}`
	g := newRig(t, []string{startWorker(t, newPage(long).serve).url()})
	g.run()
	g.eventuallyState(Up) // what comes after the first KiBs is not read
}
