package replicas

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// signedOff collects who has said, or was said, to go.
type signedOff struct {
	mu    sync.Mutex
	names []string
	err   error
}

func (s *signedOff) Beat(_ context.Context, me store.Replica, ttl time.Duration) ([]store.Replica, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ttl == 0 && s.err == nil {
		s.names = append(s.names, me.ID)
	}
	return []store.Replica{me}, s.err
}

func (s *signedOff) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *signedOff) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.names...)
}

func TestTheOneBefore(t *testing.T) {
	dir, s := t.TempDir(), &signedOff{}
	in := func(id string) *Replicas {
		return New(Config{Store: s, Me: replica(id, 0, "k1"), Keys: "keys", Dir: dir, Log: slog.New(slog.DiscardHandler)})
	}
	gone := func(want ...string) {
		t.Helper()
		if got := s.all(); len(got) != len(want) || len(want) > 0 && got[len(got)-1] != want[len(want)-1] {
			t.Errorf("signed off: %v, want %v", got, want)
		}
	}
	first := in("first")
	first.beat(t.Context())
	first.beat(t.Context())
	gone()

	second := in("second") // an upgrade in place: both run
	second.beat(t.Context())
	gone()
	first.home.leave() // killed: the lock goes with the process
	s.fail(store.ErrUnavailable)
	second.beat(t.Context())
	gone()
	s.fail(nil)
	second.beat(t.Context())
	gone("first")
	second.beat(t.Context())
	gone("first")
	second.home.leave()
	third := in("third")
	third.beat(t.Context())
	gone("first", "second")
	third.home.leave()

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	lost := in("lost")
	if _, _, answered := lost.beat(t.Context()); !answered || !lost.homeless {
		t.Error("a folder that is gone keeps a gateway from living")
	}
	if _, err := os.Stat(filepath.Join(dir, nameName)); err == nil {
		t.Error("a name was written where no folder is")
	}
}
