package upstream

import (
	"math"
	"time"

	"sluicegate.dev/sluice/routing"
)

const defaultFadeIn = 30 * time.Second

// load is what a backend has to do: requests in flight and those that wait for it.
func (b *backend) load() int {
	_, waiting, _ := b.gate.Load()
	return int(b.inflight.Load()) + waiting
}

// setShares gives each backend that fades in its share of the new sessions. With nobody who
// has a whole one there is nothing to spare: after a restart of all, or in a pool that is new
// as a whole, everybody takes what comes.
func setShares(candidates []routing.Candidate, backends []*backend, balance routing.Balance, now time.Time) {
	anyWhole := false
	for i, b := range backends {
		c := &candidates[i]
		c.Share = b.share(balance, now)
		anyWhole = anyWhole || c.Share == routing.Whole && c.State != routing.Down && !c.Fenced && !c.Cold
	}
	if anyWhole {
		return
	}
	for i := range candidates {
		candidates[i].Share = routing.Whole
	}
}

// share is the part of its weight that a backend takes of new sessions by its age:
// min(1, age/fade-in)^exponent, of routing.Whole.
func (b *backend) share(balance routing.Balance, now time.Time) int {
	born := b.born.Load()
	if born == 0 {
		return routing.Whole
	}
	over := balance.FadeIn
	if over == 0 {
		over = defaultFadeIn
	}
	age := now.Sub(time.Unix(0, born))
	if age >= over { // over is negative where fading is switched off
		b.born.CompareAndSwap(born, 0)
		return routing.Whole
	}
	exponent := balance.Exponent
	if exponent <= 0 {
		exponent = 1
	}
	return max(1, int(routing.Whole*math.Pow(float64(max(age, 0))/float64(over), exponent)))
}

// renew makes b a new server in our eyes: it fades in, and loads the databases of tenants
// that are busy before it gets new sessions of them.
func (u *Upstream) renew(b *backend, now time.Time) {
	b.born.Store(now.UnixNano())
	u.expectDatabases(b)
}

// expectDatabases has b load what is busy, as long as there is somebody to serve meanwhile: an
// old server, or one that was warmed up itself, as in a restart of all that is faster than
// they fade in. Without, people are in front of b already, and load what they need.
func (u *Upstream) expectDatabases(b *backend) {
	balance, now := b.owner.conf.Load().Balance, time.Now()
	if balance.WarmUp < 0 {
		return
	}
	for _, other := range *b.owner.backends.Load() {
		if other != b && (other.warmth.done.Load() || other.share(balance, now) == routing.Whole) &&
			other.health.now().serves() && !other.rests() && !other.fenced(other.conf.Load()) {
			b.warmth.expect(b.owner.hot.list(u.minute.Load()))
			return
		}
	}
	b.warmth.expect(nil)
}

// turned takes a change of health to heart. Age counts from the moment that a server serves;
// one that comes back from down was restarted, and has forgotten what it had loaded.
func (u *Upstream) turned(b *backend, before State, now time.Time) {
	switch after := b.health.now(); {
	case !after.serves():
	case before == Down:
		u.renew(b, now)
	case before == Unknown && b.born.Load() != 0:
		b.born.Store(now.UnixNano())
	}
}
