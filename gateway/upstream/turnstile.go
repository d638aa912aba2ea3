package upstream

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Why a handshake was not let through.
var (
	errCrowded  = errors.New("too many handshakes wait for this backend")
	errLate     = errors.New("the handshake waited too long for its turn")
	errReplaced = errors.New("the backend is no longer configured")
)

// turnstile lets WebSocket handshakes through to one backend: so many a second, so many on
// their way. All browsers come back within seconds when their sockets break, and Odoo loads a
// database again for each that has none of it in memory. So the first handshake of a database
// without a socket here goes alone; the others wait until it was answered, then follow in
// turn with those of other databases. It lives as long as its backend, whatever is reloaded.
type turnstile struct {
	mu      sync.Mutex
	turns   turns
	shut    bool
	next    time.Time // no handshake before this
	flying  int       // on their way
	cold    int       // of them, the first of their database
	waiting int
	lanes   map[string]*lane // by database: those with a socket or a handshake
	line    []*lane          // those where somebody waits, in turn
	alarm   *time.Timer      // runs only while somebody waits
}

// waiter is a handshake that waits for its turn.
type waiter struct {
	lane  *lane
	scout bool       // set before its turn
	turn  chan error // nil: go
}

// passage is a handshake on its way.
type passage struct {
	lane  *lane
	scout bool
}

// enter waits for a turn. Whoever gets a passage must leave.
func (t *turnstile) enter(ctx context.Context, database string, by turns) (passage, error) {
	t.mu.Lock()
	t.turns = by
	if t.shut {
		t.mu.Unlock()
		return passage{}, errReplaced
	}
	l := t.laneOf(database)
	if err := t.makeRoom(l); err != nil {
		t.tidy(l)
		t.mu.Unlock()
		return passage{}, err
	}
	w := &waiter{lane: l, turn: make(chan error, 1)}
	if len(l.waiters) == 0 {
		t.line = append(t.line, l)
	}
	l.waiters = append(l.waiters, w)
	t.waiting++
	t.advance(time.Now())
	t.mu.Unlock()
	return t.await(ctx, w, by.wait)
}

func (t *turnstile) await(ctx context.Context, w *waiter, limit time.Duration) (passage, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var late error
	select {
	case err := <-w.turn:
		return passage{w.lane, w.scout}, err
	case <-ctx.Done():
		late = context.Cause(ctx)
	case <-timer.C:
		late = errLate
	}
	t.mu.Lock()
	gone := t.drop(w)
	t.mu.Unlock()
	if gone {
		return passage{}, late
	}
	err := <-w.turn // its turn came in the same moment
	p := passage{w.lane, w.scout}
	if err == nil && ctx.Err() != nil {
		t.leave(p, false)
		return passage{}, late
	}
	return p, err
}

// leave ends a handshake. answered says that the backend did what it had to for it, whatever
// the answer: then it has the database in memory.
func (t *turnstile) leave(p passage, answered bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flying--
	p.lane.flying--
	if p.scout {
		t.cold--
		p.lane.scout = false
	}
	if answered {
		p.lane.warmUp()
	}
	t.tidy(p.lane)
	t.advance(time.Now())
}

// advance lets through whoever may go now. It looks at each database once.
func (t *turnstile) advance(now time.Time) {
	for looked := 0; looked < len(t.line); looked++ {
		if t.flying >= t.turns.concurrency {
			return // the next to leave looks here again
		}
		if wait := t.next.Sub(now); wait > 0 {
			t.wakeIn(wait)
			return
		}
		l := t.line[0]
		t.line = t.line[1:]
		if t.mayGo(l) {
			t.next = now.Add(t.turns.gap)
			t.letGo(l)
			looked = -1
		}
		if len(l.waiters) > 0 {
			t.line = append(t.line, l)
		}
	}
}

// mayGo says whether the next of a database has only rate and number to wait for.
func (t *turnstile) mayGo(l *lane) bool {
	return l.warm || !l.scout && l.flying == 0 && t.cold < t.turns.cold
}

func (t *turnstile) letGo(l *lane) {
	w := l.waiters[0]
	l.waiters = l.waiters[1:]
	t.waiting--
	t.flying++
	l.flying++
	if !l.warm {
		l.scout, w.scout = true, true
		t.cold++
	}
	w.turn <- nil
}

func (t *turnstile) wakeIn(d time.Duration) {
	if t.alarm == nil {
		t.alarm = time.AfterFunc(d, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.advance(time.Now())
		})
		return
	}
	t.alarm.Reset(d)
}

// close sends everybody away: the backend is gone, and another has to be chosen.
func (t *turnstile) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shut = true
	t.empty()
}

// clear sends away those who wait. Others may come.
func (t *turnstile) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.empty()
}

func (t *turnstile) empty() {
	for _, l := range t.line {
		for _, w := range l.waiters {
			w.turn <- errReplaced
		}
		l.waiters = nil
		t.tidy(l)
	}
	t.line, t.waiting = nil, 0
	if t.alarm != nil {
		t.alarm.Stop()
	}
}

// inLine is how many handshakes wait.
func (t *turnstile) inLine() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting
}
