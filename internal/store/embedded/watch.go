package embedded

import "context"

// watchRoom is how many changes a watcher may lag behind before it is told to start over.
const watchRoom = 1024

type watcher struct {
	changes chan change
	missed  chan struct{}
}

type change struct{ tenant, key, value string }

// WatchPins tells of every pin that is put, until ctx ends. lost says that something may have
// been missed.
func (s *Store) WatchPins(ctx context.Context, heard func(tenant, key, value string), lost func()) error {
	w := &watcher{changes: make(chan change, watchRoom), missed: make(chan struct{}, 1)}
	s.watching.Lock()
	s.watchers[w] = struct{}{}
	s.watching.Unlock()
	defer func() {
		s.watching.Lock()
		delete(s.watchers, w)
		s.watching.Unlock()
	}()
	lost() // what was read before now may have changed since
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.missed:
			lost()
		case c := <-w.changes:
			heard(c.tenant, c.key, c.value)
		}
	}
}

// tell never waits: a watcher that lags too far is told to drop what it keeps.
func (s *Store) tell(tenant, key, value string) {
	s.watching.Lock()
	defer s.watching.Unlock()
	for w := range s.watchers {
		select {
		case w.changes <- change{tenant, key, value}:
		default:
			select {
			case w.missed <- struct{}{}:
			default:
			}
		}
	}
}
