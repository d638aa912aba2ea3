package standin

import "net/http"

func sessionRoutes(major int) []*route {
	list := []*route{
		{path: "/web/session/authenticate", kind: jsonRoute, handle: sessionAuthenticate},
		{path: "/web/session/get_session_info", kind: jsonRoute, auth: authUser, handle: sessionInfoRoute},
		{path: "/web/session/check", kind: jsonRoute, auth: authUser, handle: func(c *call) error { return c.result(nil) }},
		{path: "/web/session/destroy", kind: jsonRoute, auth: authUser, handle: sessionDestroy},
		{path: "/web/session/logout", handle: sessionLogout},
		{path: "/web/webclient/version_info", kind: jsonRoute, handle: versionInfo},
	}
	if major >= 19 {
		plain := func(c *call) error { return c.sendJSON(http.StatusOK, c.srv.version()) }
		list = append(list, &route{path: "/web/version", stateless: true, handle: plain},
			&route{path: "/json/version", stateless: true, handle: plain})
	}
	return list
}

// sessionAuthenticate logs in by JSON. Unlike RPC it does ask the database filter.
func sessionAuthenticate(c *call) error {
	database := c.param("db")
	allowed, err := c.filterDatabases([]string{database})
	if err != nil {
		return err
	}
	if len(allowed) == 0 || !c.srv.databases.exists(database) {
		return &odooError{accessError, "Database not found."}
	}
	user, err := c.checkPassword(database, c.param("login"), c.param("password"), false)
	if err != nil {
		return err
	}
	c.startSession(database, user)
	if err := c.rememberBase(database, user); err != nil {
		return err
	}
	if c.srv.major >= 19 { // sets its cookie twice
		c.commitTwice()
	}
	return c.result(c.sessionInfo())
}

// commitTwice rotates now and leaves the session dirty, so that the head sets the same
// cookie again.
func (c *call) commitTwice() {
	c.commit()
	c.session.dirty = true
}

func sessionInfoRoute(c *call) error {
	c.session.dirty = true
	return c.result(c.sessionInfo())
}

func (c *call) sessionInfo() object {
	info := object{
		"uid": nil, "db": c.db, "server_version": c.srv.cfg.Version, "registry_hash": c.srv.assetHash("registry"),
		"web.base.url": c.baseURL(), "cache_hashes": object{"translations": c.srv.assetHash("translations")},
	}
	if u := c.user; u != nil {
		info["uid"], info["username"], info["is_admin"] = u.UID, u.Login, u.Admin
		info["is_internal_user"], info["partner_id"] = !u.Portal, u.UID+1
		info["user_context"] = object{"lang": "en_US", "tz": "UTC", "uid": u.UID}
	}
	return info
}

func sessionDestroy(c *call) error {
	c.session.logout(false)
	return c.result(nil)
}

func sessionLogout(c *call) error {
	c.session.logout(true)
	c.header.Add("Set-Cookie", "cids=; Max-Age=0; Path=/")
	target := c.query("redirect")
	if target == "" {
		target = "/odoo"
		if c.srv.major < 18 {
			target = "/web"
		}
	}
	return c.redirect(http.StatusSeeOther, target)
}

func versionInfo(c *call) error {
	v := c.srv.version()
	return c.result(object{
		"server_version": v["version"], "server_version_info": v["version_info"],
		"server_serie": c.srv.cfg.Version, "protocol_version": 1,
	})
}

func (s *Server) version() object {
	return object{"version": s.cfg.Version, "version_info": []any{s.major, 0, 0, "final", 0, ""}}
}
