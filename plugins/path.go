package plugins

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/plugins/limits"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Deps is what the request path needs from outside. All but PublicPorts, HTTPSPort,
// TLSEntryPoints and TrustedProxies are required.
type Deps struct {
	// Table gives the current host table; it is asked once a request.
	Table func() *routing.Table
	// Upstream is the last step. It finds the exchange in the request's context.
	Upstream http.Handler
	Space    *spool.Space
	Log      *slog.Logger
	Metrics  prometheus.Registerer

	Pins    routing.PinKeys // sign the cookie that ties a session to its server
	Records Records         // where sessions live, as all replicas know it
	// Courses say where a tenant's requests go at runtime; nil: all as declared.
	Courses func(tenant string) *routing.Course
	// Holds are needed where courses can hold.
	Holds Holds
	// Arrive keeps the books of who is on the way, around all that looks at a course; nil: none
	// are kept.
	Arrive         func(next http.Handler) http.Handler
	Limits         *limits.Limits // nil: no limits at all
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and -Proto count
	// PublicPorts maps an entry point to the port under which clients reach it. Ports 80
	// and 443, and entry points that are missing, add no port to the public host.
	PublicPorts map[string]int
	// RedirectHTTPS answers plain HTTP with 308 for tenants that have TLS. HTTPSPort is
	// the public port of the redirect, 0 for 443.
	RedirectHTTPS bool
	HTTPSPort     int
	// TLSEntryPoints are declared with TLS: plain HTTP is refused there.
	TLSEntryPoints map[string]bool
}

// Path is the request path of all tenants.
type Path struct {
	deps    Deps
	metrics *metrics
	chain   http.Handler
}

// New assembles the path.
func New(deps Deps) *Path {
	if deps.Courses == nil {
		deps.Courses = func(string) *routing.Course { return nil }
	}
	if deps.Arrive == nil {
		deps.Arrive = func(next http.Handler) http.Handler { return next }
	}
	p := &Path{deps: deps, metrics: newMetrics(deps.Metrics)}
	p.chain = p.steps()
	return p
}

// Admit says whether r is for a tenant's host, and if so returns it cleaned, with an
// exchange in its context. A request that may not pass is admitted too, with the reason in
// Exchange.Refused: ServeHTTP answers it, so that it is logged and counted like any other.
// It must be called before anything else has touched w, which it needs for deadlines.
func (p *Path) Admit(w http.ResponseWriter, r *http.Request, entryPoint string) (*http.Request, bool) {
	closeAfterChunked(w, r)
	host, _, err := odoo.CanonicalHost(r.Host)
	if err != nil {
		return r, false
	}
	tenant, ok := p.deps.Table().Resolve(host)
	if !ok {
		return r, false
	}
	x := &routing.Exchange{EntryPoint: entryPoint}
	x.Tenant, x.Host = tenant, host
	p.identify(x, r)
	ctx := withDeadlines(routing.NewContext(r.Context(), x), w)
	r = r.WithContext(ctx)
	if err := p.guard(x, r); err != nil {
		x.Refused = err
	}
	return r, true
}

// ServeHTTP serves an admitted request, after the tenant's Traefik middlewares where it has
// any.
func (p *Path) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if x := routing.FromContext(r.Context()); x != nil && x.Refused == nil && len(x.Tenant.Middlewares) > 0 {
		x.Refused = p.guardAgain(x, r)
	}
	p.chain.ServeHTTP(w, r)
}

func withDeadlines(ctx context.Context, w http.ResponseWriter) context.Context {
	return deadline.NewContext(ctx, http.NewResponseController(w))
}

// closeAfterChunked ends an HTTP/1 connection after a chunked request. net/http accepts a
// request with both Content-Length and Transfer-Encoding and hides the former, so this is
// the only way to keep RFC 9112 section 6.1: whatever follows such a request is not ours
// to parse. Browsers send no chunked requests over HTTP/1.
func closeAfterChunked(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close")
	}
}
