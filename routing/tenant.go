package routing

import (
	"net/netip"
	"time"

	"sluicegate.dev/sluice/routing/odoo"
)

// Tenant is one customer's Odoo as requests see it. It is immutable: a change of
// configuration makes a new value.
type Tenant struct {
	Name  string
	Hosts []string // canonical; "*.x" matches exactly one label in front of x

	Releases map[string]*Release // by name, at least one
	Active   *Release            // takes new sessions

	// ClassPools gives a class a pool of its own, whatever the release.
	ClassPools map[odoo.Class]*Pool
	// Classes are the operator's own request classes, tried in order before Odoo's.
	Classes []ClassRule

	// Weight of the tenant among those that share a pool; 0 counts as 1.
	Weight int
	// WorkersCeiling is how many workers of a pool the tenant may hold at once; 0: none is set.
	WorkersCeiling int

	// Manager opens the database manager and the db RPC service. Closed by default.
	Manager bool
	// TLS is set when the tenant has a certificate or an issuer: plain HTTP is then
	// redirected.
	TLS bool
	// Middlewares are ordinary Traefik middlewares, "name@provider", that run before the
	// tenant's path. Such a tenant gets a Traefik router of its own.
	Middlewares []string
	// Sockets bounds the tenant's open WebSockets in one process; 0: the gateway's default.
	Sockets int

	// Limits are the rules about rates and rights, all of which hold.
	Limits []LimitRule
	// SignIn protects passwords from being guessed; the zero value does nothing.
	SignIn SignInLimit

	// Digest identifies the declared content; equal digests mean equal tenants.
	Digest string
}

// Release is one side of a tenant's blue-green pair.
type Release struct {
	Name     string
	Pool     *Pool
	Database string
}

// ClassRule puts requests into a class of the operator's own. Empty fields match anything.
type ClassRule struct {
	Class   odoo.Class
	Paths   []string       // exact, or a prefix that ends in "/**"
	Methods []string       // upper case
	Clients []netip.Prefix // the client's address
}

// Sessions says who knows a session of a pool.
type Sessions string

// The two kinds of session store an Odoo pool can have.
const (
	SessionsLocal  Sessions = "local"  // on the server: a move signs the user out
	SessionsShared Sessions = "shared" // any backend of the pool knows them
)

// Isolation says how a shared pool keeps databases apart.
type Isolation string

// The ways of isolation.
const (
	IsolationHeader Isolation = "header" // X-Odoo-dbfilter, needs dbfilter_from_header on the servers
	IsolationHost   Isolation = "host"   // the servers' own dbfilter with %h or %d
	IsolationSingle Isolation = "single" // the servers know one database only
)

// Pool is a named set of Odoo backends.
type Pool struct {
	Name      string
	Profile   odoo.Profile
	Auto      bool // the version is not declared: Profile is a guess until a server is asked
	Sessions  Sessions
	Isolation Isolation
	Backends  []Backend
	Health    Health
	Timeouts  Timeouts
	Realtime  Realtime
	Balance   Balance
	// Streams are paths (exact, or a prefix that ends in "/**") whose answers pass through
	// unbuffered.
	Streams []string
	// MaxRequest bounds a request body; 0 leaves it to the gateway's own bound.
	MaxRequest int64
	Digest     string
}

// Backend is one Odoo server: where its HTTP workers and its realtime process listen. Name,
// addresses and ID together say which server it is: another value of any is a new server,
// with no health, warmth or sockets from the one before.
type Backend struct {
	Name     string
	ID       string // of this start of the server, where somebody knows it (Kubernetes' uid)
	HTTP     string // URL: scheme, host, port
	Realtime string // URL; the HTTP one when empty (threaded Odoo)
	Workers  int    // 0: unknown, no admission
	Weight   int    // share of new sessions, 1 by default; 0 fences the backend: pinned sessions only
	TLS      *BackendTLS
}

// BackendTLS is how an https backend is verified. PEM texts, not paths.
type BackendTLS struct {
	ServerName string
	CA         []byte
	Cert, Key  []byte
}

// Health says how a pool's backends are probed. A probe that times out marks a backend
// saturated, not down (Odoo's /web/health waits behind busy workers).
type Health struct {
	Path     string
	Interval time.Duration
	Timeout  time.Duration
	Fall     int // failed probes in a row until down
	Rise     int // good probes in a row until up
}

// Timeouts bound the upstream side of a request.
type Timeouts struct {
	Dial time.Duration
	// Response bounds the wait for the first byte of the answer. Longer than Odoo's
	// limit_time_real (120 s) + 5 s, or a slow report is cut.
	Response time.Duration
}

// Realtime bounds what reaches the realtime port of each backend of a pool. Zero values take
// the gateway's defaults.
type Realtime struct {
	Handshakes    float64       // WebSocket handshakes a second
	Concurrency   int           // handshakes that wait for their answer at once
	ColdDatabases int           // of them, those of a database that has no socket there yet
	Wait          time.Duration // the longest that a handshake waits for its turn
	Drain         time.Duration // the longest over which sockets that must go are closed
}

// Balance says how a pool's backends share new sessions. Zero values take the gateway's
// defaults, negative ones switch off.
type Balance struct {
	// FadeIn is how long a new or recovered backend takes until it has its whole share:
	// share * min(1, age/FadeIn)^Exponent.
	FadeIn   time.Duration
	Exponent float64
	// WarmUp bounds the request that makes a new backend load one database before it gets
	// new sessions of it.
	WarmUp time.Duration
}
