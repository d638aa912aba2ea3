package storetest

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

const hour = time.Hour

func (p pair) pins(t *testing.T) {
	ctx := t.Context()
	get := func(s Store, tenant, key string) string { return must[string](t)(s.Pin(ctx, tenant, key)) }
	put := func(s Store, key, value string, epoch uint64) string {
		return must[string](t)(s.PutPin(ctx, "acme", key, value, epoch, hour))
	}
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}

	expect("what was never put", get(p.a, "acme", "none"), "")
	expect("the first put wins", put(p.a, "k", "blue", 1), "blue")
	expect("the other replica reads it", get(p.b, "acme", "k"), "blue")
	expect("another tenant does not", get(p.a, "beta", "k"), "")
	expect("an equal epoch loses", put(p.b, "k", "green", 1), "blue")
	expect("an older one too", put(p.b, "k", "green", 0), "blue")
	expect("and nothing changed", get(p.a, "acme", "k"), "blue")
	expect("a newer one wins", put(p.b, "k", "green", 2), "green")
	expect("for all", get(p.a, "acme", "k"), "green")

	// Epochs use all of 64 bits, and compare as numbers.
	expect("9 after 10 is older", put(p.a, "n", "ten", 10)+put(p.a, "n", "nine", 9), "tenten")
	expect("16 is newer than 15", put(p.a, "n", "fifteen", 15)+put(p.a, "n", "sixteen", 16), "fifteensixteen")
	expect("15 after 16 is older", put(p.a, "n", "back", 15), "sixteen")
	expect("beyond what a float holds", put(p.a, "n", "x", 1<<60)+put(p.a, "n", "y", 1<<60+1), "xy")
	expect("the largest", put(p.a, "n", "max", math.MaxUint64)+put(p.a, "n", "more", math.MaxUint64), "maxmax")

	// An overwrite is for what failed its reader's check, whatever its epoch.
	ok(t, p.b.OverwritePin(ctx, "acme", "n", "sound", hour))
	expect("an overwrite beats every epoch", get(p.a, "acme", "n"), "sound")
	expect("and is beaten by any", put(p.a, "n", "new", 1), "new")

	odd := "v:1 with blanks \x00 and \xff bytes:"
	expect("values are opaque", put(p.a, "odd", odd, 3), odd)
	expect("and come back as they were", get(p.b, "acme", "odd"), odd)
	long := strings.Repeat("x", 2000)
	expect("long ones too", put(p.a, "long", long, 3)+get(p.b, "acme", "long"), long+long)

	p.race(t)
}

// race has two replicas put the same new pin: both must be told the same winner.
func (p pair) race(t *testing.T) {
	const rounds, each = 50, 2
	for round := range rounds {
		var wg sync.WaitGroup
		winners := make([]string, 2*each)
		for i := range winners {
			wg.Go(func() {
				s := p.a
				if i%2 == 1 {
					s = p.b
				}
				winner, err := s.PutPin(t.Context(), "acme", fmt.Sprint("race", round), fmt.Sprint("server", i), 7, hour)
				if err != nil {
					t.Error(err)
				}
				winners[i] = winner
			})
		}
		wg.Wait()
		for _, w := range winners {
			if w != winners[0] || w == "" {
				t.Fatalf("winners differ: %q", winners)
			}
		}
	}
}

func (p pair) life(t *testing.T) {
	ctx := t.Context()
	gone := func(key string) func() bool {
		return func() bool { return must[string](t)(p.b.Pin(ctx, "acme", key)) == "" }
	}
	put := func(key string, ttl time.Duration) {
		t.Helper()
		must[string](t)(p.a.PutPin(ctx, "acme", key, "v", 5, ttl))
	}
	short := 150 * time.Millisecond

	put("brief", short)
	eventually(t, "a pin outlives its ttl", gone("brief"))
	if w := must[string](t)(p.a.PutPin(ctx, "acme", "brief", "again", 1, hour)); w != "again" {
		t.Errorf("an expired pin of a newer epoch still counts: %q", w)
	}

	put("rotated", hour)
	ok(t, p.b.ExpirePin(ctx, "acme", "rotated", short))
	if gone("rotated")() {
		t.Error("a pin that is to expire soon is gone at once")
	}
	eventually(t, "ExpirePin did not shorten the life of a pin", gone("rotated"))

	var refs []store.PinRef
	for i := range 2500 {
		refs = append(refs, store.PinRef{Tenant: "acme", Key: fmt.Sprint("touch", i)})
	}
	for _, ref := range []int{0, 999, 1000, 2499} {
		put(refs[ref].Key, 2*time.Second)
	}
	put("untouched", 2*time.Second)
	ok(t, p.b.TouchPins(ctx, refs, hour))
	ok(t, p.b.TouchPins(ctx, nil, hour))
	eventually(t, "a pin that was not touched lives on", gone("untouched"))
	for _, ref := range []int{0, 999, 1000, 2499} {
		if gone(refs[ref].Key)() {
			t.Errorf("pin %d was touched and is gone", ref)
		}
	}
	if !gone(refs[5].Key)() {
		t.Error("a touch made a pin")
	}
	ok(t, p.a.ExpirePin(ctx, "acme", "never", short))
}
