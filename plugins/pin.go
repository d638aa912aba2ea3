package plugins

import (
	"net/http"
	"strings"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

const (
	pinCookie = "sluice_pin"
	pinMaxAge = "604800" // seconds; that of Odoo's own session cookie
)

// pin ties a session to the server that knows it, where sessions live on the servers. The
// cookie is ours alone: it is taken out of the request, and it only counts when it was
// sealed for this tenant and for the pool that serves the request.
func (p *Path) pin(next http.Handler) http.Handler {
	return withExchange(func(w http.ResponseWriter, r *http.Request, x *exchange) {
		name := pinName(x.Scheme)
		value := takeCookie(r.Header, name)
		if pinned(x) {
			if pin, ok := p.deps.Pins.Open(x.Tenant.Name, value); ok && pin.Pool == x.Pool.Name {
				x.Pin = pin.Backend
			}
			x.Remember = func(backend string) string { return p.pinLine(x, name, backend) }
		}
		next.ServeHTTP(w, r)
	})
}

// pinned tells whether the request's session has to stay with its server. A class with a
// pool of its own has no say: it does not hold the tenant's sessions.
func pinned(x *exchange) bool {
	return x.Pool.Sessions == routing.SessionsLocal && x.Pool == x.Release.Pool &&
		x.Class != odoo.Static && x.Class != odoo.Health
}

// pinName binds the cookie to the host, which browsers do over https only (RFC 6265bis,
// section 4.1.3.2).
func pinName(scheme string) string {
	if scheme == "https" {
		return "__Host-" + pinCookie
	}
	return pinCookie
}

func (p *Path) pinLine(x *exchange, name, backend string) string {
	value := p.deps.Pins.Seal(x.Tenant.Name, routing.Pin{Pool: x.Pool.Name, Backend: backend})
	if value == "" {
		return ""
	}
	line := name + "=" + value + "; Path=/; Max-Age=" + pinMaxAge + "; HttpOnly; SameSite=Lax"
	if x.Scheme == "https" {
		line += "; Secure"
	}
	return line
}

// takeCookie returns the first cookie of that name and takes all of them out of h.
func takeCookie(h http.Header, name string) (value string) {
	lines := h["Cookie"]
	found := false
	for _, line := range lines {
		found = found || strings.Contains(line, name)
	}
	if !found {
		return ""
	}
	var rest []string
	for _, line := range lines {
		for crumb := range strings.SplitSeq(line, ";") {
			crumb = strings.TrimSpace(crumb)
			key, v, _ := strings.Cut(crumb, "=")
			switch {
			case strings.TrimSpace(key) != name:
				rest = append(rest, crumb)
			case value == "":
				value = v
			}
		}
	}
	delete(h, "Cookie")
	if len(rest) > 0 {
		h["Cookie"] = []string{strings.Join(rest, "; ")}
	}
	return value
}
