package standin

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/netip"
	"strings"
)

// ensureDatabase is Odoo's ensure_db: a page that needs a database takes the one in the
// query, if the host allows it, else sends to the selector.
func (c *call) ensureDatabase() (done bool, err error) {
	if wanted := strings.TrimSpace(c.query("db")); wanted != "" && c.session.DB == "" {
		allowed, err := c.filterDatabases([]string{wanted})
		if err != nil {
			return true, err
		}
		if len(allowed) == 1 && c.srv.databases.exists(wanted) {
			c.session.DB, c.session.dirty = wanted, true
			return true, c.redirect(http.StatusFound, c.fullPath())
		}
	}
	if c.db == "" {
		return true, c.redirect(http.StatusSeeOther, "/web/database/selector")
	}
	return false, nil
}

// webLogin is the login page and its form.
func webLogin(c *call) error {
	if done, err := c.ensureDatabase(); done {
		return err
	}
	c.setLanguageCookie()
	if c.method != http.MethodPost {
		if c.session.UID != 0 && c.user != nil && c.query("redirect") != "" {
			return c.redirect(http.StatusSeeOther, c.query("redirect"))
		}
		return c.loginPage(c.query("redirect"), "")
	}
	f, err := c.form()
	if err != nil {
		return err
	}
	if err := c.checkAddress(f.get("password")); err != nil {
		return err
	}
	user, err := c.checkPassword(c.db, f.get("login"), f.get("password"), false)
	if err != nil && kindOf(err) == accessDenied {
		message := "Wrong login/password"
		if !errors.Is(err, errAccessDenied) {
			message = err.Error()
		}
		return c.loginPage(f.get("redirect"), message)
	}
	if err != nil {
		return err
	}
	c.startSession(c.db, user)
	if err := c.rememberBase(c.db, user); err != nil {
		return err
	}
	return c.redirect(http.StatusSeeOther, c.afterLogin(user, f.get("redirect")))
}

// checkAddress is where Odoo parses the client's address at a login: for the password
// "admin", to warn of it on public networks. An address that is none is a crash.
func (c *call) checkAddress(password string) error {
	if password != "admin" {
		return nil
	}
	if _, err := netip.ParseAddr(c.env["REMOTE_ADDR"]); err != nil {
		return fmt.Errorf("%q does not appear to be an IPv4 or IPv6 address", c.env["REMOTE_ADDR"])
	}
	return nil
}

func (c *call) afterLogin(user *User, redirect string) string {
	switch {
	case redirect != "":
		return redirect
	case user.Portal:
		return "/my"
	case c.srv.major >= 18:
		return "/odoo"
	}
	return "/web"
}

func (c *call) loginPage(redirect, message string) error {
	alert := ""
	if message != "" {
		alert = `<p class="alert alert-danger" role="alert">` + html.EscapeString(message) + "</p>"
	}
	page := fmt.Sprintf(`<!DOCTYPE html>
<html lang="en-US"><head><meta charset="utf-8"/><title>Login | Odoo</title>
<link rel="stylesheet" href="%s"/></head>
<body><p>%s, database %s</p>%s
<form class="oe_login_form" role="form" method="post" action="/web/login">
<input type="hidden" name="csrf_token" value="%s"/>
<input type="text" name="login" id="login" required="required"/>
<input type="password" name="password" id="password" required="required"/>
<input type="hidden" name="redirect" value="%s"/>
<button type="submit">Log in</button></form></body></html>
`, c.srv.assetPath("web.assets_frontend.min.css"), html.EscapeString(c.srv.cfg.Name), html.EscapeString(c.db),
		alert, c.newCSRFToken(), html.EscapeString(redirect))
	return c.page(page)
}

func (c *call) page(text string) error {
	return c.send(http.StatusOK, htmlType, []byte(text))
}

// setLanguageCookie sets frontend_lang, the second cookie of most public pages.
func (c *call) setLanguageCookie() {
	lang := c.srv.cfg.Languages[0]
	if c.cookie("frontend_lang") != lang {
		c.header.Add("Set-Cookie", "frontend_lang="+lang+"; Path=/")
	}
}
