package store

import (
	"errors"
	"fmt"
	"strings"
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
	// Silent is set by the store: it was not heard of within its time, and has not said that
	// it goes. It may have died, or serve on without the store.
	Silent bool
}

const (
	// MaxReport bounds a replica's report, in bytes. A longer one is not passed on.
	MaxReport = 256 << 10
	// MaxRecord bounds the value of a control record.
	MaxRecord = 512 << 10
	// Lingers is how long a silent replica is still named.
	Lingers = 10 * time.Minute
)

// The kinds of control records.
const (
	KindTenant      = "tenant"
	KindPool        = "pool"
	KindReport      = "report"      // of a cutover that ended
	KindIdempotency = "idempotency" // answers of the admin API that may be asked for again
)

// Record is one control record: what was decided at runtime about a tenant or a pool. The
// store cannot read its value.
type Record struct {
	Kind string
	Name string
	// Version grows with each write; 0: there is none. It does not start at one, so that a
	// record that was lost and written anew is not taken for the old one.
	Version uint64
	Value   []byte
}

// CheckRecord says what is wrong with a record that is to be kept.
func CheckRecord(r Record) error {
	switch {
	case !plain(r.Kind) || len(r.Kind) > maxKind:
		return fmt.Errorf("record %q: kind %q is no word", r.Name, r.Kind)
	case !plain(r.Name) || len(r.Name) > maxName:
		return fmt.Errorf("record of a %s: a name has 1 to %d letters without blanks, not %q", r.Kind, maxName, r.Name)
	case len(r.Value) > MaxRecord:
		return fmt.Errorf("record of %s %s: it has %d bytes, %d are allowed", r.Kind, r.Name, len(r.Value), MaxRecord)
	}
	return nil
}

const maxKind, maxName = 32, 256

// plain says whether a text can stand between blanks.
func plain(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
