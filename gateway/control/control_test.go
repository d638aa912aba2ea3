package control

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/embedded"
	"sluicegate.dev/sluice/routing/cutover"
)

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
