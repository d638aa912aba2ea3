package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// put writes a record and returns what the store said.
func put(t *testing.T, s Store, r store.Record) (store.Record, bool) {
	t.Helper()
	got, err := s.PutRecord(t.Context(), r)
	if err != nil && !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	return got, err == nil
}

func tenant(name string, version uint64, value string) store.Record {
	return store.Record{Kind: store.KindTenant, Name: name, Version: version, Value: []byte(value)}
}

func (p pair) records(t *testing.T) {
	ctx := t.Context()
	expect := func(what string, got store.Record, version uint64, value string) {
		t.Helper()
		if got.Version != version || string(got.Value) != value {
			t.Errorf("%s: got version %d, %q, want %d, %q", what, got.Version, got.Value, version, value)
		}
	}
	get := func(s Store, name string) store.Record {
		t.Helper()
		return must[store.Record](t)(s.Record(ctx, store.KindTenant, name))
	}

	expect("what was never written", get(p.a, "acme"), 0, "")
	if there, ok := put(t, p.a, tenant("acme", 7, "x")); ok || there.Version != 0 || there.Name != "acme" {
		t.Errorf("a change of what is not there: %+v", there)
	}
	first, ok := put(t, p.a, tenant("acme", 0, "one"))
	if !ok || first.Version == 0 {
		t.Fatalf("the first write: %+v", first)
	}
	expect("the other replica reads it", get(p.b, "acme"), first.Version, "one")
	there, ok := put(t, p.b, tenant("acme", 0, "another"))
	if ok {
		t.Error("a record was made twice")
	}
	expect("who comes second is told what is there", there, first.Version, "one")
	second, ok := put(t, p.b, tenant("acme", first.Version, "two: \x00 \xff"))
	if !ok || second.Version <= first.Version {
		t.Errorf("a write at the right version: %+v", second)
	}
	there, ok = put(t, p.a, tenant("acme", first.Version, "late"))
	if ok {
		t.Error("an update was lost")
	}
	expect("a late one is told", there, second.Version, "two: \x00 \xff")
	expect("values come back as they were", get(p.a, "acme"), second.Version, "two: \x00 \xff")

	if removed, ok := put(t, p.a, tenant("acme", first.Version, "")); ok || removed.Version != second.Version {
		t.Error("removed at an old version")
	}
	if _, ok := put(t, p.a, tenant("acme", second.Version, "")); !ok {
		t.Error("not removed")
	}
	expect("what was removed", get(p.b, "acme"), 0, "")
	eventually(t, "the clock stands still", func() bool { return time.Now().UnixMilli() > int64(second.Version)+1 }) //nolint:gosec // it is a time
	anew, ok := put(t, p.b, tenant("acme", 0, "anew"))
	if !ok || anew.Version <= second.Version {
		t.Errorf("written anew it could be taken for the old one: %d after %d", anew.Version, second.Version)
	}

	p.recordBounds(t)
	p.manyRecords(t)
}

// recordBounds are what a record may be.
func (p pair) recordBounds(t *testing.T) {
	big := strings.Repeat("b", store.MaxRecord)
	if got, ok := put(t, p.a, tenant("big", 0, big)); !ok || string(must[store.Record](t)(p.b.Record(t.Context(), store.KindTenant, "big")).Value) != big {
		t.Errorf("the longest value: version %d", got.Version)
	}
	for what, r := range map[string]store.Record{
		"too long a value":        tenant("x", 0, big+"b"),
		"no name":                 tenant("", 0, "v"),
		"a name with blanks":      tenant("a b", 0, "v"),
		"a name of two lines":     tenant("a\nb", 0, "v"),
		"far too long a name":     tenant(strings.Repeat("n", 300), 0, "v"),
		"no kind":                 {Name: "x", Value: []byte("v")},
		"a kind of several words": {Kind: "a kind", Name: "x", Value: []byte("v")},
	} {
		if _, err := p.a.PutRecord(t.Context(), r); err == nil || errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// manyRecords are more than one round trip brings; kinds are apart.
func (p pair) manyRecords(t *testing.T) {
	const many = 750
	for i := range many {
		put(t, p.a, store.Record{Kind: "many", Name: fmt.Sprint("n", i), Value: []byte(fmt.Sprint("v", i))})
	}
	put(t, p.a, store.Record{Kind: "few", Name: "n0", Value: []byte("another kind")})
	all := must[[]store.Record](t)(p.b.Records(t.Context(), "many"))
	if len(all) != many {
		t.Errorf("%d records of %d", len(all), many)
	}
	for _, r := range all {
		if r.Kind != "many" || string(r.Value) != "v"+strings.TrimPrefix(r.Name, "n") || r.Version == 0 {
			t.Errorf("got %+v", r)
		}
	}
	if few := must[[]store.Record](t)(p.b.Records(t.Context(), "few")); len(few) != 1 || !bytes.Equal(few[0].Value, []byte("another kind")) {
		t.Errorf("of another kind: %+v", few)
	}
	if none := must[[]store.Record](t)(p.b.Records(t.Context(), "none")); len(none) != 0 {
		t.Errorf("of no kind: %+v", none)
	}
}

// recordsRace has two replicas add to one number: none of the additions may be lost.
func (p pair) recordsRace(t *testing.T) {
	const workers, each = 4, 25
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			s := p.a
			if i%2 == 1 {
				s = p.b
			}
			r := tenant("sum", 0, "1")
			for added := 0; added < each; {
				there, err := s.PutRecord(t.Context(), r)
				switch {
				case errors.Is(err, store.ErrConflict):
				case err != nil:
					t.Error(err)
					return
				default:
					added++
				}
				n, err := strconv.Atoi(string(there.Value))
				if err != nil {
					t.Error(err)
					return
				}
				r = tenant("sum", there.Version, strconv.Itoa(n+1))
			}
		})
	}
	all.Wait()
	if got := must[store.Record](t)(p.a.Record(t.Context(), store.KindTenant, "sum")); string(got.Value) != fmt.Sprint(workers*each) {
		t.Errorf("the sum is %s, want %d", got.Value, workers*each)
	}
}

func (p pair) watchRecords(t *testing.T) {
	var mu sync.Mutex
	heard := map[string][]store.Record{}
	lost := 0
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- p.b.WatchRecords(ctx, func(r store.Record) {
			mu.Lock()
			defer mu.Unlock()
			heard[r.Name] = append(heard[r.Name], r)
		}, func() {
			mu.Lock()
			defer mu.Unlock()
			lost++
		})
	}()
	defer func() {
		cancel()
		ok(t, <-done)
	}()
	eventually(t, "a watcher is not told that it may have missed something before it listened", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return lost > 0
	})
	first, _ := put(t, p.a, tenant("watched", 0, "one with blanks: \x00\xff"))
	put(t, p.a, tenant("watched", 0, "loses"))
	second, _ := put(t, p.a, tenant("watched", first.Version, "two"))
	put(t, p.a, tenant("watched", second.Version, ""))
	eventually(t, "a change is not heard", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(heard["watched"]) >= 3
	})
	mu.Lock()
	defer mu.Unlock()
	all := heard["watched"]
	if len(all) != 3 || string(all[0].Value) != "one with blanks: \x00\xff" || all[0].Version != first.Version ||
		all[1].Version != second.Version || all[2].Version != 0 || len(all[2].Value) != 0 || all[0].Kind != store.KindTenant {
		t.Errorf("heard %+v", all)
	}
}
