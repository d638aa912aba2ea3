package upstream

import (
	"fmt"
	"io"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/routing"
)

func TestWhatSurvivesApply(t *testing.T) {
	base := func() *routing.Pool {
		return &routing.Pool{Name: "pool", Digest: "1", Backends: []routing.Backend{
			{Name: "b1", HTTP: "http://127.0.0.1:1", Realtime: "http://127.0.0.1:2", Weight: 1},
			{Name: "b2", HTTP: "http://127.0.0.1:3", Weight: 1},
		}}
	}
	for name, tc := range map[string]struct {
		change func(*routing.Pool)
		stays  bool
	}{
		"the same again":        {func(*routing.Pool) {}, true},
		"another time-out":      {func(p *routing.Pool) { p.Timeouts.Response = time.Second }, true},
		"another weight":        {func(p *routing.Pool) { p.Backends[0].Weight = 0 }, true},
		"another order":         {func(p *routing.Pool) { p.Backends[0], p.Backends[1] = p.Backends[1], p.Backends[0] }, true},
		"a neighbour goes":      {func(p *routing.Pool) { p.Backends = p.Backends[:1] }, true},
		"another HTTP address":  {func(p *routing.Pool) { p.Backends[0].HTTP = "http://127.0.0.1:9" }, false},
		"another realtime port": {func(p *routing.Pool) { p.Backends[0].Realtime = "http://127.0.0.1:9" }, false},
		"another name":          {func(p *routing.Pool) { p.Backends[0].Name = "b9" }, false},
		"another certificate":   {func(p *routing.Pool) { p.Backends[0].TLS = &routing.BackendTLS{ServerName: "x"} }, false},
		"it goes":               {func(p *routing.Pool) { p.Backends = p.Backends[1:] }, false},
	} {
		t.Run(name, func(t *testing.T) {
			u := New(Config{})
			u.Apply(map[string]*routing.Pool{"pool": base()})
			b := (*u.pool(base()).backends.Load())[0]
			b.health.state.Store(int32(Saturated))
			b.inflight.Store(3)
			changed := base()
			changed.Digest = "2"
			tc.change(changed)
			u.Apply(map[string]*routing.Pool{"pool": changed})
			found := false
			for _, now := range *u.pool(changed).backends.Load() {
				if now == b {
					found = now.health.now() == Saturated && now.inflight.Load() == 3
				}
			}
			if found != tc.stays || b.retired.Load() == tc.stays {
				t.Errorf("stays %v, retired %v; want stays %v", found, b.retired.Load(), tc.stays)
			}
			if tc.stays && name == "another weight" && b.conf.Load().Weight != 0 {
				t.Error("the new weight is not in force")
			}
			u.Apply(nil)
			u.sockets.wait()
		})
	}
}

func TestARemovedBackendFinishesWhatItHas(t *testing.T) {
	asked, proceed := make(chan struct{}), make(chan struct{})
	worker := startWorker(t, func(c wire) {
		readRequest(c)
		close(asked)
		<-proceed
		io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		readRequest(c) // until the gateway closes
	})
	g := newRig(t, []string{worker.url()})
	b := (*g.Upstream.pool(g.pool).backends.Load())[0]
	answer := make(chan string)
	go func() {
		_, body, err := g.try("POST", "/web", "x")
		answer <- fmt.Sprint(body, err)
	}()
	<-asked
	g.Apply(nil)
	if n := b.inflight.Load(); n != 1 {
		t.Errorf("in flight: %d", n)
	}
	close(proceed)
	if got := <-answer; got != "ok<nil>" {
		t.Errorf("got %s", got)
	}
	if n := b.http.idle.count(); n != 0 {
		t.Errorf("%d connections kept to a backend that is gone", n)
	}
}

func TestARequestWithAnotherTableIsServed(t *testing.T) {
	worker := startWorker(t, say(ok, false))
	g := newRig(t, []string{worker.url()})
	g.Apply(nil) // the request still holds the pool
	if response, _ := g.ask("GET", "/web", ""); response.StatusCode != 200 {
		t.Errorf("got %d", response.StatusCode)
	}
	if n := len(g.schedule.queue); n != 0 {
		t.Errorf("%d adopted backends are probed", n)
	}
	g.Apply(map[string]*routing.Pool{"pool": g.pool})
	if n := len(g.schedule.queue); n != 1 {
		t.Errorf("after Apply %d backends are probed", n)
	}
	g.Apply(nil)
	if n := len(g.Status()); n != 0 {
		t.Errorf("%d pools left", n)
	}
}

func TestSeriesEndWithTheirBackend(t *testing.T) {
	registry := prometheus.NewRegistry()
	g := newRig(t, []string{refusing(t)}, func(c *Config, _ *routing.Pool) { c.Metrics = registry })
	g.ask("GET", "/web", "")
	names := []string{"sluice_backend_up", "sluice_backend_state", "sluice_backend_in_flight", "sluice_sockets", "sluice_backend_connect_errors_total"}
	if n, err := testutil.GatherAndCount(registry, names...); err != nil || n != len(names) {
		t.Errorf("%d series, %v", n, err)
	}
	g.Apply(nil)
	if n, err := testutil.GatherAndCount(registry, names...); err != nil || n != 0 {
		t.Errorf("%d series left, %v", n, err)
	}
}

func manyPools(n int) map[string]*routing.Pool {
	pools := make(map[string]*routing.Pool, n)
	for i := range n {
		name := fmt.Sprintf("pool-%05d", i)
		pools[name] = &routing.Pool{Name: name, Digest: name, Backends: []routing.Backend{
			{Name: "b1", HTTP: "http://127.0.0.1:1", Realtime: "http://127.0.0.1:2", Weight: 1},
		}}
	}
	return pools
}

// BenchmarkApply is one changed pool among ten thousand.
func BenchmarkApply(b *testing.B) {
	u := New(Config{})
	pools := manyPools(10_000)
	u.Apply(pools)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		next := *pools["pool-00007"]
		next.Digest = fmt.Sprint(i)
		pools["pool-00007"] = &next
		u.Apply(pools)
	}
}

// BenchmarkApplyNew is one new pool, and one that goes, among ten thousand.
func BenchmarkApplyNew(b *testing.B) {
	u := New(Config{})
	pools := manyPools(10_000)
	u.Apply(pools)
	other := maps.Clone(pools)
	other["new"] = &routing.Pool{Name: "new", Digest: "new"}
	delete(other, "pool-00009")
	b.ReportAllocs()
	for b.Loop() {
		u.Apply(other)
		pools, other = other, pools
	}
}
