package edge

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/safe"
)

const (
	providerName = "sluice"
	// tenantsEntryPoint is an entry point of the router factory only: it has no port, and
	// nobody else's router can be on it. The front hands it the requests of tenants that
	// have middlewares of Traefik's, so that no rule and no priority of another provider
	// comes between a tenant and its path.
	tenantsEntryPoint = "sluice-tenants"
	// tenantHeader names the tenant to its router. The front sets it, the last middleware
	// takes it off.
	tenantHeader = "X-Sluice-Tenant"
	tenantRouter = "tenant-"

	tenantPlugin  = "sluice-tenant"
	unknownPlugin = "sluice-unknown"
	// nowhere is the service of routers whose last middleware answers. It must not be one
	// of Traefik's internal services: those switch logs, metrics and traces off.
	nowhere = "nowhere"
	// ruleSyntax is Traefik's current one, whatever core.defaultRuleSyntax says.
	ruleSyntax = "default"
)

// provider is our part of the dynamic configuration: one router for each tenant that has
// middlewares, and the catch-alls. Tenants themselves are not in it, or every change of one
// would rebuild all of Traefik.
type provider struct {
	catchAlls map[string]*dynamic.Router
	changed   chan struct{}

	mu          sync.Mutex
	middlewares map[string][]string // by tenant
}

func newProvider(catchAlls map[string]*dynamic.Router) *provider {
	return &provider{catchAlls: catchAlls, changed: make(chan struct{}, 1)}
}

// set replaces the tenants' middlewares.
func (p *provider) set(byTenant map[string][]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if maps.EqualFunc(p.middlewares, byTenant, slices.Equal) {
		return
	}
	p.middlewares = maps.Clone(byTenant)
	select {
	case p.changed <- struct{}{}:
	default: // a message is due already and will carry this change
	}
}

// Init implements Traefik's provider.
func (p *provider) Init() error { return nil }

// ThrottleDuration lets changes through at once: they are rare, and a tenant waits.
func (p *provider) ThrottleDuration() time.Duration { return 0 }

// Provide implements Traefik's provider.
func (p *provider) Provide(messages chan<- dynamic.Message, pool *safe.Pool) error {
	pool.GoCtx(func(ctx context.Context) {
		for {
			message := dynamic.Message{ProviderName: providerName, Configuration: p.configuration()}
			select {
			case messages <- message:
			case <-ctx.Done():
				return
			}
			select {
			case <-p.changed:
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}

// configuration is all of our part. Plugin configurations hold JSON types only: Traefik
// copies them and panics at anything else.
func (p *provider) configuration() *dynamic.Configuration {
	p.mu.Lock()
	defer p.mu.Unlock()
	routers := maps.Clone(p.catchAlls)
	if routers == nil {
		routers = map[string]*dynamic.Router{}
	}
	for tenant, names := range p.middlewares {
		routers[tenantRouter+tenant] = newTenantRouter(tenant, names)
	}
	balancer := &dynamic.ServersLoadBalancer{Servers: []dynamic.Server{{URL: "http://127.0.0.1:1"}}}
	balancer.SetDefaults()
	return &dynamic.Configuration{HTTP: &dynamic.HTTPConfiguration{
		Routers: routers,
		Middlewares: map[string]*dynamic.Middleware{
			tenantPlugin:  {Plugin: map[string]dynamic.PluginConf{tenantPlugin: {}}},
			unknownPlugin: {Plugin: map[string]dynamic.PluginConf{unknownPlugin: {}}},
		},
		Services: map[string]*dynamic.Service{nowhere: {LoadBalancer: balancer}},
	}}
}

// newTenantRouter runs the tenant's middlewares in front of its path. Traefik's signals are
// off for it because the front has them on already.
func newTenantRouter(tenant string, middlewares []string) *dynamic.Router {
	return &dynamic.Router{
		EntryPoints: []string{tenantsEntryPoint},
		RuleSyntax:  ruleSyntax, //nolint:staticcheck // an install may still ask for v2 rules by default; ours are v3
		Rule:        "Header(" + strconv.Quote(tenantHeader) + ", " + strconv.Quote(tenant) + ")",
		Middlewares: append(slices.Clone(middlewares), tenantPlugin),
		Service:     nowhere,
		Observability: &dynamic.RouterObservabilityConfig{
			AccessLogs: new(false), Metrics: new(false), Tracing: new(false),
		},
	}
}

// catchAlls send what no router wants to Config.Unknown, below every priority a router can
// have. The one for TLS names a host that cannot exist: without any, Traefik would take it
// for a claim on every server name, ahead of catch-all TCP routers.
func (e *Edge) catchAlls() map[string]*dynamic.Router {
	if e.cfg.Unknown == nil {
		return nil
	}
	var plain, all []string
	for name, ep := range e.cfg.Static.conf.EntryPoints {
		if protocol, _ := ep.GetProtocol(); protocol == "udp" || name == statusEntryPoint {
			continue
		}
		all = append(all, name)
		if ep.HTTP.TLS == nil { // else Traefik makes a TLS router of every router
			plain = append(plain, name)
		}
	}
	catchAll := dynamic.Router{
		RuleSyntax:  ruleSyntax, //nolint:staticcheck // an install may still ask for v2 rules by default; ours are v3
		Rule:        "Host(`unknown.invalid`) || PathPrefix(`/`)",
		Priority:    math.MinInt,
		Middlewares: []string{unknownPlugin},
		Service:     nowhere,
	}
	routers := map[string]*dynamic.Router{}
	if len(plain) > 0 {
		http := catchAll
		http.EntryPoints = slices.Sorted(slices.Values(plain))
		routers["unknown"] = &http
	}
	if len(all) > 0 {
		https := catchAll
		https.EntryPoints = slices.Sorted(slices.Values(all))
		https.TLS = &dynamic.RouterTLSConfig{}
		routers["unknown-tls"] = &https
	}
	return routers
}
