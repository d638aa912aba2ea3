package standin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

func rpcRoutes(major int) []*route {
	list := []*route{
		{path: "/xmlrpc/", methods: "POST", stateless: true, handle: xmlrpcOne},
		{path: "/xmlrpc/2/", methods: "POST", stateless: true, handle: xmlrpcTwo},
		{path: "/jsonrpc", kind: jsonRoute, stateless: true, handle: jsonRPC},
		{path: "/web/dataset/call_kw", kind: jsonRoute, auth: authUser, handle: callKw},
		{path: "/web/dataset/call_kw/", kind: jsonRoute, auth: authUser, handle: callKw},
		{path: "/web/dataset/call_button", kind: jsonRoute, auth: authUser, handle: callKw},
		{path: "/web/dataset/call_button/", kind: jsonRoute, auth: authUser, handle: callKw},
	}
	if major >= 18 {
		list = append(list, &route{path: "/json/1/", auth: authBearer, methods: "GET, HEAD", stateless: true, handle: jsonOne})
	}
	if major >= 19 {
		list = append(list, &route{path: "/json/2/", auth: authBearer, methods: "POST", stateless: true, handle: jsonTwo})
	}
	return list
}

func xmlrpcTwo(c *call) error {
	value, err := c.xmlCall()
	if err == nil {
		return c.send(http.StatusOK, "text/xml; charset=utf-8", xmlResult(value))
	}
	if errors.Is(err, errKilled) {
		return err
	}
	text := err.Error()
	code, ok := map[string]int{accessDenied: 3, accessError: 4, userError: 2, validationError: 2, missingError: 2}[kindOf(err)]
	if !ok {
		code, text = 1, errorData(err)["debug"].(string)
	}
	return c.send(http.StatusOK, "text/xml; charset=utf-8", xmlFault(code, text))
}

// xmlrpcOne is the old protocol: its fault codes are strings.
func xmlrpcOne(c *call) error {
	value, err := c.xmlCall()
	if err == nil {
		return c.send(http.StatusOK, "text/xml; charset=utf-8", xmlResult(value))
	}
	if errors.Is(err, errKilled) {
		return err
	}
	code, text := err.Error(), errorData(err)["debug"].(string)
	switch kindOf(err) {
	case accessDenied:
		code, text = "AccessDenied", err.Error()
	case accessError:
		code, text = "warning -- AccessError\n\n"+err.Error(), ""
	case userError, validationError, missingError:
		code, text = "warning -- UserError\n\n"+err.Error(), ""
	}
	return c.send(http.StatusOK, "text/xml; charset=utf-8", xmlFault(code, text))
}

func (c *call) xmlCall() (any, error) {
	body, err := io.ReadAll(c)
	if err != nil {
		return nil, badBody(err)
	}
	parsed, err := parseXMLCall(body)
	if err != nil {
		return nil, err
	}
	return c.callService(c.tail, parsed.method, parsed.params)
}

func jsonRPC(c *call) error {
	args, _ := c.params["args"].([]any)
	value, err := c.callService(c.param("service"), c.param("method"), args)
	if err != nil {
		return err
	}
	return c.result(value)
}

// callService is Odoo's dispatch_rpc. The database is the one that the body names: neither
// the database filter nor the host has a say.
func (c *call) callService(service, method string, args []any) (any, error) {
	switch service {
	case "common":
		return c.commonService(method, args)
	case "object":
		return c.objectService(method, args)
	case "db":
		return c.dbService(method, args)
	}
	return nil, &odooError{serverError, fmt.Sprintf("KeyError: %q", service)}
}

func (c *call) commonService(method string, args []any) (any, error) {
	switch method {
	case "version":
		v := c.srv.version()
		return object{
			"server_version": v["version"], "server_version_info": v["version_info"],
			"server_serie": c.srv.cfg.Version, "protocol_version": 1,
		}, nil
	case "about":
		return "See http://openerp.com", nil
	case "login", "authenticate":
		if len(args) < 3 {
			return nil, &odooError{serverError, fmt.Sprintf("TypeError: %s() missing required positional arguments", method)}
		}
		return c.rpcLogin(asText(args[0]), asText(args[1]), asText(args[2]))
	}
	return nil, &odooError{serverError, fmt.Sprintf("Method not found: %s", method)}
}

// rpcLogin answers false for a wrong password, not a fault.
func (c *call) rpcLogin(database, login, password string) (any, error) {
	if err := c.usable(database); err != nil {
		return nil, err
	}
	user, err := c.checkPassword(database, login, password, true)
	if errors.Is(err, errAccessDenied) {
		return false, nil
	}
	if err != nil {
		return nil, err
	}
	return user.UID, c.rememberBase(database, user)
}

// usable reports why a database cannot be used, in PostgreSQL's words.
func (c *call) usable(database string) error {
	if c.srv.faults.down.Load() {
		return &odooError{operational, "connection to server failed: Connection refused"}
	}
	if !c.srv.databases.exists(database) {
		return &odooError{operational, fmt.Sprintf("FATAL:  database %q does not exist", database)}
	}
	return nil
}

func (c *call) objectService(method string, args []any) (any, error) {
	if method != "execute_kw" && method != "execute" {
		return nil, &odooError{serverError, fmt.Sprintf("NameError: Method not available %s", method)}
	}
	if len(args) < 5 {
		return nil, &odooError{serverError, fmt.Sprintf("TypeError: %s() missing required positional arguments", method)}
	}
	database, model, name := asText(args[0]), asText(args[3]), asText(args[4])
	if err := c.usable(database); err != nil {
		return nil, err
	}
	user, ok := c.srv.userByID(database, asInt(args[1]))
	secret := asText(args[2])
	if !ok || user.Password != secret && !slices.Contains(user.APIKeys, secret) {
		return nil, errAccessDenied
	}
	positional, named := args[5:], object{}
	if method == "execute_kw" {
		positional, named = splitArgs(args[5:])
	}
	return c.execute(database, user, model, name, positional, named)
}

func splitArgs(args []any) (positional []any, named object) {
	named = object{}
	if len(args) > 0 {
		positional, _ = args[0].([]any)
	}
	if len(args) > 1 {
		if given, ok := args[1].(object); ok {
			named = given
		}
	}
	return positional, named
}

// callKw takes model and method from the body; what the path says is decoration.
func callKw(c *call) error {
	args, _ := c.params["args"].([]any)
	named, _ := c.params["kwargs"].(object)
	value, err := c.execute(c.db, c.user, c.param("model"), c.param("method"), args, named)
	if err != nil {
		return err
	}
	return c.result(value)
}

func asText(v any) string {
	s, _ := v.(string)
	return s
}

func asInt(v any) int {
	switch n := v.(type) {
	case int:
		return n
	case float64:
		return int(n)
	}
	return 0
}
