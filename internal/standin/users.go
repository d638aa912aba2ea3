package standin

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

var errTooManyFailures = &odooError{kind: accessDenied, text: "Too many login failures, please wait a bit before trying again."}

// secret is database.secret: the same on every server of a database.
func secret(database string) []byte { return []byte("database.secret of " + database) }

func sign(database, text string) string {
	mac := hmac.New(sha1.New, secret(database))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// csrfToken signs the session id and an expiry; version 19 signs the part that soft rotation
// keeps.
func (c *call) csrfToken(expires string) string {
	sid := c.session.sid
	if c.srv.major >= 19 && len(sid) > storedSessionBytes {
		sid = sid[:storedSessionBytes]
	}
	return sign(c.db, sid+expires) + "o" + expires
}

func (c *call) newCSRFToken() string {
	return c.csrfToken(strconv.FormatInt(time.Now().AddDate(1, 0, 0).Unix(), 10))
}

func (c *call) validCSRF(token string) bool {
	_, expires, _ := strings.Cut(token, "o")
	until, err := strconv.ParseInt(expires, 10, 64)
	return err == nil && time.Now().Unix() < until && hmac.Equal([]byte(token), []byte(c.csrfToken(expires)))
}

func sessionToken(database string, u *User) string {
	return sign(database, fmt.Sprintf("%d %s %s", u.UID, u.Login, u.Password))
}

func (s *Server) userByID(database string, uid int) (*User, bool) {
	return s.userWhere(database, func(u *User) bool { return u.UID == uid })
}

func (s *Server) userByKey(database, key string) (*User, bool) {
	return s.userWhere(database, func(u *User) bool { return slices.Contains(u.APIKeys, key) })
}

func (s *Server) userWhere(database string, fits func(*User) bool) (*User, bool) {
	for i := range s.cfg.Users {
		if u := &s.cfg.Users[i]; u.in(database) && fits(u) {
			return u, true
		}
	}
	return nil, false
}

// checkPassword is res.users._login: with keys, an API key does as well as the password.
// Failures from one address bring a pause for it.
func (c *call) checkPassword(database, login, password string, keys bool) (*User, error) {
	if c.srv.cooldown.active(&c.srv.cfg, c.env["REMOTE_ADDR"], time.Now()) {
		if _, err := netip.ParseAddr(c.env["REMOTE_ADDR"]); err != nil {
			return nil, newHTTPError(500, "Internal Server Error") // Odoo parses the address here
		}
		return nil, errTooManyFailures
	}
	user, ok := c.srv.userWhere(database, func(u *User) bool {
		return u.Login == login && (u.Password == password || keys && slices.Contains(u.APIKeys, password))
	})
	c.srv.cooldown.note(c.env["REMOTE_ADDR"], ok, time.Now())
	if !ok {
		return nil, errAccessDenied
	}
	return user, nil
}

// rememberBase writes web.base.url when an administrator logs in, from what the request says
// the host is, unless it is frozen.
func (c *call) rememberBase(database string, user *User) error {
	if !user.Admin {
		return nil
	}
	st, err := c.srv.databases.store(database)
	if err != nil {
		return err
	}
	base := c.baseURL()
	if st.param("web.base.url.freeze") != "" || st.param("web.base.url") == base {
		return nil
	}
	return st.setParam("web.base.url", base)
}

func (c *call) baseURL() string { return c.env["wsgi.url_scheme"] + "://" + c.env["HTTP_HOST"] }

// startSession makes the session that of a user; its id changes when the answer is sent.
func (c *call) startSession(database string, user *User) {
	s := c.session
	s.UID, s.Login, s.DB, s.Token = user.UID, user.Login, database, sessionToken(database, user)
	s.shouldRotate = true
	c.db, c.user = database, user
}

// cooldown counts failed logins per source address.
type cooldown struct {
	mu       sync.Mutex
	failures map[string]failures
}

type failures struct {
	count int
	last  time.Time
}

func newCooldown() *cooldown { return &cooldown{failures: map[string]failures{}} }

func (d *cooldown) active(cfg *Config, address string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.failures[address]
	return cfg.CooldownFailures > 0 && f.count >= cfg.CooldownFailures && now.Sub(f.last) < cfg.Cooldown
}

func (d *cooldown) note(address string, ok bool, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ok {
		delete(d.failures, address)
		return
	}
	d.failures[address] = failures{d.failures[address].count + 1, now}
}
