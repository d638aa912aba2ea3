package ratelimit

import "time"

// Charge is what a request costs under one policy.
type Charge struct {
	Policy *Policy
	Scope  string // the tenant
	Key    string // whose budget: a fingerprint, an address prefix
	Cost   int    // below 1 counts as 1; above the limit as the limit, else it could never pass
}

// Decision is what Take says.
type Decision struct {
	Allowed bool
	// RetryAfter is when the request would fit. Set with every refusal; not jittered.
	RetryAfter time.Duration
	// Violated names the policies that refuse.
	Violated []string
	// Levels show every limit that was asked, in the order of the charges.
	Levels []Level
	// Degraded says that the ledger was away and the policy decided without it.
	Degraded bool
	// Closed says that the refusal is a policy's answer to a ledger that is away.
	Closed bool
	// Blocked says that an operator has blocked the key.
	Blocked bool
	// Shadowed names the policies that would have refused, were they enforced.
	Shadowed []string
}

// Level is how one limit stands.
type Level struct {
	Policy    string
	Kind      Kind
	Limit     int
	Remaining int           // at least this many are left
	Reset     time.Duration // until there is more
	Window    time.Duration // of the limit; none for slots
}

// Kind says what a limit counts.
type Kind uint8

// The kinds of limits.
const (
	Rate     Kind = iota // tokens that refill steadily
	Windowed             // tokens of a calendar window
	Slots                // what runs at the same time
)
