package config

import (
	"fmt"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing/odoo"
)

// maxBackends bounds one pool.
const maxBackends = 500

func (c *checker) pool(s *PoolSpec) {
	c.odoo(s.Odoo)
	c.members(s)
	c.health(s.Health)
	c.timeouts(s.Timeouts)
	c.paths("spec.streams", s.Streams)
	c.realtime(s.Realtime)
	c.balance(s.Balance)
}

func (c *checker) realtime(s RealtimeSpec) {
	if r := s.Handshakes; r != nil && perSecond(*r) > 10_000 {
		c.fail("spec.realtime.handshakes", "", "want at most 10000/s, got %s", *r)
	}
	c.duration("spec.realtime.wait", s.Wait, time.Second, 5*time.Minute)
	c.duration("spec.realtime.drain", s.Drain, time.Second, time.Hour)
}

func (c *checker) balance(s BalanceSpec) {
	if s.FadeIn != nil {
		c.duration("spec.balance.fadeIn", *s.FadeIn, time.Second, time.Hour)
	}
	if s.WarmUp != nil {
		c.duration("spec.balance.warmUp", *s.WarmUp, time.Second, 10*time.Minute)
	}
}

func (c *checker) odoo(s OdooSpec) {
	const field = "spec.odoo.version"
	if s.Version == "" || s.Version == "auto" || c.broken(field) {
		return
	}
	if !isVersion(s.Version) {
		c.fail(field, `write it as "18.0", or auto`, "%q is not an Odoo version", shorten(s.Version))
		return
	}
	if p, exact := odoo.ProfileFor(s.Version); !exact {
		c.warn(field, "", "version %s is not known to this gateway; it is treated as %s", s.Version, p.Version)
	}
}

// isVersion wants a number in it somewhere near the front: 18.0, 17, saas~18.2.
func isVersion(v string) bool {
	v = strings.TrimLeft(strings.TrimPrefix(strings.ToLower(v), "saas"), "~-")
	return v != "" && len(v) <= 40 && v[0] >= '1' && v[0] <= '9'
}

func (c *checker) members(s *PoolSpec) {
	const field = "spec.backends"
	switch {
	case s.Service != nil && len(s.Backends) > 0:
		c.fail("spec.service", "keep one of them", "a pool has backends or a service, not both")
	case s.Service == nil && len(s.Backends) == 0 && !c.broken(field):
		c.fail(field, "", "a pool needs at least one backend")
	case len(s.Backends) > maxBackends:
		c.fail(field, "", "a pool has at most %d backends", maxBackends)
		return
	}
	names := map[string]bool{}
	for i, b := range s.Backends {
		where := fmt.Sprintf("%s[%d]", field, i)
		c.backend(where, b)
		if b.Name != "" && names[b.Name] {
			c.fail(where+".name", "", "two backends are called %q", b.Name)
		}
		names[b.Name] = true
	}
}

func (c *checker) backend(where string, b BackendSpec) {
	if b.Name != "" {
		c.label(where+".name", b.Name)
	}
	https := false
	for _, u := range []struct{ field, raw string }{{".http", b.HTTP}, {".realtime", b.Realtime}} {
		if u.raw == "" || c.broken(where+u.field) {
			continue
		}
		e, message, hint := parseEndpoint(u.raw)
		if message != "" {
			c.fail(where+u.field, hint, "%s", message)
		}
		https = https || e.scheme == "https"
	}
	if b.TLS == nil {
		return
	}
	if !https && !c.broken(where) {
		c.warn(where+".tls", "", "is not used: neither URL is https")
	}
	c.clientTLS(where+".tls", b.TLS)
}

func (c *checker) clientTLS(field string, t *ClientTLS) {
	if (t.CertFile == "") != (t.KeyFile == "") && !c.broken(field) {
		c.fail(field, "", "certFile and keyFile go together")
	}
	if t.ServerName != "" {
		if host, port, err := odoo.CanonicalHost(t.ServerName); err != nil || port != "" || host == "" {
			c.fail(field+".serverName", "", "%q is not a hostname", shorten(t.ServerName))
		}
	}
}

func (c *checker) health(s HealthSpec) {
	if s.Path != "" && (!strings.HasPrefix(s.Path, "/") || strings.ContainsAny(s.Path, " #\r\n")) {
		c.fail("spec.health.path", "", "%q is not a path", shorten(s.Path))
	}
	c.duration("spec.health.interval", s.Interval, 100*time.Millisecond, time.Hour)
	c.duration("spec.health.timeout", s.Timeout, 100*time.Millisecond, time.Hour)
}

// odooTimeLimit is Odoo's limit_time_real and the seconds that its watchdog takes.
const odooTimeLimit = 125 * time.Second

func (c *checker) timeouts(s TimeoutsSpec) {
	c.duration("spec.timeouts.dial", s.Dial, 10*time.Millisecond, time.Minute)
	c.duration("spec.timeouts.response", s.Response, time.Second, 24*time.Hour)
	if s.Response > 0 && time.Duration(s.Response) < odooTimeLimit {
		c.warn("spec.timeouts.response", "unless limit_time_real is lower on these servers",
			"%s is shorter than Odoo may work on a request (limit_time_real, 120s, and 5s); slow reports will be cut", s.Response)
	}
}

// duration bounds one that was given.
func (c *checker) duration(field string, d Duration, low, high time.Duration) {
	if d != 0 && (time.Duration(d) < low || time.Duration(d) > high) {
		c.fail(field, "", "want between %s and %s, got %s", Duration(low), Duration(high), d)
	}
}
