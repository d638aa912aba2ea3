package odoo

import "strings"

// Outcome is what an answer means. Odoo's failures are often HTTP 200, so the status alone
// does not tell.
type Outcome string

// The outcomes.
const (
	OK             Outcome = "ok"
	Fault          Outcome = "fault"           // an RPC call ended in an exception
	Invalid        Outcome = "invalid"         // the user's or the caller's own error
	BadCredentials Outcome = "bad_credentials" // wrong password or API key
	Denied         Outcome = "denied"          // no right to what was asked for
	SessionExpired Outcome = "session_expired" // the session is gone, in Odoo's own words
	LoginRequired  Outcome = "login_required"  // a page sent the browser to sign in
	NotFound       Outcome = "not_found"
	ServerError    Outcome = "server_error" // HTTP 5xx of Odoo
	Unavailable    Outcome = "unavailable"  // nobody could answer: 502, 503, 504
	Refused        Outcome = "refused"      // the gateway said no
	ClientGone     Outcome = "client_gone"  // the client left before the answer was whole
	Truncated      Outcome = "truncated"    // Odoo left before the answer was whole
)

// MaxOutcomeHead is as much of an answer as ReadOutcome looks at.
const MaxOutcomeHead = 4096

// ReadOutcome says what an answer means. head is the start of its body, MaxOutcomeHead
// bytes at most. Whoever calls looks at Redirect first: a redirect's address is in a header.
func ReadOutcome(class Class, status int, contentType string, head []byte) Outcome {
	if len(head) > MaxOutcomeHead {
		head = head[:MaxOutcomeHead]
	}
	if status >= 500 || status == 200 || (status >= 400 && class == RPC) {
		if o, ok := bodyOutcome(contentType, status, head); ok {
			return o
		}
	}
	return statusOutcome(status)
}

// Redirect reads the address of a redirect: one to the login page means that the session
// is unknown here. ok is false for every other answer.
func Redirect(status int, location string) (o Outcome, ok bool) {
	if status < 301 || status > 308 || status == 304 {
		return "", false
	}
	path := location
	if i := strings.Index(path, "://"); i >= 0 {
		_, path = cutByte(path[i+3:], '/')
		path = "/" + path
	}
	path, _ = cutByte(path, '?')
	if _, rest := cutSegment(path); path == "/web/login" || rest == "/web/login" {
		return LoginRequired, true
	}
	return "", false
}

func statusOutcome(status int) Outcome {
	switch {
	case status == 401:
		return BadCredentials
	case status == 403:
		return Denied
	case status == 404 || status == 410:
		return NotFound
	case status == 502 || status == 503 || status == 504:
		return Unavailable
	case status >= 500:
		return ServerError
	case status >= 400:
		return Invalid
	}
	return OK
}

func bodyOutcome(contentType string, status int, head []byte) (Outcome, bool) {
	kind, _ := cutByte(contentType, ';')
	switch strings.ToLower(trimBlank(kind)) {
	case "application/json", "application/json-rpc":
		return jsonOutcome(status, head)
	case "text/xml", "application/xml":
		return xmlOutcome(head)
	}
	return "", false
}

// exceptionOutcome maps the name of a Python exception as Odoo writes it into data.name
// (JSON-RPC) or name (JSON-2).
func exceptionOutcome(name string) (Outcome, bool) {
	switch name {
	case "odoo.http.SessionExpiredException":
		return SessionExpired, true
	case "odoo.exceptions.UserError", "odoo.exceptions.ValidationError", "odoo.exceptions.RedirectWarning",
		"odoo.exceptions.Warning", "odoo.exceptions.CacheMiss", "odoo.exceptions.except_orm",
		"odoo.exceptions.LockError", "odoo.exceptions.ConcurrencyError",
		"werkzeug.exceptions.BadRequest", "werkzeug.exceptions.UnprocessableEntity":
		return Invalid, true
	case "odoo.exceptions.AccessDenied", "werkzeug.exceptions.Unauthorized":
		return BadCredentials, true
	case "odoo.exceptions.AccessError", "werkzeug.exceptions.Forbidden":
		return Denied, true
	case "odoo.exceptions.MissingError", "werkzeug.exceptions.NotFound":
		return NotFound, true
	}
	return "", false
}
