package config

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
)

// Snapshot is the compiled configuration. It is immutable: requests load it once and keep
// what they got.
type Snapshot struct {
	Revision string // of what is served: equal on replicas that serve the same
	Table    *routing.Table
	Pools    map[string]*routing.Pool // declared ones, and those that kept tenants still need
	Tenants  map[string]*routing.Tenant

	Problems  Problems
	Pending   *PendingRemoval // set while a large removal waits for a confirmation
	AppliedAt time.Time
	Due       time.Time // when compiling again would change something; zero when never

	// What the next Compile starts from.
	index
	reports   map[ref]Problems
	plans     map[string]*Resource // last good
	policies  map[string]*servedPolicy
	calendars map[string]*servedCalendar
	pools     map[string]*servedPool
	extra     map[string]*servedPool // not declared any more, but a kept tenant needs it
	tenants   map[string]*servedTenant
	users     map[string]int
	kept      map[ref]bool // served, but not as declared: looked at each time
	states    map[State]int
	total     sum
}

// PendingRemoval is a removal of so many tenants that somebody has to say it is meant.
type PendingRemoval struct {
	Digest  string   `json:"digest"`
	Tenants []string `json:"tenants"`
	Of      int      `json:"of"` // how many there are
}

// servedTenant is a tenant with what it was built from.
type servedTenant struct {
	tenant      *routing.Tenant
	source      *Resource
	plan        *Resource // nil without one
	policies    []*servedPolicy
	pools       []*servedPool
	calendar    *servedCalendar // nil without one
	moves       moves
	certificate *tls.Certificate
	problems    Problems
	sum         sum
	waits       bool      // its calendar keeps it at another release than the declared one
	stale       bool      // the last good version, not the declared one
	vanished    time.Time // when it was first not declared any more
}

// servedPool is a pool with what it was built from.
type servedPool struct {
	pool     *routing.Pool
	source   *Resource
	version  string // of Odoo, that it was built for
	problems Problems
	sum      sum
}

// Certificate returns the certificate of the tenant that serverName belongs to, nil when it
// has none of its own.
func (s *Snapshot) Certificate(serverName string) *tls.Certificate {
	tenant, ok := s.Table.Resolve(strings.ToLower(strings.TrimSuffix(serverName, ".")))
	if !ok {
		return nil
	}
	if served := s.tenants[tenant.Name]; served != nil {
		return served.certificate
	}
	return nil
}

// Source returns the document that a tenant is served from, nil when there is no tenant.
func (s *Snapshot) Source(tenant string) *Resource {
	if served := s.tenants[tenant]; served != nil {
		return served.source
	}
	return nil
}

// Users is how many tenants are built on a pool: by a release, a class or as a standby.
func (s *Snapshot) Users(pool string) int { return s.users[pool] }

// use adds to the users of a tenant's pools.
func (s *Snapshot) use(t *servedTenant, n int) {
	if s.users == nil {
		s.users = map[string]int{}
	}
	for _, p := range t.pools {
		name := p.pool.Name
		if s.users[name] += n; s.users[name] == 0 {
			delete(s.users, name)
		}
	}
}

// State says how the served version of a tenant relates to the declared one.
type State string

// The states of a tenant.
const (
	StateCurrent  State = "current"  // as declared
	StateStale    State = "stale"    // the declared version is broken; the last good one is served
	StateVanished State = "vanished" // not declared any more; served for a while
)

// State is how a served tenant relates to the declared one.
func (s *Snapshot) State(tenant string) State {
	if served := s.tenants[tenant]; served != nil {
		return served.state()
	}
	return ""
}

func (t *servedTenant) state() State {
	switch {
	case !t.vanished.IsZero():
		return StateVanished
	case t.stale:
		return StateStale
	default:
		return StateCurrent
	}
}

// count notes how a tenant that was compiled is served.
func (s *Snapshot) count(t *servedTenant) {
	state := t.state()
	if state != StateCurrent || t.waits {
		s.keep(ref{KindTenant, t.tenant.Name})
	}
	if state == StateCurrent {
		return
	}
	if s.states == nil {
		s.states = map[State]int{}
	}
	s.states[state]++
}

func (s *Snapshot) keep(at ref) {
	if s.kept == nil {
		s.kept = map[ref]bool{}
	}
	s.kept[at] = true
}

// emptySnapshot is what is served before anything was read: no tenant at all.
func emptySnapshot() *Snapshot {
	table, _ := routing.NewTable(nil)
	s := &Snapshot{
		Table: table,
		Pools: map[string]*routing.Pool{}, Tenants: map[string]*routing.Tenant{},
		pools: map[string]*servedPool{}, tenants: map[string]*servedTenant{},
	}
	s.Revision = s.total.revision(nil)
	return s
}

// sum is a digest that can be added up, so that the revision of 10 000 tenants costs ten
// thousand additions and does not depend on their order.
type sum [4]uint64

func sumOf(parts ...string) sum {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	var out sum
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(h[8*i:])
	}
	return out
}

func (s *sum) add(other sum) {
	for i := range s {
		s[i] += other[i]
	}
}

func (s *sum) sub(other sum) {
	for i := range s {
		s[i] -= other[i]
	}
}

// revision is a short name for the sum and some more pools.
func (s sum) revision(more map[string]*servedPool) string {
	for _, p := range more {
		s.add(p.sum)
	}
	var b [32]byte
	for i, lane := range s {
		binary.LittleEndian.PutUint64(b[8*i:], lane)
	}
	h := sha256.Sum256(b[:])
	return hex.EncodeToString(h[:8])
}

// digestOf is a digest of several others.
func digestOf(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h[:16])
}
