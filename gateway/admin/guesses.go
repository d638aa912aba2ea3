package admin

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	guessBurst    = 10              // wrong tokens in a row that cost nothing
	guessInterval = 6 * time.Second // then one more each
	guessMemory   = 4096            // addresses remembered; the one unseen for longest goes
)

// guesses bounds wrong tokens per address. An address that has used up its guesses is
// refused before its token is looked at, right or wrong. The unix socket has no such bound,
// so an operator is never locked out of their own machine.
type guesses struct {
	mu     sync.Mutex
	byAddr map[netip.Addr]*list.Element
	recent *list.List // of *guesser, the one seen last in front
}

type guesser struct {
	addr   netip.Addr
	budget *rate.Limiter
}

func newGuesses() *guesses {
	return &guesses{byAddr: map[netip.Addr]*list.Element{}, recent: list.New()}
}

// try runs check unless addr must wait, and counts the guess when check says no. The lock
// is held over check, which takes microseconds: else parallel guesses would share one check.
func (g *guesses) try(addr netip.Addr, now time.Time, check func() bool) (ok bool, wait time.Duration) {
	addr = neighbourhood(addr)
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.wait(addr, now); wait > 0 {
		return false, wait
	}
	if check() {
		return true, 0
	}
	g.remember(addr).AllowN(now, 1)
	return false, 0
}

// patience is how long addr must wait.
func (g *guesses) patience(addr netip.Addr, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wait(neighbourhood(addr), now)
}

// failed counts a guess that was wrong.
func (g *guesses) failed(addr netip.Addr, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remember(neighbourhood(addr)).AllowN(now, 1)
}

func (g *guesses) wait(addr netip.Addr, now time.Time) time.Duration {
	e, known := g.byAddr[addr]
	if !known {
		return 0
	}
	missing := 1 - e.Value.(*guesser).budget.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing * float64(guessInterval))
}

func (g *guesses) remember(addr netip.Addr) *rate.Limiter {
	if e, known := g.byAddr[addr]; known {
		g.recent.MoveToFront(e)
		return e.Value.(*guesser).budget
	}
	if g.recent.Len() == guessMemory {
		oldest := g.recent.Remove(g.recent.Back()).(*guesser)
		delete(g.byAddr, oldest.addr)
	}
	budget := rate.NewLimiter(rate.Every(guessInterval), guessBurst)
	g.byAddr[addr] = g.recent.PushFront(&guesser{addr, budget})
	return budget
}

// neighbourhood is the /64 of an IPv6 address: one client owns all of it.
func neighbourhood(addr netip.Addr) netip.Addr {
	if addr.Is4() || !addr.IsValid() {
		return addr
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return addr
	}
	return prefix.Addr()
}
