package embedded

import (
	"context"
	"sync"

	"sluicegate.dev/sluice/internal/store"
)

// watchRoom is how many changes a watcher may lag behind before it is told to start over.
const watchRoom = 1024

// feed passes changes on to whoever watches.
type feed[T any] struct {
	mu       sync.Mutex
	watchers map[*watcher[T]]struct{}
}

type watcher[T any] struct {
	changes chan T
	missed  chan struct{}
}

type change struct{ tenant, key, value string }

// WatchPins tells of every pin that is put, until ctx ends. lost says that something may have
// been missed.
func (s *Store) WatchPins(ctx context.Context, heard func(tenant, key, value string), lost func()) error {
	s.pinFeed.watch(ctx, func(c change) { heard(c.tenant, c.key, c.value) }, lost)
	return nil
}

// WatchRecords tells of every record that is written, until ctx ends; of one that was removed
// with version 0. lost says that something may have been missed.
func (s *Store) WatchRecords(ctx context.Context, heard func(store.Record), lost func()) error {
	s.recordFeed.watch(ctx, heard, lost)
	return nil
}

func (f *feed[T]) watch(ctx context.Context, heard func(T), lost func()) {
	w := &watcher[T]{changes: make(chan T, watchRoom), missed: make(chan struct{}, 1)}
	f.mu.Lock()
	if f.watchers == nil {
		f.watchers = map[*watcher[T]]struct{}{}
	}
	f.watchers[w] = struct{}{}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.watchers, w)
		f.mu.Unlock()
	}()
	lost() // what was read before now may have changed since
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.missed:
			lost()
		case c := <-w.changes:
			heard(c)
		}
	}
}

// tell never waits: a watcher that lags too far is told to drop what it keeps.
func (f *feed[T]) tell(c T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.watchers {
		select {
		case w.changes <- c:
		default:
			select {
			case w.missed <- struct{}{}:
			default:
			}
		}
	}
}
