package plugins

import (
	"net/http"
	"strings"

	"sluicegate.dev/sluice/routing"
)

const (
	pinCookie = "sluice_pin"
	pinMaxAge = "604800" // seconds; that of Odoo's own session cookie
)

// Where a request carries a tester's pass. The header also tells the tester, on the answer,
// whether it counted.
const (
	TesterHeader = "X-Sluice-Tester"
	TesterCookie = "sluice_tester"
)

// pinName binds the cookie to the host, which browsers do over https only (RFC 6265bis,
// section 4.1.3.2).
func pinName(scheme string) string {
	if scheme == "https" {
		return "__Host-" + pinCookie
	}
	return pinCookie
}

// cookie is the Set-Cookie line of a pin. It is ours alone, for one tenant.
func (s *session) cookie(pin routing.Pin) []string {
	value := s.path.deps.Pins.Seal(routing.CookieOf(s.x.Tenant.Name), pin)
	if value == "" {
		return nil
	}
	line := pinName(s.x.Scheme) + "=" + value + "; Path=/; Max-Age=" + pinMaxAge + "; HttpOnly; SameSite=Lax"
	if s.x.Scheme == "https" {
		line += "; Secure"
	}
	return []string{line}
}

// takePass returns a tester's pass and takes it out of the request. The guard has kept the
// header's aside.
func takePass(h http.Header, x *exchange) string {
	carried := takeCookie(h, TesterCookie)
	if x.Tester != "" {
		return x.Tester
	}
	return carried
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
