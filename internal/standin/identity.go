package standin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// identify finds the session and the database of a request, in Odoo's order: the id that the
// browser names, the database of that session if the host allows it, else the only one
// that the host allows.
func (c *call) identify() error {
	c.session = c.findSession()
	if named := c.env["HTTP_X_ODOO_DATABASE"]; named != "" && c.srv.major >= 19 {
		return c.takeNamedDatabase(named)
	}
	databases, err := c.databases()
	if err != nil {
		return err
	}
	switch {
	case c.session.DB != "" && slices.Contains(databases, c.session.DB):
		c.db = c.session.DB
	case len(databases) == 1:
		c.db = databases[0]
	}
	if c.session.DB != c.db {
		if c.session.DB != "" {
			if c.session.UID != 0 {
				c.countSignOut(c.session.DB)
			}
			c.session.logout(false) // a cookie of another tenant; deleted where the answer saves
		}
		c.session.DB = c.db
	}
	return nil
}

// takeNamedDatabase follows X-Odoo-Database, which version 19 reads.
func (c *call) takeNamedDatabase(name string) error {
	databases, err := c.databases()
	if err != nil {
		return err
	}
	if c.session.DB != "" && c.session.DB != name {
		return newHTTPError(http.StatusForbidden, "Cannot use both the session_id cookie and the x-odoo-database header.")
	}
	c.noSession = true
	if slices.Contains(databases, name) {
		c.db = name
	}
	return nil
}

func (c *call) findSession() *session {
	store := c.srv.sessions
	sid, explicit := c.explicitSID()
	if !explicit {
		sid = c.cookie("session_id")
	}
	if sid == "" || c.srv.major >= 18 && !store.wellFormed(sid) {
		return &session{sid: store.newSID()}
	}
	s := store.load(sid)
	s.explicit, s.named = explicit, store.wellFormed(sid)
	return s
}

// explicitSID is a hole of version 17 and older: an id in the query or in a header wins over
// the cookie.
func (c *call) explicitSID() (string, bool) {
	if c.srv.major >= 18 {
		return "", false
	}
	if query, err := url.ParseQuery(c.env["QUERY_STRING"]); err == nil && query.Get("session_id") != "" {
		return query.Get("session_id"), true
	}
	sid := c.env["HTTP_X_OPENERP_SESSION_ID"]
	return sid, sid != ""
}

// cookie returns the first cookie of that name; spaces around the name and quotes around the
// value are accepted.
func (c *call) cookie(name string) string {
	for part := range strings.SplitSeq(c.env["HTTP_COOKIE"], ";") {
		key, value, _ := strings.Cut(part, "=")
		if strings.TrimSpace(key) != name {
			continue
		}
		value = strings.TrimSpace(value)
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		return value
	}
	return ""
}

// checkSession reports whether the session is that of a logged-in user, and forgets a
// login that is no longer good.
func (c *call) checkSession() bool {
	s := c.session
	if s.UID == 0 {
		return false
	}
	now := time.Now()
	expired := s.DeletionTime != 0 && s.DeletionTime <= seconds(now)
	user, ok := c.srv.userByID(c.db, s.UID)
	if expired || !ok || s.Token != sessionToken(c.db, user) {
		return false
	}
	c.user = user
	return c.srv.sessions.removePrevious(s, now) == nil
}

// commit saves the session and sets its cookie; the answer calls it before its head.
func (c *call) commit() {
	c.header.Set("X-Standin-Server", c.srv.cfg.Name)
	if c.srv.cfg.Release != "" {
		c.header.Set("X-Standin-Release", c.srv.cfg.Release)
	}
	s := c.session
	if c.noSession || s == nil {
		return
	}
	now, store := time.Now(), c.srv.sessions
	var err error
	switch {
	case s.shouldRotate:
		err = store.rotate(s, now)
		s.dirty = true
	case c.srv.major >= 19 && s.UID != 0 && seconds(now) >= s.CreateTime+c.srv.cfg.SessionRotation.Seconds():
		err = store.rotateSoftly(s, now)
	case s.dirty:
		err = store.save(s)
	}
	if err != nil {
		c.header.Set("X-Standin-Error", err.Error())
	}
	if !s.explicit && (s.dirty || c.cookie("session_id") != s.sid) {
		c.setSessionCookie()
	}
}

// setSessionCookie sets what Odoo sets: never Secure, no SameSite, also behind https.
func (c *call) setSessionCookie() {
	expires := time.Now().UTC().AddDate(1, 0, 0).Format(http.TimeFormat)
	c.header.Add("Set-Cookie", "session_id="+c.session.sid+"; Expires="+expires+"; Max-Age=604800; HttpOnly; Path=/")
}
