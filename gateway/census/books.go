package census

import (
	"sync"
	"time"

	"sluicegate.dev/sluice/routing/odoo"
)

// books are those of one tenant. The lock is held for arithmetic alone.
type books struct {
	census *Census

	mu          sync.Mutex
	closed      bool
	first, last *visit // on their way, the longest one first
	sides       []*side
	sessions    map[uint64]session
	sockets     map[uint64][]*socket // by session
}

// side is what is kept of one release.
type side struct {
	name    string
	index   uint16
	sockets int
	live    int // sessions with a socket

	seen      seen
	forgotten map[uint32]int // sessions that are not remembered one by one, by hour of their last visit

	requests, failures uint64
	latency            Histogram
}

// side finds the books of a release; releases are few.
func (b *books) side(name string) *side {
	for _, s := range b.sides {
		if s.name == name {
			return s
		}
	}
	s := &side{name: name, index: uint16(len(b.sides))}
	b.sides = append(b.sides, s)
	return s
}

func (b *books) arrive(v *visit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v.class = v.exchange.Class
	if v.prev = b.last; v.prev != nil {
		v.prev.next = v
	} else {
		b.first = v
	}
	b.last = v
}

func (b *books) leave(v *visit, now uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.side != nil {
		v.side.judge(v.exchange)
	}
	b.lift(v, now)
	if v.replaced {
		b.forget(v.session)
	}
	if v.prev != nil {
		v.prev.next = v.next
	} else {
		b.first = v.next
	}
	if v.next != nil {
		v.next.prev = v.prev
	} else {
		b.last = v.prev
	}
}

// begin counts a request in with its session; lift counts it out. The caller holds the lock.
func (b *books) begin(v *visit, now uint32) {
	if !v.home {
		return
	}
	s := b.visit(v.session, v.side, now)
	s.flying++
	b.keep(v.session, s)
}

func (b *books) lift(v *visit, now uint32) {
	counted := v.home
	v.side, v.home = nil, false
	if !counted {
		return
	}
	s, ok := b.sessions[v.session]
	if !ok {
		return // the books were closed meanwhile
	}
	b.sides[s.side].seen.again(s.seen, now)
	s.seen = max(s.seen, now)
	s.flying--
	b.keep(v.session, s)
}

// forget drops a session that has ended, unless something of it is still open.
func (b *books) forget(key uint64) {
	s, ok := b.sessions[key]
	if !ok || s.flying > 0 || len(b.sockets[key]) > 0 {
		return
	}
	b.sides[s.side].seen.drop(s.seen)
	delete(b.sessions, key)
	if !b.closed {
		b.census.known.Add(-1)
	}
}

// passes names what no hold keeps: it may go on while all else waits.
func passes(c odoo.Class) bool { return c == odoo.Static || c == odoo.Health }

// Counts is what is known of a tenant at one moment.
type Counts struct {
	Undecided int // in flight, and in the numbers of each release
	Waiting   int // held at the edge
	Releases  []Release
}

// Of is one release. One that has not served anybody yet may be about to.
func (c Counts) Of(release string) Release {
	for _, r := range c.Releases {
		if r.Name == release {
			return r
		}
	}
	return Release{Name: release, InFlight: c.Undecided}
}

// Release is what is known of one release.
type Release struct {
	Name string
	// InFlight are requests that are being served, and those that nobody has decided on yet;
	// files and health checks are apart, in Files, because no hold keeps them. Classes are
	// those in flight by route class.
	InFlight int
	Files    int
	Classes  map[odoo.Class]int
	Sockets  int
	// Seen are the sessions that live there by when they were last seen, see SeenBounds; Live
	// are those with a socket.
	Seen [SeenBuckets]int
	Live int
	// Longest are the requests that have been on their way for longest.
	Longest []Running
	// Requests, Failures and Latency only grow; what two moments differ by is what happened
	// between them.
	Requests, Failures uint64
	Latency            Histogram
}

// Sessions are all of them.
func (r Release) Sessions() int {
	n := 0
	for _, m := range r.Seen {
		n += m
	}
	return n
}

// Running is a request that is on its way.
type Running struct {
	Class odoo.Class
	Since time.Time
}

// longest is how many requests Longest names.
const longest = 5

// Counts says what is known of a tenant. Releases that never served it are not in it.
func (c *Census) Counts(tenant string) Counts {
	c.mu.RLock()
	b := c.tenants[tenant]
	c.mu.RUnlock()
	if b == nil {
		return Counts{}
	}
	return b.counts(c.step(time.Now()))
}

func (b *books) counts(now uint32) Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := Counts{Releases: make([]Release, len(b.sides))}
	for i, s := range b.sides {
		out.Releases[i] = Release{
			Name: s.name, Sockets: s.sockets, Live: s.live, Seen: s.seen.count(now), Classes: map[odoo.Class]int{},
			Requests: s.requests, Failures: s.failures, Latency: s.latency,
		}
	}
	for v := b.first; v != nil; v = v.next {
		switch {
		case v.waits:
			out.Waiting++
		case v.side != nil:
			out.Releases[v.side.index].count(v)
		default:
			if !passes(v.class) {
				out.Undecided++
			}
			for i := range out.Releases {
				out.Releases[i].count(v)
			}
		}
	}
	return out
}

func (r *Release) count(v *visit) {
	if passes(v.class) {
		r.Files++
		return
	}
	r.InFlight++
	r.Classes[v.class]++
	if len(r.Longest) < longest {
		r.Longest = append(r.Longest, Running{Class: v.class, Since: v.began})
	}
}
