package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// documents declares tenants 0 to n-1.
func documents(n int) Document {
	var d Document
	for i := range n {
		d.Resources = append(d.Resources, Parse(fmt.Sprintf("t%d.yaml", i), declared(i, "h"))...)
	}
	return d
}

func TestVanishedTenantsGoInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := NewLive(LiveConfig{})
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- live.Run(ctx) }()
		live.Apply(documents(6))
		live.Apply(documents(5))
		synctest.Wait()
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if live.Load().Tenants["t5"] == nil || live.Load().State("t5") != StateVanished {
			t.Error("t5 is gone before its time")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if live.Load().Tenants["t5"] != nil {
			t.Error("t5 is served still")
		}
		if now := live.Load(); len(now.Tenants) != 5 || len(now.Problems) != 0 || !now.Due.IsZero() {
			t.Errorf("%d tenants, due %s, %s", len(now.Tenants), now.Due, now.Problems)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestConfirmLetsALargeRemovalThrough(t *testing.T) {
	live := NewLive(LiveConfig{})
	live.Apply(documents(6))
	if err := live.Confirm("anything"); !errors.Is(err, ErrNotPending) {
		t.Errorf("nothing is pending: got %v", err)
	}
	live.Apply(documents(3))
	pending := live.Load().Pending
	if pending == nil || len(pending.Tenants) != 3 || pending.Of != 6 || len(live.Load().Tenants) != 6 {
		t.Fatalf("pending %+v, %d tenants", pending, len(live.Load().Tenants))
	}
	if err := live.Confirm("anything"); !errors.Is(err, ErrNotPending) {
		t.Errorf("another digest: got %v", err)
	}
	if err := live.Confirm(pending.Digest); err != nil || len(live.Load().Tenants) != 3 || live.Load().Pending != nil {
		t.Errorf("%v, %d tenants", err, len(live.Load().Tenants))
	}
	// The word was for that removal, not for the next.
	live.Apply(documents(6))
	live.Apply(documents(3))
	if len(live.Load().Tenants) != 6 {
		t.Error("the same removal went through again with the old word")
	}
}

func TestSubscribersSeeEveryChangeInOrder(t *testing.T) {
	live := NewLive(LiveConfig{})
	var seen []string
	before := live.Load()
	live.Subscribe(func(old, now *Snapshot) {
		if old != before {
			t.Error("a change is missing between two calls")
		}
		if live.Load() != now {
			t.Error("called before the change is live")
		}
		before = now
		seen = append(seen, now.Revision)
	})
	revisions := []string{}
	for n := range 4 {
		live.Apply(documents(n + 1))
		revisions = append(revisions, live.Load().Revision)
	}
	if !slices.Equal(seen, revisions) || len(slices.Compact(slices.Clone(seen))) != 4 {
		t.Errorf("saw %v of %v", seen, revisions)
	}
	live.Apply(documents(4))
	if live.Load().Revision != revisions[3] {
		t.Error("the same documents have another revision")
	}
}

func TestSourcesAreMerged(t *testing.T) {
	live := NewLive(LiveConfig{})
	one, two := documents(2), Document{Source: "other", Resources: Parse("other.yaml", declared(7, "h")+"---\n"+declared(1, "x"))}
	live.Apply(one)
	live.Apply(two)
	if now := live.Load(); len(now.Tenants) != 3 || !strings.Contains(now.Problems.String(), "other.yaml:18:18: Tenant t1: metadata.name: Tenant t1 is declared already at t1.yaml:5") {
		t.Errorf("%d tenants; %s", len(now.Tenants), now.Problems)
	}
	live.Apply(documents(3))
	if live.Load().Tenants["t7"] == nil || live.Load().State("t7") != StateCurrent {
		t.Error("one source took away what another declares")
	}
}

func TestMetricsSayWhatIsServed(t *testing.T) {
	registry := prometheus.NewRegistry()
	live := NewLive(LiveConfig{Metrics: registry, Now: func() time.Time { return time.Unix(1000, 0) }})
	live.Apply(documents(6))
	broken := documents(6)
	broken.Resources[1] = Parse("t0.yaml", strings.Replace(declared(0, "h"), "pool: t0", "pool: none", 1))[1]
	live.Apply(broken)
	want := fmt.Sprintf(`
# HELP sluice_config_applies_total How often configuration was applied.
# TYPE sluice_config_applies_total counter
sluice_config_applies_total 2
# HELP sluice_config_last_apply_success 1 when everything declared was applied, 0 when something is broken.
# TYPE sluice_config_last_apply_success gauge
sluice_config_last_apply_success 0
# HELP sluice_config_last_apply_timestamp_seconds When configuration was last applied.
# TYPE sluice_config_last_apply_timestamp_seconds gauge
sluice_config_last_apply_timestamp_seconds 1000
# HELP sluice_config_pending_removals Tenants whose removal waits for a confirmation.
# TYPE sluice_config_pending_removals gauge
sluice_config_pending_removals 0
# HELP sluice_config_problems Problems of the configuration.
# TYPE sluice_config_problems gauge
sluice_config_problems{severity="error"} 1
sluice_config_problems{severity="warning"} 1
# HELP sluice_config_revision_info The revision that is served, as a label; always 1, one series.
# TYPE sluice_config_revision_info gauge
sluice_config_revision_info{revision="%s"} 1
# HELP sluice_config_tenants Tenants that are served: current, stale (last good version) or vanished.
# TYPE sluice_config_tenants gauge
sluice_config_tenants{state="current"} 5
sluice_config_tenants{state="stale"} 1
sluice_config_tenants{state="vanished"} 0
`, live.Load().Revision)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
