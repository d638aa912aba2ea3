package control

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/embedded"
)

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
