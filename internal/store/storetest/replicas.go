package storetest

import (
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
	ids := func(live []store.Replica) (out []string) {
		for _, r := range live {
			out = append(out, r.ID)
		}
		return out
	}

	if got := ids(must[[]store.Replica](t)(p.a.Beat(ctx, a, time.Minute))); !slices.Equal(got, []string{"ra"}) {
		t.Errorf("alone: got %v", got)
	}
	live := must[[]store.Replica](t)(p.b.Beat(ctx, b, 200*time.Millisecond))
	if got := ids(live); !slices.Equal(got, []string{"ra", "rb"}) {
		t.Fatalf("two: got %v", got)
	}
	if !reflect.DeepEqual(live[0], a) {
		t.Errorf("the other: got %+v, want %+v", live[0], a)
	}
	eventually(t, "a silent replica counts as alive", func() bool {
		return slices.Equal(ids(must[[]store.Replica](t)(p.a.Beat(ctx, a, time.Minute))), []string{"ra"})
	})
	if !p.a.Healthy() || !p.b.Healthy() {
		t.Error("a store that answers is not healthy")
	}
}
