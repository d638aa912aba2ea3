package standin

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
)

func pageRoutes(major int) []*route {
	list := []*route{
		{path: "/", handle: index},
		{path: "/web", handle: webClient},
		{path: "/web/health", stateless: true, handle: health},
		{path: "/web/login", csrf: true, website: true, handle: webLogin},
		{path: "/my", auth: authUser, website: true, handle: portalPage},
		{path: "/my/", auth: authUser, website: true, handle: portalPage},
		{path: "/mail/view", auth: authPublic, website: true, handle: publicPage},
		{path: "/shop", auth: authPublic, website: true, handle: publicPage},
		{path: "/shop/", auth: authPublic, website: true, handle: publicPage},
		{path: "/web/webclient/load_menus/", auth: authUser, handle: loadMenus},
		{path: "/web/webclient/translations/", auth: authPublic, handle: translations},
		{path: "/payment/standin/webhook", auth: authPublic, methods: "POST", addon: true, handle: webhook},
		{path: "/web/hook/", auth: authPublic, methods: "POST, GET", addon: true, handle: webhook},
	}
	if major >= 18 {
		list = append(list, &route{path: "/odoo", handle: webClient}, &route{path: "/odoo/", handle: webClient})
	}
	return list
}

func index(c *call) error {
	if c.srv.major >= 18 {
		return c.redirect(http.StatusSeeOther, "/odoo")
	}
	return c.redirect(http.StatusSeeOther, "/web")
}

// health needs neither database nor session.
func health(c *call) error {
	c.header.Set("Cache-Control", "no-store")
	asked := c.query("db_server_status")
	if c.srv.major < 18 || asked == "" || asked == "0" || strings.EqualFold(asked, "false") {
		return c.send(http.StatusOK, "application/json", []byte(`{"status": "pass"}`))
	}
	if c.srv.faults.down.Load() {
		return c.send(http.StatusInternalServerError, "application/json", []byte(`{"status": "fail", "db_server_status": false}`))
	}
	return c.send(http.StatusOK, "application/json", []byte(`{"status": "pass", "db_server_status": true}`))
}

// webClient is the page that boots the JavaScript client.
func webClient(c *call) error {
	if done, err := c.ensureDatabase(); done {
		return err
	}
	if c.user == nil {
		if c.session.UID != 0 {
			return errSessionExpired // was good once: the cookie is renewed
		}
		if c.lost() {
			c.countSignOut(c.db)
		}
		c.noSession = c.session.shouldRotate // a foreign cookie loses nothing here
		return c.redirect(http.StatusSeeOther, "/web/login?redirect="+url.QueryEscape(c.fullPath()))
	}
	if c.user.Portal {
		return c.redirect(http.StatusSeeOther, "/web/login_successful")
	}
	c.session.dirty = true // touched: the cookie is sent again
	c.header.Set("Cache-Control", "no-store")
	c.header.Set("X-Frame-Options", "DENY")
	info, err := json.Marshal(c.sessionInfo())
	if err != nil {
		return err
	}
	return c.page(fmt.Sprintf(`<!DOCTYPE html>
<html><head><meta charset="utf-8"/><title>Odoo</title>
<script type="text/javascript">var odoo = {csrf_token: %q, debug: "", __session_info__: %s};</script>
<link type="text/css" rel="stylesheet" href="%s"/>
<script type="text/javascript" src="%s"></script></head>
<body class="o_web_client"><p>%s, database %s, user %s</p></body></html>
`, c.newCSRFToken(), info, c.srv.assetPath("web.assets_web.min.css"), c.srv.assetPath("web.assets_web.min.js"),
		html.EscapeString(c.srv.cfg.Name), html.EscapeString(c.db), html.EscapeString(c.user.Login)))
}

func portalPage(c *call) error {
	c.setLanguageCookie()
	return c.page(fmt.Sprintf("<!DOCTYPE html>\n<html><title>My Portal</title><body>%s, database %s, user %s, page %s%s</body></html>\n",
		html.EscapeString(c.srv.cfg.Name), html.EscapeString(c.db), html.EscapeString(c.user.Login),
		html.EscapeString(c.lang), html.EscapeString(c.path)))
}

func publicPage(c *call) error {
	c.setLanguageCookie()
	return c.page(fmt.Sprintf("<!DOCTYPE html>\n<html><title>Public</title><body>%s, database %s, page %s</body></html>\n",
		html.EscapeString(c.srv.cfg.Name), html.EscapeString(c.db), html.EscapeString(c.path)))
}

// loadMenus is a user's own data, and yet Odoo marks it public.
func loadMenus(c *call) error {
	c.header.Set("Cache-Control", "public, max-age=31536000")
	return c.sendJSON(http.StatusOK, object{"root": object{"name": "root", "children": []any{}}, "user": c.user.Login})
}

func translations(c *call) error {
	c.header.Set("Cache-Control", "public, max-age=31536000")
	return c.sendJSON(http.StatusOK, object{"lang": "en_US", "modules": object{}})
}

func webhook(c *call) error {
	f, err := c.form()
	if err != nil {
		return err
	}
	if marker := f.get("marker"); marker != "" {
		if err := c.remember("payment.transaction", marker); err != nil {
			return err
		}
	}
	return c.send(http.StatusOK, "application/json", []byte(`{"status": "ok"}`))
}
