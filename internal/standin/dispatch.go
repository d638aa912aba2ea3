package standin

import (
	"mime"
	"net/http"
	"slices"
	"strings"
)

// answer serves a request in the order of Odoo's application: static files before anything
// else, then session and database, then the route.
func (c *call) answer() error {
	if c.env["HTTP_HOST"] == "" || strings.Contains(c.path, "\x00") {
		return c.fail(newHTTPError(http.StatusInternalServerError, "Internal Server Error"))
	}
	if c.srv.cfg.ProxyMode {
		c.env.proxyFix()
	}
	if isStatic(c.path) {
		c.noSession = true
		return c.serveStatic()
	}
	if err := c.identify(); err != nil {
		return c.fail(err)
	}
	if c.db != "" && c.srv.faults.down.Load() {
		return c.answerWithoutDatabase()
	}
	if c.db != "" {
		if err := c.awaitRegistry(); err != nil {
			return c.fail(err)
		}
	}
	if err := c.dispatch(); err != nil {
		return c.fail(err)
	}
	return nil
}

// answerWithoutDatabase is what Odoo does when its registry cannot be loaded: it logs the
// session out, under a new id, and goes on with the routes that need no database. Pages
// that insist on one redirect to themselves, for ever.
func (c *call) answerWithoutDatabase() error {
	sid := c.session.sid
	c.db, c.session = "", &session{sid: c.srv.sessions.newSID()}
	ensured := c.path == "/web" || c.path == "/odoo" || c.path == "/web/login" || strings.HasPrefix(c.path, "/odoo/")
	if ensured {
		return c.redirect(http.StatusFound, strings.TrimSuffix(c.fullPath(), "?"))
	}
	if err := c.dispatch(); err != nil {
		c.session.sid = sid
		return c.fail(err)
	}
	return nil
}

func (c *call) dispatch() error {
	if strings.Contains(c.path, "//") {
		for strings.Contains(c.path, "//") {
			c.path = strings.ReplaceAll(c.path, "//", "/")
		}
		c.noSession = true
		return c.redirect(http.StatusPermanentRedirect, strings.TrimSuffix(c.fullPath(), "?"))
	}
	route, tail := c.srv.routes.find(c.path)
	if route == nil && c.db != "" {
		var done bool
		if route, tail, done = c.withoutLanguage(); done {
			return nil
		}
	}
	if route == nil || c.db == "" && route.needsDatabase() {
		return notFound()
	}
	c.route, c.tail = route, tail
	return c.run()
}

// withoutLanguage strips the prefix of an installed language, as http_routing does: a page
// that is not translated redirects to its plain path, and any other method is served.
func (c *call) withoutLanguage() (found *route, tail string, done bool) {
	lang, rest, ok := strings.Cut(strings.TrimPrefix(c.path, "/"), "/")
	if !ok || !c.srv.cfg.hasLanguage(lang) {
		return nil, "", false
	}
	found, tail = c.srv.routes.find("/" + rest)
	if found == nil {
		return nil, "", false
	}
	c.lang, c.path = lang, "/"+rest
	safe := c.method == http.MethodGet || c.method == http.MethodHead
	if safe && !found.website {
		c.noSession = true
		return nil, "", c.redirect(http.StatusSeeOther, strings.TrimSuffix(c.fullPath(), "?")) == nil
	}
	return found, tail, false
}

// hasLanguage knows a language by its code and by its url code: fr_FR and fr.
func (c Config) hasLanguage(code string) bool {
	return slices.ContainsFunc(c.Languages, func(installed string) bool {
		short, _, _ := strings.Cut(installed, "_")
		return code == installed || code == short
	})
}

// run checks method, type, user and CSRF token in Odoo's order, and calls the handler.
func (c *call) run() error {
	r := c.route
	r.hits.Add(1)
	c.countSession()
	if r.stateless {
		c.noSession = true
	}
	if r.methods != "" && !strings.Contains(r.methods, c.method) {
		e := newHTTPError(http.StatusMethodNotAllowed, "The method is not allowed for the requested URL.")
		e.header = http.Header{"Allow": {r.methods}}
		return e
	}
	if r.kind == jsonRoute && !isJSON(c.env["CONTENT_TYPE"]) {
		return c.refuseType()
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	if r.kind == jsonRoute {
		if err := c.readCall(); err != nil {
			return err
		}
	}
	if r.csrf && c.unsafe() {
		if c.db == "" {
			return c.redirect(http.StatusSeeOther, "/web/database/selector")
		}
		if err := c.checkCSRF(); err != nil {
			return err
		}
	}
	return r.handle(c)
}

func (c *call) refuseType() error {
	if c.srv.major >= 19 {
		return newHTTPError(http.StatusUnsupportedMediaType, "The request's content type is not supported by this route.")
	}
	return newHTTPError(http.StatusBadRequest, "Request inferred type is compatible with "+
		"{'http'} but the route is type='json'.")
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "application/json-rpc")
}

func (c *call) authenticate() error {
	switch c.route.auth {
	case authUser:
		if !c.checkSession() {
			return errSessionExpired
		}
	case authBearer:
		return c.checkBearer()
	case authPublic:
		if c.session.UID != 0 && !c.checkSession() {
			c.countSignOut(c.db)
			c.session.logout(true)
		}
	case authNone:
		c.checkSession()
	}
	return nil
}

func (c *call) unsafe() bool {
	switch c.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

func (c *call) checkCSRF() error {
	f, err := c.form()
	if err != nil {
		return err
	}
	if !c.validCSRF(f.get("csrf_token")) {
		return newHTTPError(http.StatusBadRequest, "Session expired (invalid CSRF token)")
	}
	return nil
}
