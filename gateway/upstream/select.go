package upstream

import (
	"math/rand/v2"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// tier is how good a choice a backend is. Selection takes the best tier that has anybody in
// it, in one pass and without a loop that could spin.
type tier int

const (
	never     tier = iota
	lastGood       // down by its probes, but a connect works: better than nothing
	fencedOff      // serves, but takes no new sessions
	open           // serves
)

// choose picks the backend for x: the session's own where sessions live on the servers, the
// less busy of two otherwise. avoid, when not nil, is chosen only if it is the only one.
func (u *Upstream) choose(p *poolState, x *routing.Exchange, avoid *backend) (*backend, error) {
	backends := *p.backends.Load()
	if len(backends) == 0 {
		return nil, errEmptyPool
	}
	best := never
	for _, b := range backends {
		if b != avoid {
			best = max(best, tierOf(b, x.Class))
		}
	}
	if best <= lastGood && avoid != nil && tierOf(avoid, x.Class) > best {
		return avoid, nil
	}
	switch {
	case best == never:
		return nil, whyNone(backends)
	case best == lastGood:
		return newestGood(backends, avoid, x.Class), nil
	case x.SessionKey != "" && x.Pool.Sessions != routing.SessionsShared:
		return bySession(backends, avoid, x, best), nil
	default:
		return lessBusy(backends, avoid, x.Class, best), nil
	}
}

func tierOf(b *backend, class odoo.Class) tier {
	state := b.health.now()
	switch {
	case state.serves(), state == DatabaseDown && needsNoDatabase(class):
		if b.fenced() {
			return fencedOff
		}
		return open
	case state == Down && b.health.reachable.Load():
		return lastGood
	default:
		return never
	}
}

// needsNoDatabase names what Odoo serves without its database: files and its health page.
// Everything else ends in a redirect loop that costs browsers their session.
func needsNoDatabase(class odoo.Class) bool { return class == odoo.Static || class == odoo.Health }

func whyNone(backends []*backend) error {
	for _, b := range backends {
		if b.health.now() == DatabaseDown {
			return errDatabaseDown
		}
	}
	return errNoBackend
}

// newestGood is the backend that was healthy last.
func newestGood(backends []*backend, avoid *backend, class odoo.Class) *backend {
	var best *backend
	var at time.Time
	for _, b := range backends {
		if b == avoid || tierOf(b, class) != lastGood {
			continue
		}
		if t := b.health.lastGoodAt(); best == nil || t.After(at) {
			best, at = b, t
		}
	}
	return best
}

// bySession gives each session key its backend by rendezvous hashing: every replica agrees
// without asking, and when a backend goes only its own sessions move.
func bySession(backends []*backend, avoid *backend, x *routing.Exchange, want tier) *backend {
	var best *backend
	var highest uint64
	for _, b := range backends {
		if b == avoid || tierOf(b, x.Class) != want {
			continue
		}
		if score := score(x.SessionKey, b.name); best == nil || score > highest {
			best, highest = b, score
		}
	}
	return best
}

// score is the weight of a backend for a session key: FNV-1a over both, then mixed, so that
// names which differ in one character do not score alike.
func score(key, name string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, part := range [...]string{key, "\x00", name} {
		for i := 0; i < len(part); i++ {
			h = (h ^ uint64(part[i])) * prime
		}
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// lessBusy takes the less busy of two backends drawn at random: as even as asking all of
// them, without all replicas running to the same one.
func lessBusy(backends []*backend, avoid *backend, class odoo.Class, want tier) *backend {
	first := draw(backends, nil, avoid, class, want)
	second := draw(backends, first, avoid, class, want)
	if second == nil || first.load() <= second.load() {
		return first
	}
	return second
}

// draw picks one of the candidates at random, without a list of them.
func draw(backends []*backend, not, avoid *backend, class odoo.Class, want tier) *backend {
	var chosen *backend
	seen := 0
	for _, b := range backends {
		if b == not || b == avoid || tierOf(b, class) != want {
			continue
		}
		seen++
		if seen == 1 || rand.IntN(seen) == 0 {
			chosen = b
		}
	}
	return chosen
}

// load is how busy a backend is for its weight; a saturated one counts as busier than any.
func (b *backend) load() float64 {
	load := float64(b.inflight.Load()+1) / float64(max(b.conf.Load().Weight, 1))
	if b.health.now() == Saturated {
		load += 1 << 20
	}
	return load
}
