package upstream

import (
	"math/rand/v2"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// choose picks the backend for x, for its plain requests and its sockets alike: the session's
// own where sessions live on the servers, the less busy of two otherwise. avoid, when not
// nil, is chosen only if there is nothing better.
func (u *Upstream) choose(p *poolState, x *routing.Exchange, avoid *backend) (*backend, error) {
	backends := *p.backends.Load()
	if len(backends) == 0 {
		return nil, errEmptyPool
	}
	p.hot.note(x, u.minute.Load())
	affinity := affinityOf(x)
	var room [8]routing.Candidate
	scored := affinity == routing.Strict && (avoid != nil || !atHome(backends, x))
	candidates := appendCandidates(room[:0], backends, x, affinity, scored)
	if avoid != nil {
		leaveOut(candidates, backends, avoid)
	}
	i, err := routing.Select(candidates, routing.Choice{Affinity: affinity, Random: rand.Uint64()})
	chosen := avoid
	switch {
	case avoid != nil && serves(avoid, x.Class) && (err != nil || candidates[i].State == routing.Down):
	case err != nil:
		return nil, whyNone(backends)
	default:
		chosen = backends[i]
	}
	x.Moved = whyMoved(x, affinity, backends, chosen)
	return chosen, nil
}

// affinityOf says what ties x to a backend. A pin is the tenant's pool's: a class with a pool
// of its own brings none along.
func affinityOf(x *routing.Exchange) routing.Affinity {
	shared := x.Pool.Sessions == routing.SessionsShared
	switch {
	case shared && x.Pin != "":
		return routing.Soft
	case !shared && (x.SessionKey != "" || x.Pin != ""):
		return routing.Strict
	}
	return routing.Free
}

// atHome is true while the backend that the session is pinned to serves: nobody else's score
// is looked at then, and in steady state that is each request.
func atHome(backends []*backend, x *routing.Exchange) bool {
	if x.Pin == "" {
		return false
	}
	for _, b := range backends {
		if b.name == x.Pin {
			return serves(b, x.Class)
		}
	}
	return false
}

func appendCandidates(to []routing.Candidate, backends []*backend, x *routing.Exchange, affinity routing.Affinity, scored bool) []routing.Candidate {
	anyServes, fading := false, false
	for _, b := range backends {
		conf := b.conf.Load()
		c := routing.Candidate{
			State: stateFor(b, x.Class), Fenced: b.fenced(conf), Pinned: affinity != routing.Free && b.name == x.Pin,
			Load: b.load(), Workers: conf.Workers, Weight: conf.Weight,
		}
		if scored {
			c.Score = routing.Score(x.Tenant.Name, x.SessionKey, b.name)
		}
		if affinity != routing.Strict {
			c.Cold = b.warmth.cold(x)
			fading = fading || b.born.Load() != 0
		}
		anyServes = anyServes || c.State != routing.Down
		to = append(to, c)
	}
	if fading {
		setShares(to, backends, x.Pool.Balance, time.Now())
	}
	if !anyServes {
		markLastGood(to, backends)
	}
	return to
}

// stateFor is a backend's state as selection knows it.
func stateFor(b *backend, class odoo.Class) routing.State {
	if b.rests() {
		return routing.Down
	}
	switch b.health.now() {
	case Unknown:
		return routing.Unknown
	case Up:
		return routing.Up
	case Saturated:
		return routing.Saturated
	case DatabaseDown:
		if needsNoDatabase(class) {
			return routing.Up
		}
	case Down:
	}
	return routing.Down
}

func serves(b *backend, class odoo.Class) bool { return stateFor(b, class) != routing.Down }

// needsNoDatabase names what Odoo serves without its database: files and its health page.
// Everything else ends in a redirect loop that costs browsers their session.
func needsNoDatabase(class odoo.Class) bool { return class == odoo.Static || class == odoo.Health }

// markLastGood finds the backend that was healthy last among those that fail their probes
// and yet take connections. With nobody better it gets the requests: a health page may be
// wrong about the rest.
func markLastGood(candidates []routing.Candidate, backends []*backend) {
	best := -1
	var at time.Time
	for i, b := range backends {
		if b.health.now() != Down || !b.health.reachable.Load() || b.rests() {
			continue
		}
		if t := b.health.lastGoodAt(); best < 0 || t.After(at) {
			best, at = i, t
		}
	}
	if best >= 0 {
		candidates[best].LastGood = true
	}
}

// leaveOut goes by name: Apply may have replaced the backend meanwhile.
func leaveOut(candidates []routing.Candidate, backends []*backend, avoid *backend) {
	for i, b := range backends {
		if b.name == avoid.name {
			candidates[i].State, candidates[i].LastGood = routing.Down, false
		}
	}
}

// whyMoved says why a session that lives on one server is served by another.
func whyMoved(x *routing.Exchange, affinity routing.Affinity, backends []*backend, chosen *backend) routing.Move {
	if affinity == routing.Free || x.Pin == "" || chosen.name == x.Pin {
		return routing.Stayed
	}
	for _, b := range backends {
		switch {
		case b.name != x.Pin:
		case b.rests():
			return routing.MovedAside
		case !serves(b, x.Class):
			return routing.MovedDown
		case affinity == routing.Soft:
			return routing.Stayed // it is busy, and anybody can stand in for it
		default:
			return routing.MovedFailed // left out, or it would have been chosen
		}
	}
	return routing.MovedGone
}

func whyNone(backends []*backend) error {
	if err := resting(backends); err != nil {
		return err
	}
	for _, b := range backends {
		if b.health.now() == DatabaseDown {
			return errDatabaseDown
		}
	}
	return routing.ErrNoBackend
}
