package plugins

import (
	"errors"
	"net/http"
	"strings"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// methods that Odoo serves. CONNECT and TRACE would be answered for somebody else, and a
// method Odoo does not know is a probe.
const methods = " GET HEAD POST PUT PATCH DELETE OPTIONS "

// guard cleans r in place and says why it may not pass, nil when it may. What is refused
// could make the gateway and Odoo disagree about the request; what a client merely has no
// business sending is removed. The order matters: nothing is decided on a part of the
// request that was not checked before.
func (p *Path) guard(x *routing.Exchange, r *http.Request) error {
	for _, check := range []func(*routing.Exchange, *http.Request) error{
		p.checkServerName, checkMethod, checkTarget, checkHeaders,
	} {
		if err := check(x, r); err != nil {
			return err
		}
	}
	cleanQuery(r)
	cleanCookies(x, r)
	if err := p.route(x, r); err != nil {
		return err
	}
	return p.checkScheme(x, r)
}

// guardAgain judges what a tenant's Traefik middlewares made of the request: they may have
// stripped a prefix or replaced the path, and a rule must hold for the path that Odoo gets.
func (p *Path) guardAgain(x *routing.Exchange, r *http.Request) error {
	for _, check := range []func(*routing.Exchange, *http.Request) error{checkMethod, checkPath} {
		if err := check(x, r); err != nil {
			return err
		}
	}
	cleanQuery(r)
	return p.route(x, r)
}

// checkServerName holds the TLS server name against the Host. One connection may carry
// several hosts of one tenant, never two tenants: the TLS handshake may have enforced a
// rule of the first. 421 makes a browser with a shared HTTP/2 connection open its own.
func (p *Path) checkServerName(x *routing.Exchange, r *http.Request) error {
	if r.TLS == nil {
		return nil
	}
	name, _, err := odoo.CanonicalHost(r.TLS.ServerName)
	if err == nil && name == x.Host {
		return nil
	}
	if err == nil {
		if tenant, ok := p.deps.Table().Resolve(name); ok && tenant.Name == x.Tenant.Name {
			return nil
		}
	}
	return refuse(http.StatusMisdirectedRequest, "misdirected", "Wrong connection",
		"This connection was opened for another host. Open the page again.")
}

func checkMethod(_ *routing.Exchange, r *http.Request) error {
	if strings.IndexByte(r.Method, ' ') < 0 && strings.Contains(methods, " "+r.Method+" ") {
		return nil
	}
	return refuse(http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed",
		"This address answers GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS.")
}

// checkTarget wants the origin form of the request target (RFC 9112 section 3.2.1). In the
// absolute form net/http takes the host from the target and drops the Host header, so the
// two could no longer be held against each other. (Over HTTP/3 the URL carries the
// authority always, and RequestURI alone is what the client wrote.)
func checkTarget(x *routing.Exchange, r *http.Request) error {
	target, err := odoo.SplitTarget(r.RequestURI)
	if err != nil || target.Host != "" || r.URL.Host != "" && r.ProtoMajor < 3 {
		return refuse(http.StatusBadRequest, "bad_target", "Bad request", "The request target must be a path.")
	}
	return checkPath(x, r)
}

// checkPath decodes the path as Odoo will, for every later decision.
func checkPath(x *routing.Exchange, r *http.Request) error {
	path, err := odoo.DecodePath(r.URL.EscapedPath())
	if err != nil {
		return refuse(http.StatusBadRequest, "bad_path", "Bad request", "The path holds characters that are not allowed.")
	}
	x.Path = path
	return nil
}

// checkHeaders refuses names that WSGI would fold onto another one, and removes those that
// only the gateway may set.
func checkHeaders(x *routing.Exchange, r *http.Request) error {
	if len(r.Header["Content-Type"]) > 1 {
		return refuse(http.StatusBadRequest, "bad_header", "Bad request", "Content-Type is there twice.")
	}
	if pass := r.Header[TesterHeader]; len(pass) == 1 {
		x.Tester = pass[0] // ours, and taken out below like all that is
	}
	for name := range r.Header {
		if odoo.AliasHeader(name) {
			return refuse(http.StatusBadRequest, "bad_header", "Bad request",
				"A header name holds a character other than letters, digits and dashes.")
		}
		if odoo.ForeignHeader(name) {
			delete(r.Header, name)
		}
	}
	r.Trailer = nil
	return nil
}

func cleanQuery(r *http.Request) {
	if clean, changed := odoo.CleanQuery(r.URL.RawQuery); changed {
		r.URL.RawQuery = clean
	}
}

func cleanCookies(x *routing.Exchange, r *http.Request) {
	lines := r.Header["Cookie"]
	if len(lines) == 0 {
		return
	}
	if clean, changed := odoo.CleanCookies(lines); changed {
		lines = []string{clean}
		r.Header["Cookie"] = lines
		if clean == "" {
			delete(r.Header, "Cookie")
		}
	}
	x.SessionKey, _ = odoo.SessionKey(lines)
}

// route decides class, release and pool, and what the class allows.
func (p *Path) route(x *routing.Exchange, r *http.Request) error {
	return p.routeTo(x.Tenant.Active, x, r)
}

// routeTo is route for a session that lives on that release.
func (p *Path) routeTo(release *routing.Release, x *routing.Exchange, r *http.Request) error {
	x.Route = x.Tenant.RouteTo(release, x.Host, x.Path, r.Method, x.Client)
	if !odoo.EncodedOK(r.URL.EscapedPath(), x.Class) {
		return refuse(http.StatusBadRequest, "bad_path", "Bad request", "The path holds an encoded character that is not allowed here.")
	}
	if x.Class == odoo.Manager && !x.Tenant.Manager {
		return refuse(http.StatusForbidden, "manager_closed", "Database manager closed",
			"The database manager of this site is closed.")
	}
	return nil
}

// checkScheme sends plain HTTP to HTTPS. 308 keeps the method and the body. On a port that
// is declared with TLS there is nothing to send on: who speaks plain HTTP there would show
// passwords under an address that promises they are safe.
func (p *Path) checkScheme(x *routing.Exchange, r *http.Request) error {
	if x.Scheme != "https" && p.deps.TLSEntryPoints[x.EntryPoint] {
		return refuse(http.StatusBadRequest, "plain_http", "Bad request", "This port speaks HTTPS only.")
	}
	if x.Scheme == "https" || !x.Tenant.TLS || !p.deps.RedirectHTTPS {
		return nil
	}
	return &redirect{to: "https://" + hostWithPort(x.Host, p.deps.HTTPSPort) + r.RequestURI}
}

// answerRefused answers what the guard refused, and hands everything else on.
func answerRefused(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := routing.FromContext(r.Context())
		var to *redirect
		switch {
		case x.Refused == nil:
			next.ServeHTTP(w, r)
		case errors.As(x.Refused, &to):
			x.Outcome, x.Status = odoo.Refused, http.StatusPermanentRedirect
			http.Redirect(w, r, to.to, http.StatusPermanentRedirect)
		default:
			answerError(w, r, x, x.Refused)
		}
	})
}
