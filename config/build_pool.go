package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func (c *compiler) buildPool(r *Resource) *servedPool {
	spec := r.Spec.(*PoolSpec)
	version, auto := c.versionOf(r), isAuto(spec.Odoo.Version)
	profile, _ := odoo.ProfileFor(version)
	out := &servedPool{source: r, version: version, sum: sumOf("pool", r.Name, r.Digest, version), pool: &routing.Pool{
		Name:       r.Name,
		Profile:    profile,
		Auto:       auto,
		Sessions:   routing.Sessions(or(spec.Odoo.Sessions, string(routing.SessionsLocal))),
		Isolation:  routing.Isolation(or(spec.Isolation, string(routing.IsolationHeader))),
		Health:     health(spec.Health, profile, auto && version == ""),
		Timeouts:   routing.Timeouts{Dial: time.Duration(or(spec.Timeouts.Dial, Duration(defaultDial))), Response: time.Duration(or(spec.Timeouts.Response, Duration(defaultResponse)))},
		Realtime:   realtime(spec.Realtime),
		Balance:    balance(spec.Balance),
		Streams:    spec.Streams,
		MaxRequest: int64(spec.Bodies.Request),
		Digest:     digestOf("pool", r.Digest, version),
	}}
	if spec.Service != nil {
		out.fail("spec.service", "write backends", "services are found by the kubernetes source only")
	}
	for i, b := range spec.Backends {
		out.pool.Backends = append(out.pool.Backends, c.backend(out, fmt.Sprintf("spec.backends[%d]", i), b))
	}
	return out
}

// versionOf is the version that a pool is compiled for: as declared, or as its servers said
// now or before. It is empty for a pool whose servers have not been asked yet.
func (c *compiler) versionOf(r *Resource) string {
	declared := r.Spec.(*PoolSpec).Odoo.Version
	if !isAuto(declared) {
		return declared
	}
	if learnt := c.opts.Versions[r.Name]; learnt != "" {
		return learnt
	}
	if last := c.previous.pools[r.Name]; last != nil && last.pool.Auto {
		return last.version
	}
	return ""
}

func isAuto(version string) bool { return version == "" || version == "auto" }

func (p *servedPool) fail(field, hint, format string, args ...any) {
	p.problems = append(p.problems, p.source.problem(field, hint, format, args...))
}

// or is cmp.Or with two: the first that is not zero.
func or[T comparable](value, fallback T) T {
	var zero T
	if value != zero {
		return value
	}
	return fallback
}

func health(s HealthSpec, profile odoo.Profile, auto bool) routing.Health {
	path := profile.HealthPath
	if auto {
		path = defaultHealth
	}
	return routing.Health{
		Path:     or(s.Path, path),
		Interval: time.Duration(or(s.Interval, Duration(defaultInterval))),
		Timeout:  time.Duration(or(s.Timeout, Duration(defaultProbe))),
		Fall:     or(s.Fall, defaultFall),
		Rise:     or(s.Rise, defaultRise),
	}
}

func realtime(s RealtimeSpec) routing.Realtime {
	out := routing.Realtime{
		Handshakes:    defaultHandshakes,
		Concurrency:   or(s.Concurrency, defaultConcurrency),
		ColdDatabases: or(s.ColdDatabases, defaultCold),
		Wait:          time.Duration(or(s.Wait, Duration(defaultWait))),
		Drain:         time.Duration(or(s.Drain, Duration(defaultDrain))),
	}
	if s.Handshakes != nil {
		out.Handshakes = perSecond(*s.Handshakes)
	}
	return out
}

func perSecond(r Rate) float64 { return float64(r.Count) / r.Per.Seconds() }

func balance(s BalanceSpec) routing.Balance {
	return routing.Balance{
		FadeIn: orOff(s.FadeIn, defaultFadeIn), Exponent: or(s.Exponent, 1), WarmUp: orOff(s.WarmUp, defaultWarmUp),
	}
}

// orOff is d, its default when it was left out, and negative for zero, which switches off.
func orOff(d *Duration, fallback time.Duration) time.Duration {
	switch {
	case d == nil:
		return fallback
	case *d == 0:
		return -1
	}
	return time.Duration(*d)
}

func (c *compiler) backend(p *servedPool, field string, s BackendSpec) routing.Backend {
	b := routing.Backend{
		Name:     s.Name,
		HTTP:     c.backendURL(p, field+".http", s.HTTP),
		Realtime: c.backendURL(p, field+".realtime", s.Realtime),
		Workers:  s.Workers,
		Weight:   1,
	}
	if s.Weight != nil {
		b.Weight = *s.Weight
	}
	if s.TLS != nil {
		b.TLS = p.backendTLS(field+".tls", s.TLS)
	}
	return b
}

func (c *compiler) backendURL(p *servedPool, field, raw string) string {
	if raw == "" {
		return ""
	}
	e, _, _ := parseEndpoint(raw)
	for _, listener := range c.opts.Listeners {
		if e.isListener(listener) {
			p.fail(field, "", "%s is the gateway itself (it listens on %s)", raw, listener)
		}
	}
	return e.url()
}

func (p *servedPool) backendTLS(field string, s *ClientTLS) *routing.BackendTLS {
	out := &routing.BackendTLS{ServerName: s.ServerName}
	if s.CAFile != "" {
		out.CA = p.pem(field+".caFile", s.CAFile)
		if out.CA != nil && !x509.NewCertPool().AppendCertsFromPEM(out.CA) {
			p.fail(field+".caFile", "", "%s holds no PEM certificate", s.CAFile)
		}
	}
	if s.CertFile != "" {
		out.Cert, out.Key = p.pem(field+".certFile", s.CertFile), p.pem(field+".keyFile", s.KeyFile)
		if out.Cert != nil && out.Key != nil {
			if _, err := tls.X509KeyPair(out.Cert, out.Key); err != nil {
				p.fail(field+".certFile", "", "certificate and key do not work: %s", withoutPrefix(err))
			}
		}
	}
	return out
}

func (p *servedPool) pem(field string, path Path) []byte {
	data, ok := p.source.Files[string(path)]
	if !ok {
		p.fail(field, "paths are relative to the file that holds them", "cannot read %s", path)
		return nil
	}
	return data
}
