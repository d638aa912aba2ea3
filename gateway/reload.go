package gateway

import (
	"crypto/tls"
	"slices"

	"sluicegate.dev/sluice/config"
)

// changed hands a new snapshot to the parts that keep live state. It runs under the
// configuration's lock, so it only looks at what differs.
func (g *Gateway) changed(old, now *config.Snapshot) {
	g.upstream.Apply(now.Pools)
	g.edge.SetMiddlewares(middlewares(now))
	g.report(old, now)
	if old.Revision != now.Revision {
		g.forgetLimits(now)
		g.forgetMoves(now)
		g.keeper.Note(now)
	}
}

// middlewares are those of the tenants that have any; nearly all have none.
func middlewares(s *config.Snapshot) map[string][]string {
	byTenant := map[string][]string{}
	for name, tenant := range s.Tenants {
		if len(tenant.Middlewares) > 0 {
			byTenant[name] = tenant.Middlewares
		}
	}
	return byTenant
}

// certificate is the tenant's own. A validation of an authority (RFC 8737) is not for it:
// that wants a certificate of whoever ordered one.
func (g *Gateway) certificate(hello *tls.ClientHelloInfo) *tls.Certificate {
	if slices.Contains(hello.SupportedProtos, "acme-tls/1") {
		return nil
	}
	return g.live.Load().Certificate(hello.ServerName)
}

// report logs what is new: problems that were not there before, and what is served now.
func (g *Gateway) report(old, now *config.Snapshot) {
	known := make(map[string]bool, len(old.Problems))
	for _, p := range old.Problems {
		known[p.String()] = true
	}
	for _, p := range now.Problems {
		if !known[p.String()] {
			g.log.Warn("configuration problem", "problem", p.String())
		}
	}
	if now.Pending != nil && (old.Pending == nil || old.Pending.Digest != now.Pending.Digest) {
		g.log.Error("tenants are missing from the configuration; they are served until somebody confirms",
			"missing", len(now.Pending.Tenants), "of", now.Pending.Of, "confirm", "sluice confirm "+now.Pending.Digest)
	}
	if old.Revision != now.Revision {
		g.log.Info("configuration applied", "revision", now.Revision,
			"tenants", len(now.Tenants), "pools", len(now.Pools), "problems", len(now.Problems))
	}
}
