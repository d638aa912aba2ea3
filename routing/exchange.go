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

	// Pin names the backend that knows the session, from our signed cookie; empty: none.
	Pin string
	// Remember makes the cookie that pins the session to a backend, as a Set-Cookie line.
	// Nil where a session needs no pin.
	Remember func(backend string) string

	Refused error // why the guard refused the request; the chain answers it

	Status   int    // of the answer, whoever wrote it
	Backend  string // name of the backend that answered, empty when none did
	Moved    Move   // why that is not the one that the session is pinned to
	Attempts int
	Outcome  odoo.Outcome
	Upstream time.Duration // until the first byte of the answer
	Cause    error         // why the gateway answered itself; for the log, not the client
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
