package upstream

import (
	"sync"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/routing"
)

// State is what is known of a backend.
type State int32

// The states. Unknown counts as up: a backend that nobody has looked at gets its chance.
const (
	Unknown      State = iota
	Up                 // answers its probes
	Saturated          // answers late: all workers are busy
	DatabaseDown       // answers, but its database server does not
	Down               // refuses, resets, fails, or has been silent on all ports
)

func (s State) String() string {
	return [...]string{"unknown", "up", "saturated", "database_down", "down"}[s]
}

// serves says whether a backend in this state gets requests.
func (s State) serves() bool { return s == Unknown || s == Up || s == Saturated }

// confirmDatabase is how many probes in a row must say that the database server is away.
const confirmDatabase = 2

// health is what probes and failed connections say about one backend. Its state is read by
// each request without the lock.
type health struct {
	state     atomic.Int32
	reachable atomic.Bool // the last attempt to connect worked

	mu          sync.Mutex
	fails       int // in a row
	goods       int
	noDatabase  int
	silentSince time.Time
	lastGood    time.Time
	since       time.Time // of the state
	reason      string
}

func (h *health) now() State { return State(h.state.Load()) }

// rules are what a pool says about health, with defaults.
type rules struct {
	path       string
	interval   time.Duration
	timeout    time.Duration
	fall, rise int
	silence    time.Duration
}

func rulesOf(p *routing.Pool) rules {
	r := rules{path: p.Health.Path, interval: p.Health.Interval, timeout: p.Health.Timeout, fall: p.Health.Fall, rise: p.Health.Rise}
	if r.path == "" {
		r.path = p.Profile.HealthPath
	}
	if r.path == "" {
		r.path = "/web/health"
	}
	if r.interval <= 0 {
		r.interval = 2 * time.Second
	}
	if r.timeout <= 0 {
		r.timeout = 6 * time.Second
	}
	r.fall, r.rise = max(r.fall, 1), max(r.rise, 1)
	return r
}

// verdict is what one probe found.
type verdict int

const (
	good       verdict = iota
	failed             // refused, reset, or an answer that is no health
	silent             // connected or not, no answer in time
	noDatabase         // an answer that says the database server is away
)

// finding is a verdict with its circumstances.
type finding struct {
	verdict    verdict
	connected  bool
	realtimeUp bool // for silent: the realtime port answered meanwhile
	reason     string
}

// observe takes what a probe found and says whether the state changed.
func (h *health) observe(f finding, r rules, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reachable.Store(f.connected)
	h.reason = f.reason
	if f.verdict != noDatabase {
		h.noDatabase = 0
	}
	if f.verdict != silent || f.realtimeUp {
		h.silentSince = time.Time{}
	}
	switch f.verdict {
	case good:
		h.lastGood = now
		return h.recover(Up, r, now)
	case noDatabase:
		h.fails, h.goods = 0, 0
		h.noDatabase++
		return h.noDatabase >= confirmDatabase && h.set(DatabaseDown, now)
	case silent:
		return h.observeSilence(f, r, now)
	default:
		return h.fail(r, now)
	}
}

// observeSilence tells a busy backend from a dead one. Odoo's health page waits behind the
// same workers as everything else, so silence means that they are busy as long as the
// realtime process, which has no part in that, answers.
func (h *health) observeSilence(f finding, r rules, now time.Time) bool {
	if f.realtimeUp {
		return h.recover(Saturated, r, now)
	}
	h.goods = 0
	if h.silentSince.IsZero() {
		h.silentSince = now
	}
	if now.Sub(h.silentSince) >= r.silence {
		return h.set(Down, now)
	}
	return h.now() != Down && h.set(Saturated, now)
}

// recover moves towards a state that serves; from down only after enough good probes.
func (h *health) recover(to State, r rules, now time.Time) bool {
	h.fails = 0
	h.goods++
	if h.now() == Down && h.goods < r.rise {
		return false
	}
	return h.set(to, now)
}

func (h *health) fail(r rules, now time.Time) bool {
	h.goods = 0
	h.fails++
	return h.fails >= r.fall && h.set(Down, now)
}

func (h *health) set(s State, now time.Time) bool {
	if h.now() == s {
		return false
	}
	h.state.Store(int32(s))
	h.since = now
	return true
}

// connectFailed counts a request that could not connect.
func (h *health) connectFailed(err error, r rules, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reachable.Store(false)
	h.reason = err.Error()
	return h.fail(r, now)
}

// facts is a copy of what the status shows.
func (h *health) facts() (state State, since time.Time, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now(), h.since, h.reason
}

func (h *health) lastGoodAt() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lastGood
}

// databaseInDoubt is true between the first word of a missing database and its confirmation.
func (h *health) databaseInDoubt() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.noDatabase > 0 && h.noDatabase < confirmDatabase
}
