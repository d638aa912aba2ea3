package census

import (
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// visit is one request. The request's own goroutine calls its methods; what Counts reads is
// under the books' lock.
type visit struct {
	census   *Census
	books    *books
	exchange *routing.Exchange
	began    time.Time
	session  uint64
	known    bool // there is a session

	prev, next *visit // under the lock, as all that follows
	side       *side  // nil: undecided
	home       bool   // the session lives there, and is counted
	waits      bool
	replaced   bool
	class      odoo.Class
}

// At implements routing.Visit.
func (v *visit) At(release string, home bool) {
	for _, s := range v.books.decide(v, release, home && v.known) {
		s.leave()
	}
}

// decide returns the sockets that the session has left behind.
func (b *books) decide(v *visit, release string, home bool) []*socket {
	b.mu.Lock()
	defer b.mu.Unlock()
	v.waits, v.class = false, v.exchange.Class
	if v.side != nil && v.side.name == release && v.home == home {
		return nil
	}
	now := v.census.step(time.Now())
	b.lift(v, now)
	if release == "" {
		return nil
	}
	v.side, v.home = b.side(release), home
	b.begin(v, now)
	if !home || len(b.sockets) == 0 {
		return nil
	}
	var left []*socket
	for _, s := range b.sockets[v.session] {
		if s.side != v.side && !s.left {
			s.left = true
			left = append(left, s)
		}
	}
	return left
}

// Waits implements routing.Visit.
func (v *visit) Waits() {
	b := v.books
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lift(v, v.census.step(time.Now()))
	v.waits = true
}

// Replaced implements routing.Visit.
func (v *visit) Replaced() {
	b := v.books
	b.mu.Lock()
	defer b.mu.Unlock()
	v.replaced = v.home
}

// Quiet implements routing.Visit.
func (v *visit) Quiet() bool {
	if !v.known {
		return true
	}
	b := v.books
	b.mu.Lock()
	defer b.mu.Unlock()
	own := uint32(0)
	if v.home {
		own = 1
	}
	return b.sessions[v.session].flying <= own
}

// socket is one that is open.
type socket struct {
	side  *side
	leave func()
	left  bool // was told
}

// Socket implements routing.Visit.
func (v *visit) Socket(leave func()) (ended func()) {
	b, key, home := v.books, v.session, v.home
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.side == nil {
		return func() {}
	}
	s := &socket{side: v.side, leave: leave}
	s.side.sockets++
	if home {
		b.open(key, s)
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		s.side.sockets--
		if home {
			b.shut(key, s)
		}
	}
}

// open keeps a session's socket; the session is there, because its request is. shut drops it.
func (b *books) open(key uint64, s *socket) {
	if b.closed {
		return
	}
	if len(b.sockets[key]) == 0 {
		b.sides[b.sessions[key].side].live++
	}
	b.sockets[key] = append(b.sockets[key], s)
}

func (b *books) shut(key uint64, s *socket) {
	all := b.sockets[key]
	i := slices.Index(all, s)
	if i < 0 {
		return
	}
	if len(all) > 1 {
		b.sockets[key] = slices.Delete(all, i, i+1)
		return
	}
	delete(b.sockets, key)
	b.sides[b.sessions[key].side].live--
}
