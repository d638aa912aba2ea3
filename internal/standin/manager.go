package standin

import (
	"fmt"
	"html"
	"net/http"
	"path"
	"strconv"
	"strings"
)

func managerRoutes() []*route {
	list := []*route{
		{path: "/web/database/selector", handle: managerPage},
		{path: "/web/database/manager", handle: managerPage},
		{path: "/web/database/list", kind: jsonRoute, handle: managerList},
	}
	for _, action := range []string{"create", "duplicate", "drop", "backup", "restore", "change_password"} {
		list = append(list, &route{path: "/web/database/" + action, methods: "POST", handle: managerAction})
	}
	return list
}

// managerPage answers 200 also when listing is disabled, with a page that says so.
func managerPage(c *call) error { return c.renderManager(http.StatusOK, "") }

func (c *call) renderManager(status int, message string) error {
	if c.srv.faults.down.Load() {
		return fmt.Errorf("connection to server failed")
	}
	var page strings.Builder
	page.WriteString("<!DOCTYPE html>\n<html><head><title>Odoo</title></head><body>")
	if message != "" {
		fmt.Fprintf(&page, `<div class="alert alert-danger">%s</div>`, html.EscapeString(message))
	}
	if c.srv.cfg.NoDatabaseList {
		page.WriteString("<p>The database manager has been disabled by the administrator</p></body></html>\n")
		return c.send(status, htmlType, []byte(page.String()))
	}
	databases, err := c.databases()
	if err != nil {
		return err
	}
	page.WriteString(`<div class="list-group">`)
	for _, name := range databases {
		fmt.Fprintf(&page, `<a href="/web?db=%[1]s">%[1]s</a>`, html.EscapeString(name))
	}
	page.WriteString("</div><form action=\"/web/database/create\" method=\"post\"></form></body></html>\n")
	return c.send(status, htmlType, []byte(page.String()))
}

func managerList(c *call) error {
	if c.srv.cfg.NoDatabaseList {
		return errAccessDenied
	}
	databases, err := c.databases()
	if err != nil {
		return err
	}
	return c.result(databases)
}

// managerAction wants no login and no CSRF token, only the master password.
func managerAction(c *call) error {
	f, err := c.form()
	if err != nil {
		return err
	}
	action := path.Base(strings.TrimSuffix(c.path, "/"))
	if c.srv.cfg.NoDatabaseList && action != "change_password" {
		return newHTTPError(http.StatusForbidden, "Database management functions blocked, admin disabled database listing")
	}
	if !c.srv.databases.masterPassword(f.get("master_pwd")) {
		return c.renderManager(http.StatusOK, "Access Denied")
	}
	switch all := c.srv.databases; action {
	case "create":
		all.add(f.get("name"))
		return c.redirect(http.StatusSeeOther, "/web?db="+f.get("name"))
	case "duplicate":
		all.add(f.get("new_name"))
	case "drop":
		all.remove(f.get("name"))
	case "restore":
		all.add(f.get("name"))
	case "change_password":
		all.setMaster(f.get("master_pwd_new"))
	case "backup":
		return c.backup(f)
	}
	return c.redirect(http.StatusSeeOther, "/web/database/manager")
}

// backup streams without a length. The form field size says how much, for tests of long
// streams.
func (c *call) backup(f *form) error {
	size, err := strconv.ParseInt(f.get("size"), 10, 64)
	if err != nil {
		size = 1 << 20
	}
	c.header.Set("Content-Type", "application/zip")
	c.header.Set("Content-Disposition", "attachment; filename*=UTF-8''backup.zip")
	return c.copyOut(NewPattern(size))
}
