package edge

import (
	"context"
	"fmt"
	"maps"

	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/static"
	tmetrics "github.com/traefik/traefik/v3/pkg/observability/metrics"
	"github.com/traefik/traefik/v3/pkg/provider/acme"
	"github.com/traefik/traefik/v3/pkg/provider/aggregator"
	"github.com/traefik/traefik/v3/pkg/provider/tailscale"
	"github.com/traefik/traefik/v3/pkg/provider/traefik"
	"github.com/traefik/traefik/v3/pkg/proxy"
	"github.com/traefik/traefik/v3/pkg/proxy/httputil"
	"github.com/traefik/traefik/v3/pkg/safe"
	"github.com/traefik/traefik/v3/pkg/server"
	"github.com/traefik/traefik/v3/pkg/server/middleware"
	"github.com/traefik/traefik/v3/pkg/server/service"
	"github.com/traefik/traefik/v3/pkg/tcp"
	traefiktls "github.com/traefik/traefik/v3/pkg/tls"
	"github.com/traefik/traefik/v3/pkg/version"
)

// parts is a running Traefik. The fields stand in the order in which assemble makes them;
// each method below makes one group and uses only those before it.
type parts struct {
	edge *Edge
	conf *static.Configuration

	pool      *safe.Pool
	providers *aggregator.ProviderAggregator

	tls           *traefiktls.Manager
	defaultCert   *traefiktls.Certificate
	httpChallenge *acme.ChallengeHTTP
	tlsChallenge  *acme.ChallengeTLSALPN
	acme          []*acme.Provider
	tailscale     []*tailscale.Provider

	registry      tmetrics.Registry
	semConv       *tmetrics.SemConvMetricsRegistry
	observability *middleware.ObservabilityMgr

	tcp server.TCPEntryPoints
	udp server.UDPEntryPoints

	plugins    *pluginBuilder
	transports *service.TransportManager
	proxies    service.ProxyBuilder
	dialers    *tcp.DialerManager
	routers    *server.RouterFactory

	watcher *server.ConfigurationWatcher
}

// assemble makes a Traefik out of its parts. Ports are open when it returns; nothing is
// served before start.
func (e *Edge) assemble(ctx context.Context) (*parts, error) {
	p := &parts{edge: e, conf: &e.cfg.Static.conf, pool: safe.NewPool(context.WithoutCancel(ctx))}
	for _, add := range []func(context.Context) error{
		p.addProviders,
		p.addTLS,
		p.addResolvers,
		p.addObservability,
		p.addPlugins,
		p.addTransports,
		p.addRouters,
		p.addWatcher,
		p.addEntryPoints, // last, so that no port is open in vain
		p.addFront,
	} {
		if err := add(ctx); err != nil {
			p.pool.Stop()
			return nil, err
		}
	}
	return p, nil
}

func (p *parts) addProviders(context.Context) error {
	p.providers = aggregator.NewProviderAggregator(*p.conf.Providers)
	if err := p.providers.AddProvider(traefik.New(*p.conf)); err != nil {
		return fmt.Errorf("internal provider: %w", err)
	}
	return p.providers.AddProvider(p.edge.tenants)
}

func (p *parts) addTLS(context.Context) error {
	p.tls = traefiktls.NewManager(p.conf.OCSP)
	p.pool.GoCtx(p.tls.Run)
	cert, err := newDefaultCertificate()
	p.defaultCert = cert
	return err
}

// addPlugins loads the operator's plugins; those that are providers join the providers.
func (p *parts) addPlugins(context.Context) error {
	loaded, err := p.edge.loadPlugins()
	if err != nil {
		return err
	}
	p.plugins = p.edge.newPluginBuilder(loaded)
	for name, conf := range p.conf.Providers.Plugin {
		builder, ok := loaded.builders[name]
		if !ok {
			continue // reported when it did not load
		}
		provider, err := builder.BuildProvider(name, conf)
		if err != nil {
			return fmt.Errorf("provider plugin %q: %w", name, err)
		}
		if err := p.providers.AddProvider(provider); err != nil {
			return fmt.Errorf("provider plugin %q: %w", name, err)
		}
	}
	return nil
}

// addTransports makes the side of Traefik's own services that faces their backends.
func (p *parts) addTransports(ctx context.Context) error {
	identity, err := p.spiffeSource(ctx)
	if err != nil {
		return err
	}
	p.transports = service.NewTransportManager(identity)
	p.proxies = httputil.NewProxyBuilder(p.transports, p.semConv)
	if p.conf.Experimental != nil && p.conf.Experimental.FastProxy != nil {
		p.proxies = proxy.NewSmartBuilder(p.transports, p.proxies, *p.conf.Experimental.FastProxy)
	}
	p.dialers = tcp.NewDialerManager(identity)
	return nil
}

func (p *parts) spiffeSource(ctx context.Context) (*workloadapi.X509Source, error) {
	if p.conf.Spiffe == nil || p.conf.Spiffe.WorkloadAPIAddr == "" {
		return nil, nil
	}
	address := workloadapi.WithClientOptions(workloadapi.WithAddr(p.conf.Spiffe.WorkloadAPIAddr))
	source, err := workloadapi.NewX509Source(ctx, address) // waits for the first identity
	if err != nil {
		return nil, fmt.Errorf("spiffe: %w", err)
	}
	return source, nil
}

// addRouters makes the factory of routers, which knows one entry point more than there are
// ports.
func (p *parts) addRouters(context.Context) error {
	services := service.NewManagerFactory(*p.conf, p.pool, p.observability, p.transports, p.proxies, p.challengeHandler(), p.tls)
	conf := *p.conf
	conf.EntryPoints = maps.Clone(conf.EntryPoints)
	conf.EntryPoints[tenantsEntryPoint] = &static.EntryPoint{}
	factory, err := server.NewRouterFactory(conf, services, p.tls, p.observability, p.plugins, p.dialers)
	if err != nil {
		return fmt.Errorf("router factory: %w", err)
	}
	p.routers = factory
	return nil
}

func (p *parts) addWatcher(context.Context) error {
	source := &checked{Provider: p.providers, log: p.edge.cfg.Log, metrics: p.edge.metrics}
	strict := p.conf.Core != nil && p.conf.Core.StrictTLSOptions
	p.watcher = server.NewConfigurationWatcher(p.pool, source, defaultEntryPoints(p.conf), traefik.ProviderName, strict)
	for _, listen := range p.listeners() {
		p.watcher.AddListener(listen)
	}
	return nil
}

func (p *parts) addEntryPoints(context.Context) error {
	if p.conf.API != nil {
		version.DisableDashboardAd = p.conf.API.DisableDashboardAd
		version.DashboardName = p.conf.API.DashboardName
	}
	var err error
	if p.tcp, err = server.NewTCPEntryPoints(p.conf.EntryPoints, p.conf.HostResolver, p.registry); err != nil {
		return err
	}
	p.udp, err = server.NewUDPEntryPoints(p.conf.EntryPoints)
	return err
}

// addFront serves tenants before the first configuration of Traefik's is there, so that no
// first request meets an empty router.
func (p *parts) addFront(context.Context) error {
	if err := p.edge.front.build(p); err != nil {
		return err
	}
	empty := dynamic.Configuration{
		HTTP: &dynamic.HTTPConfiguration{}, TCP: &dynamic.TCPConfiguration{},
		UDP: &dynamic.UDPConfiguration{}, TLS: &dynamic.TLSConfiguration{},
	}
	empty.TLS.Options = map[string]traefiktls.Options{traefiktls.DefaultTLSConfigName: traefiktls.DefaultTLSOptions}
	p.updateTLS(empty)
	p.switchRouters(empty)
	return nil
}
