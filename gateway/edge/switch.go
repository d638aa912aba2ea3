package edge

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strings"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/runtime"
	httpmuxer "github.com/traefik/traefik/v3/pkg/muxer/http"
	tcpmuxer "github.com/traefik/traefik/v3/pkg/muxer/tcp"
	tcprouter "github.com/traefik/traefik/v3/pkg/server/router/tcp"
	traefiktls "github.com/traefik/traefik/v3/pkg/tls"
)

// switchRouters builds Traefik's routers for conf, puts the front before them and serves
// them. This is the seam: in front of Traefik's matching, which tries one router after the
// other, and of its response writers, which hide net/http's deadlines.
func (p *parts) switchRouters(conf dynamic.Configuration) {
	known := runtime.NewConfig(conf)
	tcpRouters, udpRouters := p.routers.CreateRouters(known)

	p.edge.front.guests.replace(newGuests(known, tcpRouters[tenantsEntryPoint], p.edge.metrics))
	delete(tcpRouters, tenantsEntryPoint)

	p.reportTakers(known)
	for name, router := range tcpRouters {
		standard := p.standardTLS(name)
		router.SetHTTPHandler(p.edge.front.before(name, router.GetHTTPHandler()))
		router.SetHTTPSHandler(p.edge.front.before(name, router.GetHTTPSHandler()), standard)
		if claimsEveryName(known, name) {
			router.AddHTTPTLSConfig("*", standard, traefiktls.DefaultTLSConfigName)
		}
	}
	p.tcp.Switch(tcpRouters)
	p.udp.Switch(udpRouters)

	p.edge.metrics.reloads.WithLabelValues("applied").Inc()
	if _, ours := known.Services[nowhere+"@"+providerName]; ours {
		p.edge.live.Store(true)
	}
}

// standardTLS is the TLS configuration of every server name that no router of Traefik's
// claims: the entry point's options, tenants' certificates first, then Traefik's. While the
// options cannot be had (not loaded yet, or two providers define the default ones), the
// last configuration stays, and without one TLS is refused: they may ask for client
// certificates.
func (p *parts) standardTLS(entryPoint string) *tls.Config {
	options := traefiktls.DefaultTLSConfigName
	if ep := p.conf.EntryPoints[entryPoint]; ep.HTTP.TLS != nil && ep.HTTP.TLS.Options != "" {
		options = ep.HTTP.TLS.Options
	}
	conf, err := p.tls.Get(traefiktls.DefaultTLSStoreName, options)
	if err != nil {
		if p.edge.parts.Load() != nil { // else no provider could have spoken yet
			p.edge.cfg.Log.Error("TLS options unusable, the last ones stay", "entryPoint", entryPoint, "err", err)
		}
		return p.edge.front.tls[entryPoint]
	}
	conf = conf.Clone()
	conf.GetCertificate = tenantsFirst(p.edge.cfg.Certificate, conf.GetCertificate)
	p.edge.front.tls[entryPoint] = conf
	return conf
}

type getCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error)

func tenantsFirst(tenants func(*tls.ClientHelloInfo) *tls.Certificate, then getCertificate) getCertificate {
	if tenants == nil {
		return then
	}
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if certificate := tenants(hello); certificate != nil {
			return certificate, nil
		}
		return then(hello)
	}
}

// claimsEveryName tells whether some TLS router of the entry point names no host. Traefik
// then answers every unclaimed server name with a configuration of its own, which must be
// ours for the tenants' sake.
func claimsEveryName(known *runtime.Configuration, entryPoint string) bool {
	for _, router := range known.Routers {
		if router.TLS == nil || !slices.Contains(router.EntryPoints, entryPoint) {
			continue
		}
		if domains, err := httpmuxer.ParseDomains(router.Rule); err == nil && len(domains) == 0 {
			return true
		}
	}
	return false
}

// reportTakers names TCP routers that take every TLS connection of an entry point. Traefik
// asks them before it decrypts anything, so that tenants' connections are among those.
func (p *parts) reportTakers(known *runtime.Configuration) {
	for name, router := range known.TCPRouters {
		if router.TLS == nil {
			continue
		}
		if names, err := tcpmuxer.ParseHostSNI(router.Rule); err == nil && slices.Contains(names, "*") {
			p.edge.cfg.Log.Warn("TCP router takes every TLS connection, tenants' too; give it an entry point of its own",
				"router", name, "entryPoints", router.EntryPoints)
		}
	}
}

// newGuests notes which tenants' routers Traefik could build.
func newGuests(known *runtime.Configuration, router *tcprouter.Router, m *metrics) *guests {
	g := &guests{handler: http.NotFoundHandler(), broken: map[string]string{}, live: map[string]bool{}, replaced: make(chan struct{})}
	if router != nil && router.GetHTTPHandler() != nil {
		g.handler = router.GetHTTPHandler()
	}
	for name, info := range known.Routers {
		tenant, ours := strings.CutPrefix(name, tenantRouter)
		if tenant, ours = cutProvider(tenant, ours); !ours {
			continue
		}
		if info.Status == runtime.StatusDisabled {
			g.broken[tenant] = strings.Join(info.Err, "; ")
		} else {
			g.live[tenant] = true
		}
	}
	m.disabled.Set(float64(len(g.broken)))
	return g
}

func cutProvider(name string, ours bool) (string, bool) {
	tenant, suffixed := strings.CutSuffix(name, "@"+providerName)
	return tenant, ours && suffixed
}
