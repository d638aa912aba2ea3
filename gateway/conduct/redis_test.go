package conduct

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/control"
	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// well is a server that is.
type well struct{}

func (well) Ask(context.Context, upstream.Question) (upstream.Reply, error) {
	return upstream.Reply{Status: http.StatusOK, Header: http.Header{}}, nil
}

// gateway is a conductor over real control and a real Redis.
type gateway struct {
	*control.Control
	id   string
	stop func()

	mu   sync.Mutex
	dead bool
}

// Change lets a dead one write nothing, not even a farewell.
func (g *gateway) Change(ctx context.Context, tenant string, decide func(cutover.Record) (cutover.Record, error)) (control.Result, error) {
	g.mu.Lock()
	dead := g.dead
	g.mu.Unlock()
	if dead {
		return control.Result{}, errDead
	}
	return g.Control.Change(ctx, tenant, decide)
}

func (g *gateway) kill() {
	g.mu.Lock()
	g.dead = true
	g.mu.Unlock()
	g.stop()
}

func onRedis(t *testing.T, id, address string, tenant *routing.Tenant, all func() []*gateway) *gateway {
	t.Helper()
	s, err := redis.New(redis.Config{Address: address, Log: quiet(), Bounds: redis.Bounds{Call: time.Second, Reply: 500 * time.Millisecond, Probe: 100 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	local, err := control.OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{id: id, Control: control.New(control.Config{
		Store: s, Local: local, Keys: control.Keys{[]byte("0123456789abcdef0123456789abcdef")}, Replica: id, Log: quiet(),
		Declared: func(string) (string, []string, bool) { return "blue", []string{"blue", "green"}, true },
	})}
	c := New(Config{
		Replica: id, Control: g, Ask: well{}, Log: quiet(), Reports: NewReports(t.TempDir(), testKeys()), Store: s,
		Tenant: func(string) *routing.Tenant { return tenant },
		View: func() report.View {
			v := report.View{Known: true}
			for _, o := range all() {
				v.Replicas = append(v.Replicas, report.Replica{ID: o.id, Host: o.id, Report: report.Report{
					Sequences: o.Applied(), Tenants: map[string]report.Tenant{"acme": {}},
				}})
			}
			return v
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	for _, run := range []func(context.Context) error{s.Run, g.Run, c.Run} {
		parts.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	g.stop = func() { cancel(); parts.Wait() }
	t.Cleanup(g.stop)
	return g
}

// With the records of control in a real Redis: whoever drives dies, the other goes on, and
// both keep the same report.
func TestDriverDiesOverRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	blue, green := &routing.Release{Name: "blue", Pool: &routing.Pool{Name: "b", Backends: []routing.Backend{{Name: "b1"}}}}, &routing.Release{Name: "green", Pool: &routing.Pool{Name: "g", Backends: []routing.Backend{{Name: "g1"}}}}
	tenant := acme(blue, green)
	var mu sync.Mutex
	living := map[string]*gateway{}
	all := func() (found []*gateway) {
		mu.Lock()
		defer mu.Unlock()
		for _, g := range living {
			found = append(found, g)
		}
		return found
	}
	for _, id := range []string{"a", "b"} {
		g := onRedis(t, id, server.Addr, tenant, all)
		mu.Lock()
		living[id] = g
		mu.Unlock()
	}
	a, b := living["a"], living["b"]
	plan := cutover.Plan{Strategy: cutover.Shift, To: "green", Shares: []cutover.Share{{Percent: 10, For: 2 * time.Second}}, Watch: time.Second, SkipPreflight: true}
	redistest.Eventually(t, 20*time.Second, "it does not begin", func() bool {
		got, err := a.Change(t.Context(), "acme", func(r cutover.Record) (cutover.Record, error) {
			if r.Cutover != nil {
				return r, nil
			}
			return cutover.New("acme", "blue", plan, time.Now(), "ann", "a test", "c1", "seed", r)
		})
		return err == nil && got.Shared
	})
	redistest.Eventually(t, 20*time.Second, "nobody drives it", func() bool {
		rec, _ := b.Tenant("acme")
		return rec.Cutover != nil && rec.Cutover.Phase == cutover.Shifting && rec.Cutover.Owner != ""
	})
	rec, _ := b.Tenant("acme")
	dead, heir := living[rec.Cutover.Owner], b
	if dead == b {
		heir = a
	}
	dead.kill()
	mu.Lock()
	delete(living, dead.id)
	mu.Unlock()
	redistest.Eventually(t, 30*time.Second, "nobody goes on", func() bool {
		rec, _ := heir.Tenant("acme")
		return rec.Last != nil && rec.Last.ID == "c1"
	})
	rec, _ = heir.Tenant("acme")
	if c := rec.Last; c.Phase != cutover.Completed || c.Fence != 2 || c.Owner != heir.id {
		t.Errorf("it ended %s with fence %d by %s", c.Phase, c.Fence, c.Owner)
	}
	if course := heir.Course("acme"); course == nil || course.Legs[len(course.Legs)-1].Active != "green" {
		t.Errorf("requests go %+v", course)
	}
}
