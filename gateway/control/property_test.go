package control

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/internal/store/embedded"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// TestWhateverHappensTheyAgree has three gateways decide, lose the store one by one, restart
// and meet an emptied store, in random order. Epochs must never fall on any of them, and once
// the store is back all hold the decision with the highest epoch.
func TestWhateverHappensTheyAgree(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { walk(t, rand.New(rand.NewPCG(seed, 7))) }) //nolint:gosec // the same walk each time
		})
	}
}

func walk(t *testing.T, r *rand.Rand) {
	s := newShared(t)
	ids, dirs := []string{"a", "b", "c"}, []string{t.TempDir(), t.TempDir(), t.TempDir()}
	nodes := make([]*node, len(ids))
	for i := range nodes {
		nodes[i] = start(t, s, ids[i], dirs[i])
	}
	seen := make([]uint32, len(nodes))
	var highest uint32
	for step := range 60 {
		i := r.IntN(len(nodes))
		n := nodes[i]
		switch r.IntN(8) {
		case 0, 1, 2:
			highest = max(highest, n.change(closing).Epoch)
		case 3:
			n.change(func(rec cutover.Record) (cutover.Record, error) {
				return rec.SetMaintenance(time.Now(), cutover.Maintenance{Grant: cutover.Grant{Actor: fmt.Sprint(step)}}), nil
			})
		case 4:
			n.store.cut.Store(!n.store.cut.Load())
		case 5:
			n.stop()
			nodes[i] = start(t, s, ids[i], dirs[i])
		case 6:
			after(time.Duration(r.IntN(20)) * time.Second)
		case 7:
			forget(t, s, nodes)
		}
		synctest.Wait()
		for i, n := range nodes {
			now := n.epoch()
			if now < seen[i] {
				t.Fatalf("step %d: %s went from epoch %d to %d", step, ids[i], seen[i], now)
			}
			seen[i] = now
		}
	}
	for _, n := range nodes {
		n.store.cut.Store(false)
	}
	after(2 * readEvery)
	_, want := nodes[0].Tenant("acme")
	for i, n := range nodes {
		rec, got := n.Tenant("acme")
		if got != want || rec.Epoch != highest || !n.Shared("acme") || n.Applied()["acme"] != rec.Sequence {
			t.Errorf("%s is at epoch %d of %d, shared: %t", ids[i], rec.Epoch, highest, n.Shared("acme"))
		}
		if c := n.Course("acme"); highest > 0 && (c == nil || c.Epoch != highest) {
			t.Errorf("%s sends requests by %+v", ids[i], c)
		}
	}
}

// forget empties the store without a word to anybody.
func forget(t *testing.T, s *embedded.Store, nodes []*node) {
	t.Helper()
	was := make([]bool, len(nodes))
	for i, n := range nodes {
		was[i] = n.store.cut.Swap(true)
	}
	wipe(t, s)
	synctest.Wait()
	for i, n := range nodes {
		n.store.cut.Store(was[i])
	}
}

func BenchmarkCourse(b *testing.B) {
	c := &Control{}
	all := map[string]*routing.Course{}
	for i := range 10_000 {
		name := fmt.Sprint("tenant-", i)
		all[name] = &routing.Course{Tenant: name}
	}
	c.courses.Store(&all)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if c.Course("tenant-4711") == nil {
				b.Fail()
			}
		}
	})
}
