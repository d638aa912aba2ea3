package redis

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// ears collect what a watcher hears.
type ears struct {
	mu    sync.Mutex
	heard []string
	lost  int
}

func (e *ears) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.heard...)
}

func (e *ears) has(text string) bool {
	for _, h := range e.all() {
		if h == text {
			return true
		}
	}
	return false
}

func (e *ears) times() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lost
}

// watching returns ears that have begun to listen.
func watching(t *testing.T, s *Store) *ears {
	t.Helper()
	e := &ears{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.WatchPins(ctx, func(tenant, key, value string) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.heard = append(e.heard, tenant+" "+key+" "+value)
		}, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.lost++
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	redistest.Eventually(t, 10*time.Second, "the watch does not begin", func() bool { return e.times() > 0 })
	return e
}

func TestWatchComesBack(t *testing.T) {
	for loss, cut := range map[string]func(*redistest.Server){
		"a connection that ends":     func(s *redistest.Server) { s.Do("CLIENT", "KILL", "TYPE", "pubsub") },
		"a server that starts again": func(s *redistest.Server) { s.Stop(); s.Start() },
		"a server that was frozen":   func(s *redistest.Server) { s.Freeze(); time.AfterFunc(5*time.Second, s.Thaw) },
	} {
		t.Run(loss, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			bounds := patient()
			bounds.Reply, bounds.Call = 200*time.Millisecond, 500*time.Millisecond
			s := running(t, Config{Address: server.Addr, Bounds: bounds})
			ready(t, s)
			e := watching(t, s)
			before := e.times()
			cut(server)
			redistest.Eventually(t, 20*time.Second, "nobody is told that something may have been missed", func() bool { return e.times() > before })
			ready(t, s)
			if _, err := s.PutPin(t.Context(), "acme", "after", "v", 1, time.Minute); err != nil {
				t.Fatal(err)
			}
			redistest.Eventually(t, 10*time.Second, "puts are not heard any more", func() bool { return e.has("acme after v") })
		})
	}
}
