package storetest

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

func (p pair) replicas(t *testing.T) {
	ctx := t.Context()
	start := time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)
	a := store.Replica{ID: "ra", Host: "node-a", Version: "v1", Started: start, KeyIDs: []string{"k1", "k2"}}
	b := store.Replica{ID: "rb", Host: "node-b", Version: "v2", Started: start.Add(time.Second), KeyIDs: []string{"k2"}}
	c := store.Replica{ID: "rc", Host: "node-c", Version: "v2", Started: start}
	beat := func(s Store, me store.Replica, ttl time.Duration) []store.Replica {
		t.Helper()
		return must[[]store.Replica](t)(s.Beat(ctx, me, ttl))
	}

	if got := states(beat(p.a, a, time.Minute)); !slices.Equal(got, []string{"ra"}) {
		t.Errorf("alone: got %v", got)
	}
	a.Report = []byte("what a says \x00 of itself: \xff")
	beat(p.a, a, time.Minute)
	all := beat(p.b, b, 200*time.Millisecond)
	if got := states(all); !slices.Equal(got, []string{"ra", "rb"}) {
		t.Fatalf("two: got %v", got)
	}
	if !reflect.DeepEqual(all[0], a) {
		t.Errorf("the other: got %+v, want %+v", all[0], a)
	}
	eventually(t, "a silent replica counts as alive", func() bool {
		return slices.Equal(states(beat(p.a, a, time.Minute)), []string{"ra", "rb silent"})
	})
	beat(p.b, b, time.Minute)
	beat(p.b, c, time.Minute)
	if got := states(beat(p.a, a, time.Minute)); !slices.Equal(got, []string{"ra", "rb", "rc"}) {
		t.Errorf("it is heard of again: got %v", got)
	}
	beat(p.b, c, 0)
	if got := states(beat(p.a, a, time.Minute)); !slices.Equal(got, []string{"ra", "rb"}) {
		t.Errorf("one that says that it goes is waited for: got %v", got)
	}
	a.Report = bytes.Repeat([]byte("x"), store.MaxReport)
	beat(p.a, a, time.Minute)
	if got := beat(p.b, b, time.Minute)[0].Report; !bytes.Equal(got, a.Report) {
		t.Errorf("the longest report comes as %d bytes", len(got))
	}
	a.Report = append(a.Report, 'x')
	beat(p.a, a, time.Minute)
	if got := beat(p.b, b, time.Minute)[0]; len(got.Report) != 0 || got.ID != "ra" {
		t.Errorf("a longer one: %s with %d bytes", got.ID, len(got.Report))
	}
	if !p.a.Healthy() || !p.b.Healthy() {
		t.Error("a store that answers is not healthy")
	}
}

// states names replicas, and says which are silent.
func states(all []store.Replica) (out []string) {
	for _, r := range all {
		name := r.ID
		if r.Silent {
			name += " silent"
		}
		out = append(out, name)
	}
	return out
}
