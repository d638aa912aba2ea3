package cutover

import (
	"time"

	"sluicegate.dev/sluice/routing"
)

// Record is all that was decided at runtime about one tenant. Values are never changed in
// place: whoever changes one works on a clone.
type Record struct {
	Tenant string `json:"tenant"`
	// Epoch grows with every decision on where sessions go.
	Epoch uint32 `json:"epoch"`
	// Sequence grows with every change of the record. Of two records that grew apart while
	// replicas could not talk, the one with the higher epoch, then sequence, prevails.
	Sequence uint64    `json:"sequence"`
	Changed  time.Time `json:"changed"`
	By       string    `json:"by"` // replica that wrote it

	// Settled is where completed cutovers left the tenant, or parts of it that moved since, the
	// newest last. It stays until the declared state agrees.
	Settled []Settled `json:"settled,omitempty"`
	// Closings send sessions of releases that were left elsewhere, for as long as pins live.
	Closings []routing.Closing `json:"closings,omitempty"`
	// Cutover is the one that runs; nil: none.
	Cutover *Cutover `json:"cutover,omitempty"`
	// Hold is one that an operator asked for outside a cutover.
	Hold *Hold `json:"hold,omitempty"`
	// Maintenance is the page that an operator put up.
	Maintenance *Maintenance `json:"maintenance,omitempty"`
	// Evicted are replicas that an operator declared gone: nobody waits for them, and they
	// serve the tenant no more until they have caught up.
	Evicted []string `json:"evicted,omitempty"`
	// Last is the newest cutover that ended, for those who ask after the fact.
	Last *Cutover `json:"last,omitempty"`
}

// Settled is where a completed cutover left a part of the tenant, or all of it.
type Settled struct {
	Scope   routing.Scope `json:"scope"`
	Active  string        `json:"active"`
	Cutover string        `json:"cutover"`
	At      time.Time     `json:"at"`
}

// Grant is who decided something, why, and until when it holds.
type Grant struct {
	Actor   string     `json:"actor"`
	Reason  string     `json:"reason"`
	At      time.Time  `json:"at"`
	Expires *time.Time `json:"expires,omitempty"`
}

// Hold is a hold that an operator asked for. Its lease ends it, whoever has died.
type Hold struct {
	routing.Hold
	Grant
}

// Maintenance is a maintenance page that an operator put up.
type Maintenance struct {
	routing.Page
	Grant
}

// Pool is all that was decided at runtime about one pool.
type Pool struct {
	Pool     string             `json:"pool"`
	Sequence uint64             `json:"sequence"`
	Changed  time.Time          `json:"changed"`
	By       string             `json:"by"`
	Backends map[string]Backend `json:"backends,omitempty"`
}

// BackendState is what an operator says of a backend.
type BackendState string

// States of a backend. Ready is as declared.
const (
	Ready      BackendState = "ready"
	Draining   BackendState = "drain"       // its sessions stay, new ones go elsewhere
	OutOfOrder BackendState = "maintenance" // nothing goes there
)

// Backend is what an operator said of one backend.
type Backend struct {
	State BackendState `json:"state"`
	Grant
}
