package edge

import (
	"context"
	"crypto/x509"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	gokit "github.com/go-kit/kit/metrics"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	tmetrics "github.com/traefik/traefik/v3/pkg/observability/metrics"
	traefiktls "github.com/traefik/traefik/v3/pkg/tls"
)

// listeners are what happens on each new configuration, in order. The routers come after
// everything they refer to, the resolvers after the routers that ask for certificates.
func (p *parts) listeners() []func(dynamic.Configuration) {
	all := []func(dynamic.Configuration){
		p.updateTLS,
		p.countReload,
		p.updateTransports,
		p.switchRouters,
		p.forgetMetrics,
		p.tlsChallenge.ListenConfiguration,
	}
	for _, resolver := range p.acme {
		all = append(all, resolver.ListenConfiguration)
	}
	for _, resolver := range p.tailscale {
		all = append(all, resolver.HandleConfigUpdate)
	}
	all = append(all, p.reportResolvers)
	for i, listen := range all {
		all[i] = p.survive(listen)
	}
	return all
}

// survive keeps a panic in one listener from ending the goroutine that applies
// configurations, which Traefik would not start again. What was served before goes on.
func (p *parts) survive(listen func(dynamic.Configuration)) func(dynamic.Configuration) {
	return func(conf dynamic.Configuration) {
		defer func() {
			if cause := recover(); cause != nil {
				p.edge.metrics.reloads.WithLabelValues("panic").Inc()
				p.edge.cfg.Log.Error("configuration not applied", "err", cause, "stack", string(debug.Stack()))
			}
		}()
		listen(conf)
	}
}

// updateTLS takes over certificates and options. Our own default certificate stands in
// where nobody declares one: Traefik would make an RSA key at every reload.
func (p *parts) updateTLS(conf dynamic.Configuration) {
	stores := maps.Clone(conf.TLS.Stores)
	if stores == nil {
		stores = map[string]traefiktls.Store{}
	}
	standard := stores[traefiktls.DefaultTLSStoreName]
	if standard.DefaultCertificate == nil && standard.DefaultGeneratedCert == nil {
		standard.DefaultCertificate = p.defaultCert
		stores[traefiktls.DefaultTLSStoreName] = standard
	}
	p.tls.UpdateConfigs(context.Background(), stores, conf.TLS.Options, conf.TLS.Certificates)

	gauge := p.registry.TLSCertsNotAfterTimestampGauge()
	for _, certificate := range p.tls.GetServerCertificates() {
		reportExpiry(gauge, certificate)
	}
}

func reportExpiry(gauge gokit.Gauge, certificate *x509.Certificate) {
	slices.Sort(certificate.DNSNames)
	gauge.With(
		"cn", certificate.Subject.CommonName,
		"serial", certificate.SerialNumber.String(),
		"sans", strings.Join(certificate.DNSNames, ","),
	).Set(float64(certificate.NotAfter.Unix()))
}

func (p *parts) countReload(dynamic.Configuration) {
	p.registry.ConfigReloadsCounter().Add(1)
	p.registry.LastConfigReloadSuccessGauge().Set(float64(time.Now().Unix()))
}

func (p *parts) updateTransports(conf dynamic.Configuration) {
	p.transports.Update(conf.HTTP.ServersTransports)
	p.proxies.Update(conf.HTTP.ServersTransports)
	p.dialers.Update(conf.TCP.ServersTransports)
}

// forgetMetrics drops the series of routers and services that are gone.
func (p *parts) forgetMetrics(conf dynamic.Configuration) {
	if p.registry.IsEpEnabled() || p.registry.IsRouterEnabled() || p.registry.IsSvcEnabled() {
		tmetrics.OnConfigurationUpdate(conf, slices.Collect(maps.Keys(p.tcp)))
	}
}

// reportResolvers names the routers that ask for a certificate resolver which is missing.
func (p *parts) reportResolvers(conf dynamic.Configuration) {
	known := map[string]bool{}
	for _, resolver := range p.acme {
		known[resolver.ResolverName] = true
	}
	for _, resolver := range p.tailscale {
		known[resolver.ResolverName] = true
	}
	for name, router := range conf.HTTP.Routers {
		if router.TLS != nil && router.TLS.CertResolver != "" && !known[router.TLS.CertResolver] {
			p.edge.cfg.Log.Error("router names a certificate resolver that does not exist",
				"router", name, "resolver", router.TLS.CertResolver)
		}
	}
}
