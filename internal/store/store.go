package store

import (
	"errors"
	"time"
)

// What a caller can tell apart when a call fails.
var (
	// ErrUnavailable means that nothing was done: the store is known to be away, could not be
	// reached, or refused.
	ErrUnavailable = errors.New("the store is not available")
	// ErrUnknown means that the call was sent and no answer came in time. It may have been
	// done, now or later: never send it again.
	ErrUnknown = errors.New("the store did not answer in time")
	// ErrConflict means that somebody else has changed the record meanwhile: read it again.
	ErrConflict = errors.New("the record was changed meanwhile")
)

// PinRef names the pin of one session.
type PinRef struct {
	Tenant string
	Key    string // base64url of an HMAC, never a session id
}

// SlotClaim is what one replica asks of one backend's workers.
type SlotClaim struct {
	Backend string // pool/backend@identity
	Workers int    // of that backend
	Busy    int    // slots in use now
	Demand  int    // slots that could be used: busy and waiting, peak since the last call
}

// SlotGrant answers a claim.
type SlotGrant struct {
	Slots    int // that this replica may use until its lease ends
	Replicas int // that hold leases on this backend, this one included
}

// Replica is one gateway process that shares the store.
type Replica struct {
	ID      string    // random, new at each start
	Host    string    // where it runs, for people
	Version string    // of Sluice
	Started time.Time // to tell the older from the newer
	KeyIDs  []string  // names of the keys in its ring, not secret
	// Report is what the replica says of itself, in its own words; the store passes it on.
	Report []byte
}

// Record is one control record: what was decided at runtime about a tenant or a pool. The
// store cannot read its value.
type Record struct {
	Kind    string // "tenant", "pool", ...
	Name    string
	Version uint64 // grows by one with each write; 0: there is none
	Value   []byte
}
