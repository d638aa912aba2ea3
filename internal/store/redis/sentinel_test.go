package redis

import (
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	set := redistest.StartSentinels(t)
	bounds := patient()
	bounds.Reply, bounds.Call, bounds.Probe = 300*time.Millisecond, time.Second, 200*time.Millisecond
	s := running(t, Config{Sentinel: Sentinel{Master: set.Master, Addresses: set.Addrs()}, Bounds: bounds})
	ready(t, s)
	e := watching(t, s)
	put := func(key string) error {
		_, err := s.PutPin(t.Context(), "acme", key, "v", 1, time.Minute)
		return err
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, 5*time.Second, "the replica does not follow", func() bool {
		return set.Replica.Do("GET", pinKey("acme", "before")) == "1:v"
	})

	lost := e.times()
	set.Primary.Stop()
	redistest.Eventually(t, 60*time.Second, "the new primary is not found", func() bool { return put("after") == nil && s.Healthy() })
	if got := set.Replica.Do("GET", pinKey("acme", "after")); got != "1:v" {
		t.Errorf("the new primary has %v", got)
	}
	if got, err := s.Pin(t.Context(), "acme", "before"); got != "v" || err != nil {
		t.Errorf("what was there before: %q, %v", got, err)
	}
	redistest.Eventually(t, 30*time.Second, "nobody is told that something may have been missed", func() bool { return e.times() > lost })
	if err := put("heard"); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, 10*time.Second, "puts at the new primary are not heard", func() bool { return e.has("acme heard v") })
}

// A primary that hangs is worse than one that is gone: its connections stay open.
func TestSentinelFailoverOfAFrozenPrimary(t *testing.T) {
	t.Parallel()
	set := redistest.StartSentinels(t)
	bounds := strict()
	bounds.Probe = 200 * time.Millisecond
	s := running(t, Config{Sentinel: Sentinel{Master: set.Master, Addresses: set.Addrs()}, Bounds: bounds})
	ready(t, s)
	set.Primary.Freeze()
	redistest.Eventually(t, 60*time.Second, "the new primary is not found", func() bool {
		_, err := s.PutPin(t.Context(), "acme", "k", "v", 1, time.Minute)
		return err == nil
	})
	if got := set.Replica.Do("GET", pinKey("acme", "k")); got != "1:v" {
		t.Errorf("the new primary has %v", got)
	}
	set.Primary.Thaw()
}
