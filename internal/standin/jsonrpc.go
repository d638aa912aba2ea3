package standin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// readCall reads a JSON-RPC body. Of two equal keys the last wins, escapes are honoured, a
// batch is refused, and nothing limits the size: as on the real server.
func (c *call) readCall() error {
	body, err := io.ReadAll(c)
	if err != nil {
		return badBody(err)
	}
	var request struct {
		ID     any    `json:"id"`
		Params object `json:"params"`
	}
	var envelope object
	if json.Unmarshal(body, &envelope) != nil {
		return newHTTPError(http.StatusBadRequest, "Invalid JSON data")
	}
	request.ID = envelope["id"]
	if params, ok := envelope["params"].(object); ok {
		request.Params = params
	}
	c.rpcID, c.params = request.ID, request.Params
	if c.params == nil {
		c.params = object{}
	}
	return nil
}

func (c *call) param(name string) string {
	s, _ := c.params[name].(string)
	return s
}

func (c *call) result(value any) error {
	return c.sendJSON(http.StatusOK, object{"jsonrpc": "2.0", "id": c.rpcID, "result": value})
}

func (c *call) sendJSON(status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.send(status, jsonType, body)
}

// failJSON answers an error with status 200, and without saving the session.
func (c *call) failJSON(err error) error {
	c.noSession = true
	code, message := 200, "Odoo Server Error"
	if c.srv.major >= 19 {
		code = 0
	}
	var web *httpError
	switch {
	case errors.Is(err, errSessionExpired):
		code, message = 100, "Odoo Session Expired"
	case errors.As(err, &web) && web.status == http.StatusNotFound:
		code, message = http.StatusNotFound, "404: Not Found"
	}
	return c.sendJSON(http.StatusOK, object{
		"jsonrpc": "2.0", "id": c.rpcID,
		"error": object{"code": code, "message": message, "data": errorData(err)},
	})
}

func errorData(err error) object {
	name := kindOf(err)
	var web *httpError
	if errors.As(err, &web) {
		name = "werkzeug.exceptions.HTTPException"
	}
	return object{
		"name": name, "message": err.Error(), "arguments": []any{err.Error()}, "context": object{},
		"debug": "Traceback (most recent call last):\n  File \"/opt/odoo/odoo/http.py\", line 1\n" + name + ": " + err.Error() + "\n",
	}
}
