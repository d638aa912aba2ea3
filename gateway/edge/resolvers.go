package edge

import (
	"context"
	"net/http"
	"slices"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/provider/acme"
	"github.com/traefik/traefik/v3/pkg/provider/tailscale"
)

// addResolvers makes Traefik's certificate resolvers: ACME and Tailscale.
func (p *parts) addResolvers(context.Context) error {
	p.httpChallenge = acme.NewChallengeHTTP()
	p.tlsChallenge = acme.NewChallengeTLSALPN()
	if err := p.providers.AddProvider(p.tlsChallenge); err != nil {
		return err
	}
	stores := map[string]*acme.LocalStore{}
	for name, resolver := range p.conf.CertificatesResolvers {
		switch {
		case resolver.ACME != nil:
			p.addACME(name, resolver.ACME, stores)
		case resolver.Tailscale != nil:
			p.addTailscale(name)
		}
	}
	return nil
}

// addACME adds one resolver. One that cannot start is reported and left out, as in Traefik:
// it concerns only the routers that name it.
func (p *parts) addACME(name string, conf *acme.Configuration, stores map[string]*acme.LocalStore) {
	if stores[conf.Storage] == nil {
		stores[conf.Storage] = acme.NewLocalStore(conf.Storage, p.pool)
	}
	resolver := &acme.Provider{
		Configuration:         conf,
		Store:                 stores[conf.Storage],
		ResolverName:          name,
		HTTPChallengeProvider: p.httpChallenge,
		TLSChallengeProvider:  p.tlsChallenge,
	}
	if err := p.providers.AddProvider(resolver); err != nil {
		p.edge.cfg.Log.Error("certificate resolver left out", "resolver", name, "err", err)
		return
	}
	resolver.SetTLSManager(p.tls)
	resolver.SetConfigListenerChan(make(chan dynamic.Configuration))
	p.acme = append(p.acme, resolver)
}

func (p *parts) addTailscale(name string) {
	resolver := &tailscale.Provider{ResolverName: name}
	if err := p.providers.AddProvider(resolver); err != nil {
		p.edge.cfg.Log.Error("certificate resolver left out", "resolver", name, "err", err)
		return
	}
	p.tailscale = append(p.tailscale, resolver)
}

// challengeHandler answers HTTP-01 challenges when a resolver of Traefik's uses them.
func (p *parts) challengeHandler() http.Handler {
	for _, resolver := range p.acme {
		if resolver.HTTPChallenge != nil {
			return p.httpChallenge
		}
	}
	return nil // untyped: Traefik compares with nil
}

// defaultEntryPoints are those of routers that name none.
func defaultEntryPoints(conf *static.Configuration) []string {
	var flagged, all []string
	for name, ep := range conf.EntryPoints {
		if protocol, _ := ep.GetProtocol(); protocol == "udp" || name == statusEntryPoint {
			continue
		}
		all = append(all, name)
		if ep.AsDefault {
			flagged = append(flagged, name)
		}
	}
	if len(flagged) > 0 {
		all = flagged
	}
	slices.Sort(all)
	return all
}
