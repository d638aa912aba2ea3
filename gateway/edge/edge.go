package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Path is the request path of tenants.
type Path interface {
	// Admit says whether r is for a tenant's host, and if so returns it with its exchange
	// in the context. It sees net/http's own writer, before anything has wrapped it.
	Admit(w http.ResponseWriter, r *http.Request, entryPoint string) (*http.Request, bool)
	// ServeHTTP serves an admitted request.
	ServeHTTP(w http.ResponseWriter, r *http.Request)
}

// Native makes a middleware that is compiled in. Ordinary routers use it as they use a
// plugin, under its name in Config.Natives.
type Native func(next http.Handler, config map[string]any, name string) (http.Handler, error)

// Config is what an Edge needs. Static, Path and Log are required.
type Config struct {
	Static *Static
	Path   Path
	Log    *slog.Logger

	// Certificate returns the certificate of a tenant's host, or nil to leave the
	// handshake to Traefik. It sees the whole hello, and so tells a challenge (acme-tls/1
	// among SupportedProtos) from a visitor.
	Certificate func(hello *tls.ClientHelloInfo) *tls.Certificate
	// Challenges answers HTTP-01 challenges of our own issuer. It returns false for tokens
	// that it does not know; Traefik's own issuers get those.
	Challenges func(w http.ResponseWriter, r *http.Request) bool
	// Unknown answers requests for hosts that nobody claims; nil leaves Traefik's own 404.
	Unknown http.Handler
	// Natives are our plugins by name; each begins with "sluice-".
	Natives map[string]Native
	// Registry holds our metrics; /metrics shows them in front of Traefik's.
	Registry *prometheus.Registry
	// Ready is asked by /ready beside the edge's own state.
	Ready func() bool
	// OnStop is called once no new request is accepted. It should end what would hold the
	// stop for the whole grace time, WebSockets above all. ctx ends with the grace time.
	OnStop func(ctx context.Context)
	// PluginsDir keeps plugins from Traefik's catalogue; "./plugins-storage" when empty.
	PluginsDir string
}

// Edge is Traefik with our request path in front.
type Edge struct {
	cfg     Config
	metrics *metrics
	tenants *provider // our part of the dynamic configuration
	front   *front

	live     atomic.Bool // a full configuration is being served
	stopping atomic.Bool
	parts    atomic.Pointer[parts]
}

// New checks cfg and prepares an edge. It listens on nothing; that is Run's.
func New(cfg Config) (*Edge, error) {
	if cfg.Static == nil || cfg.Path == nil || cfg.Log == nil {
		return nil, errors.New("edge: Static, Path and Log are required")
	}
	if err := checkNatives(cfg.Natives); err != nil {
		return nil, err
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	if cfg.PluginsDir == "" {
		cfg.PluginsDir = "./plugins-storage"
	}
	if err := bridgeLogs(cfg.Log, &cfg.Static.conf); err != nil {
		return nil, err
	}
	installDashboard()
	nameVersion()
	e := &Edge{cfg: cfg, metrics: newMetrics(cfg.Registry)}
	e.tenants = newProvider(e.catchAlls())
	e.front = newFront(e)
	return e, nil
}

// Ready reports whether requests are answered as configured.
func (e *Edge) Ready() bool {
	return e.live.Load() && !e.stopping.Load() && (e.cfg.Ready == nil || e.cfg.Ready())
}

// SetMiddlewares says which tenants have ordinary Traefik middlewares in front of their
// path, by tenant name. It returns at once. Call it before the tenants themselves change:
// a request of a tenant whose middlewares are not in place yet waits for them.
func (e *Edge) SetMiddlewares(byTenant map[string][]string) {
	e.tenants.set(byTenant)
}

// RotateLogs reopens the access log's file, for logrotate.
func (e *Edge) RotateLogs() error {
	if p := e.parts.Load(); p != nil {
		return p.observability.RotateAccessLogs()
	}
	return nil
}
