package standin

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
)

const (
	htmlType = "text/html; charset=utf-8"
	jsonType = "application/json; charset=utf-8"
	textType = "text/plain; charset=utf-8"
)

// The kinds of error that Odoo's RPC tells apart, by the name of the Python class.
const (
	accessDenied    = "odoo.exceptions.AccessDenied"
	accessError     = "odoo.exceptions.AccessError"
	userError       = "odoo.exceptions.UserError"
	validationError = "odoo.exceptions.ValidationError"
	missingError    = "odoo.exceptions.MissingError"
	sessionExpired  = "odoo.http.SessionExpiredException"
	serverError     = "builtins.Exception"
	operational     = "psycopg2.OperationalError"
)

// odooError is a Python exception that reaches a client.
type odooError struct{ kind, text string }

func (e *odooError) Error() string { return e.text }

// httpError is one of Werkzeug's exceptions.
type httpError struct {
	status int
	text   string
	header http.Header
}

func (e *httpError) Error() string { return fmt.Sprintf("%d: %s", e.status, http.StatusText(e.status)) }

func newHTTPError(status int, text string) *httpError { return &httpError{status: status, text: text} }

func notFound() error {
	return newHTTPError(http.StatusNotFound, "The requested URL was not found on the server. "+
		"If you entered the URL manually please check your spelling and try again.")
}

var (
	errSessionExpired = &odooError{sessionExpired, "Session expired"}
	errAccessDenied   = &odooError{accessDenied, "Access Denied"}
	errCursorClosed   = &odooError{"psycopg2.InterfaceError", "cursor already closed"}
)

// fail answers an error as Odoo's dispatcher of the route's type does. An answer of which the
// head is out already can only be cut.
func (c *call) fail(err error) error {
	if errors.Is(err, errAnswered) {
		return nil
	}
	if errors.Is(err, errKilled) || c.wrote {
		return errKilled
	}
	if errors.Is(err, errSessionExpired) && c.user == nil && (c.session.UID != 0 || c.lost()) {
		c.countSignOut(c.db)
	}
	var web *httpError
	isWeb := errors.As(err, &web)
	switch {
	case isWeb && web.status == http.StatusInternalServerError && c.route == nil:
		return c.failPage(web)
	case c.route != nil && c.route.kind == jsonRoute && (!isWeb || web.status != http.StatusBadRequest && web.status != http.StatusUnsupportedMediaType):
		return c.failJSON(err)
	case errors.Is(err, errSessionExpired):
		return c.sendToLogin()
	case isWeb:
		return c.failPage(web)
	case kindOf(err) == accessError:
		return c.failPage(newHTTPError(http.StatusForbidden, err.Error()))
	case kindOf(err) == accessDenied:
		return c.failPage(newHTTPError(http.StatusForbidden, "Access Denied"))
	}
	return c.failPage(newHTTPError(http.StatusInternalServerError, "The server encountered an internal error "+
		"and was unable to complete your request."))
}

func kindOf(err error) string {
	var known *odooError
	if errors.As(err, &known) {
		return known.kind
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "builtins.TimeoutError"
	}
	return serverError
}

func (c *call) failPage(e *httpError) error {
	c.noSession = true
	for name, values := range e.header {
		c.header[name] = values
	}
	title := http.StatusText(e.status)
	page := fmt.Sprintf("<!doctype html>\n<html lang=en>\n<title>%d %s</title>\n<h1>%s</h1>\n<p>%s</p>\n",
		e.status, title, title, html.EscapeString(e.text))
	return c.send(e.status, htmlType, []byte(page))
}

// sendToLogin is the answer to a page that wants a user. Only a login that has just been
// found expired gets a new cookie: an unknown session keeps its id.
func (c *call) sendToLogin() error {
	wasConnected := c.session.UID != 0
	c.noSession = !wasConnected
	if wasConnected {
		c.session.logout(true)
	}
	return c.redirect(http.StatusSeeOther, "/web/login?redirect="+url.QueryEscape(c.fullPath()))
}

func (c *call) fullPath() string { return c.path + "?" + c.env["QUERY_STRING"] }

func (c *call) redirect(status int, location string) error {
	c.header.Set("Location", location)
	page := fmt.Sprintf("<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n"+
		"<p>You should be redirected automatically to the target URL: <a href=%q>%s</a>.\n",
		html.EscapeString(location), html.EscapeString(location))
	return c.send(status, htmlType, []byte(page))
}
