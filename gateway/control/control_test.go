package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

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

func TestADecisionHoldsEverywhere(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		if a.Course("acme") != nil || b.Course("acme") != nil {
			t.Error("a tenant without decisions has a course")
		}
		if got := a.change(closing); !got.Shared || got.Err() != nil || got.By != "a" {
			t.Errorf("got %+v", got)
		}
		synctest.Wait()
		one, v1 := a.Tenant("acme")
		two, v2 := b.Tenant("acme")
		if v1 != v2 || one.Epoch != 1 || two.Epoch != 1 {
			t.Errorf("a has %+v, b has %+v", one, two)
		}
		if c := b.Course("acme"); c == nil || c.Epoch != 1 || c.Legs[0].Closings[0].To != "green" {
			t.Errorf("b's course is %+v", c)
		}
		if a.Applied()["acme"] != 1 || b.Applied()["acme"] != 1 {
			t.Errorf("applied %v, %v", a.Applied(), b.Applied())
		}
		if b.changed == 0 {
			t.Error("nobody was told of the change")
		}
		after(time.Second)
		for _, n := range []*node{a, b} {
			if _, err := os.Stat(filepath.Join(n.dir, "tenant.acme.record")); err != nil {
				t.Errorf("no copy on the disk: %v", err)
			}
		}
		if none, _ := a.Tenant("other"); none.Tenant != "other" || none.Sequence != 0 {
			t.Errorf("a tenant without a record: %+v", none)
		}
	})
}

func TestChangesAtOnceAreAllKept(t *testing.T) {
	s := newShared(t)
	local := func() *Local {
		l, err := OpenLocal(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	var nodes []*Control
	for _, id := range []string{"a", "b", "c"} {
		nodes = append(nodes, New(Config{
			Store: s, Local: local(), Keys: ring(), Replica: id, Log: slog.New(slog.DiscardHandler),
			Declared: func(string) (string, []string, bool) { return "blue", []string{"blue", "green"}, true },
		}))
	}
	const each = 40
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for range each {
				for {
					_, err := nodes[i%3].Change(t.Context(), "acme", closing)
					if err == nil {
						break
					}
					if !errors.Is(err, ErrBusy) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	var highest uint32
	for _, n := range nodes {
		rec, _ := n.Tenant("acme")
		highest = max(highest, rec.Epoch)
	}
	if highest != 6*each {
		t.Errorf("%d changes were kept of %d", highest, 6*each)
	}
}

func TestARefusedDecisionChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, _ *node) {
		a.change(closing)
		refused := errors.New("refused")
		got, err := a.Change(t.Context(), "acme", func(r cutover.Record) (cutover.Record, error) { return r, refused })
		if !errors.Is(err, refused) || got.Epoch != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
		before, _ := a.Tenant("acme")
		a.change(func(r cutover.Record) (cutover.Record, error) { return r, nil })
		if now, _ := a.Tenant("acme"); now.Sequence != before.Sequence {
			t.Error("a decision that changes nothing was written")
		}
	})
}

// A driver that was replaced meanwhile finds that out inside its own change.
func TestADecisionIsCheckedAgainstTheNewest(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		a.change(closing)
		synctest.Wait()
		b.store.cut.Store(true) // b hears nothing
		a.change(closing)
		b.store.cut.Store(false)
		var saw []uint32
		b.change(func(r cutover.Record) (cutover.Record, error) {
			saw = append(saw, r.Epoch)
			return closing(r)
		})
		if len(saw) != 2 || saw[0] != 1 || saw[1] != 2 || b.epoch() != 3 {
			t.Errorf("decided on epochs %v, ends at %d", saw, b.epoch())
		}
		if b.count("sluice_control_conflicts_total") != 1 {
			t.Error("the conflict was not counted")
		}
	})
}

// What is heard while a change is on its way is newer than the change.
func TestHeardMeanwhile(t *testing.T) {
	for what, lost := range map[string]bool{"the change was shared": false, "the store was lost": true} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *embedded.Store, a, b *node) {
				a.change(closing)
				synctest.Wait()
				a.store.cut.Store(lost)
				a.store.meanwhile = func() {
					b.change(closing)
					b.change(closing)
					hear(a.Control, a.tenants, record(t, s), false)
				}
				a.change(closing)
				want := b.epoch() // 3 or 4: on top of ours, or not
				if a.epoch() != want || a.Course("acme").Epoch != want {
					t.Errorf("a is at epoch %d, its requests at %d, want %d", a.epoch(), a.Course("acme").Epoch, want)
				}
				a.store.cut.Store(false)
				after(20 * time.Second)
				if a.epoch() != want || b.epoch() != want || !a.Shared("acme") {
					t.Errorf("afterwards: a is at %d, b at %d", a.epoch(), b.epoch())
				}
			})
		})
	}
}

func TestStoreLost(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		a.change(closing)
		synctest.Wait()
		a.store.cut.Store(true)
		got := a.change(closing)
		if got.Shared || !errors.Is(got.Err(), ErrLocalOnly) || a.Shared("acme") || a.count("sluice_control_unshared_records") != 1 {
			t.Errorf("a change without the store passes for shared: %+v", got)
		}
		if a.Course("acme").Epoch != 2 || a.Applied()["acme"] != 2 {
			t.Error("it does not hold here")
		}
		after(time.Minute)
		if b.epoch() != 1 {
			t.Errorf("b is at epoch %d", b.epoch())
		}
		a.store.cut.Store(false)
		after(time.Second)
		if b.epoch() != 2 || !a.Shared("acme") || a.count("sluice_control_unshared_records") != 0 {
			t.Errorf("after the store is back: b is at %d, shared: %t", b.epoch(), a.Shared("acme"))
		}
		if a.count("sluice_control_merges_total") != 0 {
			t.Error("a record that was only behind counts as grown apart")
		}
	})
}

func TestGrownApart(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		a.change(closing)
		synctest.Wait()
		a.store.cut.Store(true)
		b.store.cut.Store(true)
		a.change(closing)
		b.change(closing)
		b.change(closing)
		a.store.cut.Store(false)
		after(time.Second)
		b.store.cut.Store(false)
		after(20 * time.Second)
		one, v1 := a.Tenant("acme")
		two, v2 := b.Tenant("acme")
		if v1 != v2 || one.Epoch != 3 || one.By != "b" || two.By != "b" {
			t.Errorf("a has %+v, b has %+v", one, two)
		}
		if !a.Shared("acme") || !b.Shared("acme") || a.Course("acme").Epoch != 3 {
			t.Error("they do not agree")
		}
		if a.count("sluice_control_merges_total")+b.count("sluice_control_merges_total") == 0 {
			t.Error("nobody counted that they had grown apart")
		}
	})
}

// A store that is emptied does not say so to those who listen.
func TestStoreEmptied(t *testing.T) {
	bubble(t, func(t *testing.T, s *embedded.Store, a, b *node) {
		a.change(closing)
		a.change(closing)
		after(time.Second)
		a.store.cut.Store(true)
		b.store.cut.Store(true)
		wipe(t, s)
		synctest.Wait()
		a.store.cut.Store(false)
		b.store.cut.Store(false)
		after(readEvery + time.Second)
		all, err := s.Records(t.Context(), store.KindTenant)
		if err != nil || len(all) != 1 {
			t.Errorf("the store holds %d records (%v)", len(all), err)
		}
		if a.epoch() != 2 || b.epoch() != 2 {
			t.Errorf("a is at %d, b at %d", a.epoch(), b.epoch())
		}
		if b.change(closing); a.epoch() != 2 && a.epoch() != 3 {
			t.Errorf("a went to %d", a.epoch())
		}
		synctest.Wait()
		if a.epoch() != 3 {
			t.Errorf("a does not hear any more: %d", a.epoch())
		}
	})
}

// wipe removes all records.
func wipe(t *testing.T, s *embedded.Store) {
	t.Helper()
	for _, kind := range []string{store.KindTenant, store.KindPool} {
		all, err := s.Records(t.Context(), kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			r.Value = nil
			if _, err := s.PutRecord(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestStoreRestoredFromAnOlderState(t *testing.T) {
	bubble(t, func(t *testing.T, s *embedded.Store, a, b *node) {
		a.change(closing)
		old := record(t, s)
		a.change(closing)
		synctest.Wait()
		now := record(t, s)
		now.Value = old.Value
		if _, err := s.PutRecord(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		after(20 * time.Second)
		if a.epoch() != 2 || b.epoch() != 2 {
			t.Errorf("an older state runs backwards: a %d, b %d", a.epoch(), b.epoch())
		}
		if now := record(t, s); bytes.Equal(now.Value, old.Value) {
			t.Error("the store still holds the older state")
		}
	})
}

func record(t *testing.T, s *embedded.Store) store.Record {
	t.Helper()
	r, err := s.Record(t.Context(), store.KindTenant, "acme")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRestart(t *testing.T) {
	t.Run("all gateways and the store lost: the disk remembers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			dir, s := t.TempDir(), newShared(t)
			a := start(t, s, "a", dir)
			a.change(closing)
			if _, err := a.ChangePool(t.Context(), "p", drain("b1", nil)); err != nil {
				t.Fatal(err)
			}
			a.stop()

			empty := newShared(t)
			again := start(t, empty, "a2", dir)
			if again.Course("acme") == nil || again.Course("acme").Epoch != 1 || again.Backend("p", "b1") != cutover.Draining {
				t.Errorf("remembers %+v, %s", again.Course("acme"), again.Backend("p", "b1"))
			}
			after(time.Second)
			if r := record(t, empty); r.Version == 0 {
				t.Error("the store was not filled again")
			}
		})
	})
	t.Run("an empty disk: the store is asked before anybody is served", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newShared(t)
			start(t, s, "a", t.TempDir()).change(closing)
			local, err := OpenLocal(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			c := New(Config{
				Store: s, Local: local, Keys: ring(), Replica: "new", Log: slog.New(slog.DiscardHandler),
				Declared: func(string) (string, []string, bool) { return "blue", []string{"blue", "green"}, true },
			})
			c.Join(t.Context())
			if c.Course("acme") == nil {
				t.Error("it would send the tenant back to where it came from")
			}
		})
	})
	t.Run("a store that is away delays a start by a second, and no more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := start(t, newShared(t), "a", t.TempDir())
			a.store.cut.Store(true)
			before := time.Now()
			a.Join(t.Context())
			if took := time.Since(before); took != joinFor {
				t.Errorf("took %s", took)
			}
		})
	})
	t.Run("a copy that is older than the store loses", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			dir, s := t.TempDir(), newShared(t)
			a, b := start(t, s, "a", dir), start(t, s, "b", t.TempDir())
			a.change(closing)
			a.stop()
			b.change(closing)
			again := start(t, s, "a2", dir)
			after(time.Second)
			if again.epoch() != 2 || b.epoch() != 2 {
				t.Errorf("again at %d, b at %d", again.epoch(), b.epoch())
			}
		})
	})
}

func drain(backend string, expires *time.Time) func(cutover.Pool) (cutover.Pool, error) {
	return func(p cutover.Pool) (cutover.Pool, error) {
		p.Backends = map[string]cutover.Backend{backend: {State: cutover.Draining, Grant: cutover.Grant{Actor: "ops", At: time.Now(), Expires: expires}}}
		return p, nil
	}
}

func TestForgedRecords(t *testing.T) {
	stranger := Keys{[]byte("another ring, which is not ours.")}
	for what, forge := range map[string]func(ours store.Record) []byte{
		"garbage":       func(store.Record) []byte { return []byte("garbage") },
		"an empty seal": func(store.Record) []byte { return []byte(`1..{"tenant":"acme","epoch":9}`) },
		"sealed with another ring": func(store.Record) []byte {
			return stranger.Seal("tenant", "acme", []byte(`{"tenant":"acme","epoch":9}`))
		},
		"sealed for another tenant": func(store.Record) []byte { return ring().Seal("tenant", "beta", []byte(`{"tenant":"acme","epoch":9}`)) },
		"sealed for a pool":         func(store.Record) []byte { return ring().Seal("pool", "acme", []byte(`{"tenant":"acme","epoch":9}`)) },
		"changed after it was sealed": func(r store.Record) []byte {
			return bytes.Replace(r.Value, []byte(`"epoch":1`), []byte(`"epoch":9`), 1)
		},
		"sealed by us, but no record":    func(store.Record) []byte { return ring().Seal("tenant", "acme", []byte(`[1,2]`)) },
		"a record of another's contents": func(store.Record) []byte { return ring().Seal("tenant", "acme", []byte(`{"tenant":"beta","epoch":9}`)) },
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *embedded.Store, a, b *node) {
				a.change(closing)
				synctest.Wait()
				r := record(t, s)
				r.Value = forge(r)
				if _, err := s.PutRecord(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				after(time.Second)
				if a.epoch() != 1 || b.epoch() != 1 || a.Course("acme").Epoch != 1 {
					t.Errorf("it was believed: a at %d, b at %d", a.epoch(), b.epoch())
				}
				if a.count("sluice_control_forged_records_total") == 0 {
					t.Error("it was not counted")
				}
				if now := record(t, s); bytes.Equal(now.Value, r.Value) {
					t.Error("it still stands in the store")
				}
				if a.change(closing); a.epoch() != 2 {
					t.Error("it stands in the way of a decision")
				}
			})
		})
	}
	t.Run("on the disk", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"tenant.acme.record": `1.x.{"tenant":"acme","epoch":9}`, "tenant.%zz.record": "x", ".new-1": "half"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			a := start(t, newShared(t), "a", dir)
			if a.epoch() != 0 || a.Course("acme") != nil || a.count("sluice_control_forged_records_total") != 1 {
				t.Errorf("it was believed: %d", a.epoch())
			}
			if _, err := os.Stat(filepath.Join(dir, ".new-1")); err == nil {
				t.Error("what a crash left half written stays")
			}
		})
	})
}

func TestAFullDisk(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, _ *node) {
		if err := os.RemoveAll(a.dir); err != nil {
			t.Fatal(err)
		}
		if got := a.change(closing); !got.Shared {
			t.Errorf("got %+v", got)
		}
		if a.count("sluice_control_disk_errors_total") == 0 {
			t.Error("nobody counted it")
		}
		a.store.cut.Store(true)
		if _, err := a.Change(t.Context(), "acme", closing); !errors.Is(err, ErrNotKept) {
			t.Errorf("a decision that nothing keeps: %v", err)
		}
		if a.epoch() != 1 || a.Course("acme").Epoch != 1 {
			t.Error("it holds although it was refused")
		}
		a.store.cut.Store(false)
		if err := os.MkdirAll(a.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		after(time.Second)
		if _, err := os.Stat(filepath.Join(a.dir, "tenant.acme.record")); err != nil {
			t.Errorf("the disk is well again and has no copy: %v", err)
		}
	})
}

func TestTooMuch(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, _ *node) {
		_, err := a.Change(t.Context(), "acme", func(r cutover.Record) (cutover.Record, error) {
			r.Sequence++
			r.Evicted = []string{string(make([]byte, store.MaxRecord))}
			return r, nil
		})
		if err == nil || a.epoch() != 0 || !a.Shared("acme") {
			t.Errorf("got %v", err)
		}
	})
}

func TestMetricsAreClean(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, _ *node) {
		a.change(closing)
		if problems, err := testutil.GatherAndLint(a.registry); err != nil || len(problems) > 0 {
			t.Errorf("%v %v", problems, err)
		}
	})
}

func TestSubscribe(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, b *node) {
		heard, stop := b.Subscribe()
		a.change(closing)
		synctest.Wait()
		select {
		case <-heard:
		default:
			t.Error("a change was not told")
		}
		stop()
		a.change(closing)
		synctest.Wait()
		select {
		case <-heard:
			t.Error("told after it was stopped")
		default:
		}
	})
}

func TestRecent(t *testing.T) {
	bubble(t, func(t *testing.T, _ *embedded.Store, a, _ *node) {
		for i := range 5 {
			if _, err := a.Change(t.Context(), fmt.Sprint("t", i), closing); err != nil {
				t.Fatal(err)
			}
			after(time.Second)
		}
		_, err := a.Change(t.Context(), "t1", func(r cutover.Record) (cutover.Record, error) {
			return r.SetMaintenance(time.Now(), cutover.Maintenance{}), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		after(time.Second)
		if _, err := a.Change(t.Context(), "t2", closing); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(a.Recent(3)); got != "[t1 t2 t4]" {
			t.Errorf("got %s", got)
		}
		if got := a.Recent(100); len(got) != 5 {
			t.Errorf("got %v", got)
		}
	})
}
