package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// ears collect what a watcher hears.
type ears struct {
	mu    sync.Mutex
	heard map[string]string
	lost  int
}

func listen(t *testing.T, s Store) *ears {
	t.Helper()
	e := &ears{heard: map[string]string{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ok(t, s.WatchPins(ctx, func(tenant, key, value string) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.heard[tenant+"/"+key] = value
		}, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.lost++
		}))
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("WatchPins goes on after its context")
		}
	})
	eventually(t, "a watcher is not told that it may have missed something before it listened", func() bool { return e.times() > 0 })
	return e
}

func (e *ears) times() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lost
}

func (e *ears) of(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard[name]
}

func (p pair) watch(t *testing.T) {
	ctx := t.Context()
	e := listen(t, p.b)
	must[string](t)(p.a.PutPin(ctx, "acme", "w1", "a value: with blanks", 4, hour))
	eventually(t, "a put is not heard", func() bool { return e.of("acme/w1") == "a value: with blanks" })

	must[string](t)(p.a.PutPin(ctx, "acme", "w1", "loser", 4, hour))
	must[string](t)(p.a.PutPin(ctx, "acme", "w1", "newer", 5, hour))
	eventually(t, "a newer pin is not heard", func() bool { return e.of("acme/w1") == "newer" })

	ok(t, p.a.OverwritePin(ctx, "beta", "w2", "mended", hour))
	eventually(t, "an overwrite is not heard", func() bool { return e.of("beta/w2") == "mended" })

	for i := range 500 {
		must[string](t)(p.a.PutPin(ctx, "acme", fmt.Sprint("many", i), "v", 1, hour))
	}
	eventually(t, "one of many puts is not heard", func() bool {
		for i := range 500 {
			if e.of(fmt.Sprint("acme/many", i)) == "" {
				return e.times() > 1 // unless it was told to start over
			}
		}
		return true
	})
	if e.of("acme/w1") != "newer" {
		t.Errorf("a put that lost was heard: %q", e.of("acme/w1"))
	}
}
