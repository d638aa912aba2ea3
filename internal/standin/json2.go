package standin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// checkBearer wants an API key, or a session with the headers of a page that the user opened.
func (c *call) checkBearer() error {
	scheme, key, ok := strings.Cut(c.env["HTTP_AUTHORIZATION"], " ")
	if ok && strings.EqualFold(scheme, "bearer") {
		user, ok := c.srv.userByKey(c.db, strings.TrimSpace(key))
		if !ok {
			return c.refuseBearer("Invalid apikey")
		}
		c.user, c.noSession = user, true
		return nil
	}
	if !c.checkSession() {
		return c.refuseBearer(`User not authenticated, use the "Authorization" header`)
	}
	if c.env["HTTP_SEC_FETCH_DEST"] != "document" || c.env["HTTP_SEC_FETCH_MODE"] != "navigate" {
		return c.refuseBearer(`Missing "Authorization" or Sec-headers for interactive usage`)
	}
	return nil
}

func (c *call) refuseBearer(text string) error {
	if strings.HasPrefix(c.path, "/json/2/") {
		c.header.Set("Www-Authenticate", "Bearer")
		return c.failJSON2(http.StatusUnauthorized, "werkzeug.exceptions.Unauthorized", text)
	}
	e := newHTTPError(http.StatusUnauthorized, text)
	e.header = http.Header{"Www-Authenticate": {"Bearer"}}
	return e
}

// errAnswered ends a call whose answer is out already.
var errAnswered = errors.New("answered")

// failJSON2 answers with a status that says what happened, alone among Odoo's RPCs.
func (c *call) failJSON2(status int, name, text string) error {
	c.noSession = true
	err := c.sendJSON(status, object{
		"name": name, "message": text, "arguments": []any{text}, "context": object{},
		"debug": "Traceback (most recent call last):\n" + name + ": " + text + "\n",
	})
	if err != nil {
		return err
	}
	return errAnswered
}

// jsonTwo is /json/2/<model>/<method> of version 19: named arguments in, a bare value out.
func jsonTwo(c *call) error {
	model, method, ok := strings.Cut(c.tail, "/")
	if !ok || strings.Contains(method, "/") {
		return notFound()
	}
	body, err := io.ReadAll(c)
	if err != nil {
		return badBody(err)
	}
	named := object{}
	if len(body) > 0 && json.Unmarshal(body, &named) != nil {
		return c.failJSON2(http.StatusBadRequest, "werkzeug.exceptions.BadRequest", "could not parse the body as json object")
	}
	value, err := c.execute(c.db, c.user, model, method, nil, named)
	if err == nil {
		return c.sendJSON(http.StatusOK, value)
	}
	if errors.Is(err, errKilled) {
		return err
	}
	return c.failJSON2(statusJSON2(err), kindOf(err), err.Error())
}

func statusJSON2(err error) int {
	switch kindOf(err) {
	case accessDenied, accessError:
		return http.StatusForbidden
	case missingError, "builtins.AttributeError":
		return http.StatusNotFound
	case validationError, userError:
		if strings.HasPrefix(err.Error(), "Object ") {
			return http.StatusNotFound
		}
		return http.StatusUnprocessableEntity
	}
	if strings.HasPrefix(err.Error(), "TypeError") {
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

// jsonOne is /json/1/<path> of versions 18 and 19: a list of records, read with a key.
func jsonOne(c *call) error {
	model := map[string]string{"contacts": "res.partner", "action-contacts": "res.partner"}[c.tail]
	if model == "" {
		model = c.tail
	}
	if !knownModel(model) {
		return notFound()
	}
	rows, err := c.execute(c.db, c.user, model, "search_read", nil, object{})
	if err != nil {
		return err
	}
	list, _ := rows.([]any)
	return c.sendJSON(http.StatusOK, object{"length": len(list), "records": list})
}
