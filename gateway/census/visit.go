package census

import (
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
	waits      bool
	class      odoo.Class
}

// At implements routing.Visit.
func (v *visit) At(release string) {
	b := v.books
	b.mu.Lock()
	defer b.mu.Unlock()
	v.waits, v.class = false, v.exchange.Class
	if v.side != nil && v.side.name == release {
		return
	}
	now := v.census.step(time.Now())
	b.lift(v, now)
	if release == "" {
		return
	}
	v.side = b.side(release)
	b.begin(v, now)
}

// Waits implements routing.Visit.
func (v *visit) Waits() {
	b := v.books
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lift(v, v.census.step(time.Now()))
	v.waits = true
}

// Quiet implements routing.Visit.
func (v *visit) Quiet() bool {
	if !v.known {
		return true
	}
	b := v.books
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[v.session]
	own := uint32(0)
	if v.side != nil {
		own = 1
	}
	return s.flying <= own && s.sockets == 0
}

// Socket implements routing.Visit.
func (v *visit) Socket() (ended func()) {
	b, key, known := v.books, v.session, v.known
	b.mu.Lock()
	defer b.mu.Unlock()
	at := v.side
	if at == nil && v.exchange.Release != nil {
		at = b.side(v.exchange.Release.Name)
	}
	if at == nil {
		return func() {}
	}
	b.socket(at, key, known, 1)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.socket(at, key, known, -1)
	}
}
