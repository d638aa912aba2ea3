package upstream

import (
	"math"
	"math/rand/v2"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// choose picks the backend for x: the session's own where sessions live on the servers, the
// less busy of two otherwise. avoid, when not nil, is chosen only if there is nothing better.
func (u *Upstream) choose(p *poolState, x *routing.Exchange, avoid *backend) (*backend, error) {
	backends := *p.backends.Load()
	if len(backends) == 0 {
		return nil, errEmptyPool
	}
	sticky := (x.SessionKey != "" || x.Pin != "") && x.Pool.Sessions != routing.SessionsShared
	var room [8]routing.Candidate
	candidates := appendCandidates(room[:0], backends, x, sticky)
	if avoid != nil {
		leaveOut(candidates, backends, avoid)
	}
	i, err := routing.Select(candidates, routing.Choice{Sticky: sticky, Random: rand.Uint64()})
	switch {
	case avoid != nil && serves(avoid, x.Class) && (err != nil || candidates[i].State == routing.Down):
		return avoid, nil
	case err != nil:
		return nil, whyNone(backends)
	default:
		return backends[i], nil
	}
}

func appendCandidates(to []routing.Candidate, backends []*backend, x *routing.Exchange, sticky bool) []routing.Candidate {
	anyServes := false
	for _, b := range backends {
		conf := b.conf.Load()
		pinned := sticky && b.name == x.Pin
		c := routing.Candidate{
			State: stateFor(b, x.Class), Fenced: conf.Weight <= 0 && !pinned,
			Load: int(b.inflight.Load()), Workers: conf.Workers,
		}
		switch {
		case pinned: // a fenced backend keeps the sessions that it knows
			c.Score = math.MaxUint64
		case sticky:
			c.Score = routing.Score(x.Tenant.Name, x.SessionKey, b.name)
		}
		anyServes = anyServes || c.State != routing.Down
		to = append(to, c)
	}
	if !anyServes {
		markLastGood(to, backends)
	}
	return to
}

// stateFor is a backend's state as selection knows it.
func stateFor(b *backend, class odoo.Class) routing.State {
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
		if b.health.now() != Down || !b.health.reachable.Load() {
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

func whyNone(backends []*backend) error {
	for _, b := range backends {
		if b.health.now() == DatabaseDown {
			return errDatabaseDown
		}
	}
	return routing.ErrNoBackend
}
