package routing

import (
	"context"
	"net/netip"
	"time"

	"sluicegate.dev/sluice/routing/odoo"
)

// Route is where a request goes.
type Route struct {
	Tenant  *Tenant
	Host    string // canonical, as the client asked for it
	Path    string // decoded as Odoo decodes it; rules are decided on this form
	Class   odoo.Class
	Release *Release
	Pool    *Pool // the release's, or the class's own
}

// Exchange is one request on its way through the gateway. The steps in front fill Route
// and the facts of the client; the upstream step adds what it learnt from the answer. It
// belongs to one request and is never shared.
type Exchange struct {
	Route

	RequestID  string
	Client     netip.Addr // decided once, from trusted proxies
	Scheme     string     // "http" or "https" as the client sees it
	EntryPoint string
	PublicHost string // canonical host, with the public port where it is not the default
	SessionKey string // stable part of Odoo's session id; a secret: never logged or stored
	RPC        odoo.Call
	// Credential is the fingerprint of the password or API key in the body, empty without one.
	// A short one may be guessed.
	Credential string
	Guessable  bool
	// Caller is whom the limits took the client for: a fingerprint or an address, no secret.
	Caller string
	// Limit is what the limits decided, for the log: "passed", or who refused and why.
	Limit string

	// Pin names the backend that knows the session; empty: none is known, or the class has
	// a pool of its own.
	Pin string
	// Learn takes what an answer says of its session, before the answer's head goes out, and
	// returns the Set-Cookie lines that the pin needs. Nil where a session needs no pin.
	Learn func(Taught) []string

	Tester string // a tester's pass, as the request brought it

	Visit Visit // nil: nobody keeps books

	Refused error // why the guard refused the request; the chain answers it

	Status   int    // of the answer, whoever wrote it
	Backend  string // name of the backend that answered, empty when none did
	Moved    Move   // why that is not the one that the session is pinned to
	Attempts int
	Outcome  odoo.Outcome
	Waited   time.Duration // for a worker
	Upstream time.Duration // until the first byte of the answer
	Cause    error         // why the gateway answered itself; for the log, not the client
}

// Taught is what an answer says of its session.
type Taught struct {
	Backend string // that answered
	Session string // what the answer sets Odoo's session cookie to
	Set     bool   // whether it sets it
	Public  bool   // a cache between us and the client may keep the answer for others
}

type exchangeKey struct{}

// NewContext returns ctx with x.
func NewContext(ctx context.Context, x *Exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// FromContext returns the exchange that ctx carries, nil when it is no tenant's request.
func FromContext(ctx context.Context) *Exchange {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x
}
