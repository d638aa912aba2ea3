package redis

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// invalid is how many values of a kind were counted as not ours.
func invalid(t *testing.T, r *prometheus.Registry, kind string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "sluice_store_invalid_values_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == kind {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestForgedPins(t *testing.T) {
	server := redistest.Start(t)
	for what, words := range map[string][]any{
		"no epoch":               {"SET", "", "blue"},
		"an empty epoch":         {"SET", "", ":blue"},
		"no value":               {"SET", "", "1:"},
		"nothing at all":         {"SET", "", ""},
		"an epoch in capitals":   {"SET", "", "FF:blue"},
		"a leading zero":         {"SET", "", "0f:blue"},
		"an epoch too large":     {"SET", "", "10000000000000000:blue"},
		"a sign":                 {"SET", "", "-1:blue"},
		"blanks":                 {"SET", "", " 1:blue"},
		"far too long":           {"SET", "", "1:" + strings.Repeat("x", maxValue)},
		"a list":                 {"RPUSH", "", "1:blue"},
		"a hash":                 {"HSET", "", "1", "blue"},
		"a set":                  {"SADD", "", "1:blue"},
		"bytes that are no text": {"SET", "", "\xff\x00\xfe"},
	} {
		t.Run(what, func(t *testing.T) {
			server.Do("FLUSHALL")
			registry := prometheus.NewRegistry()
			s := running(t, Config{Address: server.Addr, Metrics: registry})
			words[1] = pinKey("acme", "k")
			server.Do(words...)

			if got, err := s.Pin(t.Context(), "acme", "k"); got != "" || err != nil {
				t.Errorf("read as %q, %v", got, err)
			}
			if n := invalid(t, registry, "pin"); n != 1 {
				t.Errorf("counted %v times on reading", n)
			}
			if winner, err := s.PutPin(t.Context(), "acme", "k", "mine", 0, time.Minute); winner != "mine" || err != nil {
				t.Errorf("stands in the way of a pin: %q, %v", winner, err)
			}
			if n := invalid(t, registry, "pin"); n != 2 {
				t.Errorf("counted %v times after writing", n)
			}
			if got := server.Do("GET", pinKey("acme", "k")); got != "0:mine" {
				t.Errorf("left as %v", got)
			}
		})
	}
}

// A forged epoch must not keep a pin for ever: its reader's check fails, and OverwritePin
// beats every epoch.
func TestForgedEpoch(t *testing.T) {
	server := redistest.Start(t)
	s := running(t, Config{Address: server.Addr})
	server.Do("SET", pinKey("acme", "k"), "ffffffffffffffff:forged")
	if winner, _ := s.PutPin(t.Context(), "acme", "k", "mine", 9, time.Minute); winner != "forged" {
		t.Fatalf("got %q", winner)
	}
	if err := s.OverwritePin(t.Context(), "acme", "k", "mine", time.Minute); err != nil {
		t.Fatal(err)
	}
	if winner, _ := s.PutPin(t.Context(), "acme", "k", "newer", 9, time.Minute); winner != "newer" {
		t.Errorf("got %q", winner)
	}
}

func TestForgedLeases(t *testing.T) {
	server := redistest.Start(t)
	key := slotsKey("p/b@x")
	for what, words := range map[string][]any{
		"another type":           {"SET", key, "x"},
		"no numbers":             {"HSET", key, "evil", "all of them"},
		"too few":                {"HSET", key, "evil", "4:4:4"},
		"a lease without end":    {"HSET", key, "evil", "4:4:4:0:999999999999999"},
		"more than any backend":  {"HSET", key, "evil", "99999999:4:4:0:1"},
		"a negative one":         {"HSET", key, "evil", "-4:4:4:0:1"},
		"an end past all digits": {"HSET", key, "evil", "4:4:4:0:9999999999999999"},
	} {
		t.Run(what, func(t *testing.T) {
			server.Do("FLUSHALL")
			registry := prometheus.NewRegistry()
			s := running(t, Config{Address: server.Addr, Metrics: registry})
			server.Do(words...)
			got, err := s.LeaseSlots(t.Context(), "me", []store.SlotClaim{{Backend: "p/b@x", Workers: 4}}, time.Minute)
			if err != nil || got[0] != (store.SlotGrant{Slots: 4, Replicas: 1}) {
				t.Errorf("got %v, %v", got, err)
			}
			if n := invalid(t, registry, "slots"); n != 1 {
				t.Errorf("counted %v times", n)
			}
			if fields, _ := server.Do("HKEYS", key).([]any); len(fields) != 1 || fields[0] != "me" {
				t.Errorf("left there: %v", fields)
			}
		})
	}
}

func TestForgedReplicas(t *testing.T) {
	server := redistest.Start(t)
	for what, words := range map[string][]any{
		"another type":               {"SET", replicasKey, "x"},
		"no end":                     {"HSET", replicasKey, "evil", `{"host":"x"}`},
		"an end in a thousand years": {"HSET", replicasKey, "evil", `99999999999999:{"host":"x"}`},
	} {
		t.Run(what, func(t *testing.T) {
			server.Do("FLUSHALL")
			registry := prometheus.NewRegistry()
			s := running(t, Config{Address: server.Addr, Metrics: registry})
			server.Do(words...)
			live, err := s.Beat(t.Context(), store.Replica{ID: "me", Host: "here"}, time.Minute)
			if err != nil || len(live) != 1 || live[0].Host != "here" {
				t.Errorf("got %v, %v", live, err)
			}
			if n := invalid(t, registry, "replica"); n != 1 {
				t.Errorf("counted %v times", n)
			}
		})
	}
	t.Run("what is no JSON", func(t *testing.T) {
		server.Do("FLUSHALL")
		s := running(t, Config{Address: server.Addr})
		end := time.Now().Add(time.Minute).UnixMilli()
		server.Do("HSET", replicasKey, "evil", store.Replica{}.ID+itoa(end)+":{")
		if live, err := s.Beat(t.Context(), store.Replica{ID: "me"}, time.Minute); err != nil || len(live) != 1 {
			t.Errorf("got %v, %v", live, err)
		}
	})
}

func TestForgedMessages(t *testing.T) {
	server := redistest.Start(t)
	registry := prometheus.NewRegistry()
	s := running(t, Config{Address: server.Addr, Metrics: registry})
	e := watching(t, s)
	for _, forged := range []string{"", "acme", "acme k", "acme  v", " k v", "acme k ", strings.Repeat("x y ", maxValue)} {
		server.Do("PUBLISH", pinsChannel, forged)
	}
	server.Do("PUBLISH", pinsChannel, "acme k fine")
	redistest.Eventually(t, 5*time.Second, "a good message after bad ones is not heard", func() bool { return e.has("acme k fine") })
	if n := invalid(t, registry, "message"); n != 7 {
		t.Errorf("%v of 7 were counted", n)
	}
	if got := e.all(); len(got) != 1 {
		t.Errorf("heard %q", got)
	}
}

// What nobody wants any more must go by itself.
func TestEverythingExpires(t *testing.T) {
	server := redistest.Start(t)
	bounds := patient()
	bounds.Probe = 50 * time.Millisecond
	s := running(t, Config{Address: server.Addr, Bounds: bounds})
	ready(t, s)
	ctx := t.Context()
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(s.PutPin(ctx, "acme", "a", "v", 1, time.Minute))
	do(nil, s.OverwritePin(ctx, "acme", "b", "v", time.Minute))
	do(nil, s.TouchPins(ctx, []store.PinRef{{Tenant: "acme", Key: "a"}}, time.Minute))
	do(nil, s.ExpirePin(ctx, "acme", "b", time.Minute))
	do(s.LeaseSlots(ctx, "r", []store.SlotClaim{{Backend: "p/b@x", Workers: 2}}, time.Minute))
	do(s.Beat(ctx, store.Replica{ID: "r"}, time.Minute))
	do(s.Beat(ctx, store.Replica{ID: "gone"}, time.Millisecond))

	keys, _ := server.Do("KEYS", "*").([]any)
	if len(keys) != 5 {
		t.Errorf("want two pins, slots, replicas and the probe; got %v", keys)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key.(string), prefix) {
			t.Errorf("%v is outside our namespace", key)
		}
		most := time.Minute
		if key == replicasKey { // silent ones are named for longer
			most += store.Lingers
		}
		if left, _ := server.Do("PTTL", key).(int64); left <= 0 || left > most.Milliseconds() {
			t.Errorf("%v expires in %d ms", key, left)
		}
	}
}

func TestMetrics(t *testing.T) {
	server := redistest.Start(t)
	registry := prometheus.NewRegistry()
	s := running(t, Config{Address: server.Addr, Metrics: registry})
	ready(t, s)
	count := func(names ...string) int {
		t.Helper()
		n, err := testutil.GatherAndCount(registry, names...)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, name := range []string{"sluice_store_up", "sluice_store_calls_total", "sluice_store_call_seconds", "sluice_store_breaker_openings_total"} {
		if count(name) == 0 {
			t.Errorf("%s is missing", name)
		}
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
