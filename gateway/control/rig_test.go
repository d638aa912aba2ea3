package control

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/embedded"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

func ring() Keys { return Keys{[]byte("0123456789abcdef0123456789abcdef")} }

// shared is a store that several gateways use, and that can be lost, for all or for one.
type shared struct {
	*embedded.Store

	cut atomic.Bool
	// meanwhile runs once, after the next write was done or refused and before its writer
	// hears of that.
	meanwhile func()
}

func newShared(t *testing.T) *embedded.Store {
	t.Helper()
	s := embedded.New(embedded.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	t.Cleanup(s.Release)
	return s
}

func (s *shared) Records(ctx context.Context, kind string) ([]store.Record, error) {
	if s.cut.Load() {
		return nil, store.ErrUnavailable
	}
	return s.Store.Records(ctx, kind)
}

func (s *shared) PutRecord(ctx context.Context, r store.Record) (store.Record, error) {
	defer func() {
		if then := s.meanwhile; then != nil {
			s.meanwhile = nil
			then()
		}
	}()
	if s.cut.Load() {
		return store.Record{}, store.ErrUnavailable
	}
	return s.Store.PutRecord(ctx, r)
}

func (s *shared) WatchRecords(ctx context.Context, heard func(store.Record), lost func()) error {
	return s.Store.WatchRecords(ctx, func(r store.Record) {
		if !s.cut.Load() {
			heard(r)
		}
	}, lost)
}

// node is one gateway.
type node struct {
	*Control

	t        *testing.T
	store    *shared
	dir      string
	log      *bytes.Buffer
	registry *prometheus.Registry
	stop     func()

	mu      sync.Mutex
	active  string
	changed int
}

func (n *node) declared(tenant string) (string, []string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.active, []string{"blue", "green"}, tenant != "gone"
}

func (n *node) declare(active string) {
	n.mu.Lock()
	n.active = active
	n.mu.Unlock()
	n.Refresh()
}

// start runs a gateway over a store and a folder until the test ends or stop is called.
func start(t *testing.T, s *embedded.Store, id, dir string) *node {
	t.Helper()
	local, err := OpenLocal(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, store: &shared{Store: s}, dir: dir, log: &bytes.Buffer{}, registry: prometheus.NewRegistry(), active: "blue"}
	n.Control = New(Config{
		Store: n.store, Local: local, Keys: ring(), Replica: id, Declared: n.declared,
		Changed: func(string) { n.mu.Lock(); n.changed++; n.mu.Unlock() },
		Log:     slog.New(slog.NewTextHandler(n.log, nil)), Metrics: n.registry,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(n.stop)
	synctest.Wait()
	return n
}

// bubble runs a test with two gateways at one store, in a time of its own.
func bubble(t *testing.T, test func(t *testing.T, s *embedded.Store, a, b *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newShared(t)
		test(t, s, start(t, s, "a", t.TempDir()), start(t, s, "b", t.TempDir()))
	})
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// closing is a decision: the sessions of blue go to green. It makes the next epoch.
func closing(r cutover.Record) (cutover.Record, error) {
	r.Epoch++
	r.Sequence++
	r.Closings = []routing.Closing{{Release: "blue", To: "green", Before: r.Epoch}}
	return r, nil
}

func (n *node) change(decide func(cutover.Record) (cutover.Record, error)) Result {
	n.t.Helper()
	got, err := n.Change(n.t.Context(), "acme", decide)
	if err != nil {
		n.t.Fatal(err)
	}
	return got
}

func (n *node) epoch() uint32 {
	rec, _ := n.Tenant("acme")
	return rec.Epoch
}

func (n *node) count(name string) float64 {
	n.t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
