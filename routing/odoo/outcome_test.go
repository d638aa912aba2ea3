package odoo

import (
	"strings"
	"testing"
)

func rpcError(code, name string) string {
	return `{"jsonrpc": "2.0", "id": 7, "error": {"code": ` + code + `, "message": "Odoo Server Error", "data": {"name": "` + name + `", "debug": "Traceback ` + strings.Repeat("x", 6000)
}

func xmlFault(code string) string {
	return "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value>" + code + "</value>\n</member>\n<member>\n<name>faultString</name>\n<value><string>Access Denied</string></value>"
}

func TestReadOutcome(t *testing.T) {
	const js, xml, html = "application/json; charset=utf-8", "text/xml", "text/html; charset=utf-8"
	for name, c := range map[string]struct {
		class  Class
		status int
		kind   string
		head   string
		want   Outcome
	}{
		"a page":                             {Web, 200, html, "<html>", OK},
		"a result":                           {Web, 200, js, `{"jsonrpc":"2.0","id":1,"result":{"error":{"code":100}}}`, OK},
		"a result that speaks of errors":     {Web, 200, js, `{"jsonrpc":"2.0","id":1,"result":"\"error\": {\"code\": 100}"}`, OK},
		"session expired":                    {Web, 200, js, `{"jsonrpc": "2.0", "id": null, "error": {"code": 100, "message": "Odoo Session Expired", "data": {"name": "odoo.http.SessionExpiredException"}}}`, SessionExpired},
		"a user's error":                     {Web, 200, js, rpcError("200", "odoo.exceptions.UserError"), Invalid},
		"code 0 in 19":                       {Web, 200, js, rpcError("0", "odoo.exceptions.ValidationError"), Invalid},
		"redirect warning":                   {Web, 200, js, rpcError("200", "odoo.exceptions.RedirectWarning"), Invalid},
		"access error":                       {Web, 200, js, rpcError("200", "odoo.exceptions.AccessError"), Denied},
		"access denied":                      {RPC, 200, js, rpcError("200", "odoo.exceptions.AccessDenied"), BadCredentials},
		"a record that is gone":              {Web, 200, js, rpcError("200", "odoo.exceptions.MissingError"), NotFound},
		"a programming error":                {Web, 200, js, rpcError("200", "builtins.KeyError"), Fault},
		"code 404":                           {Web, 200, js, rpcError("404", "builtins.X"), NotFound},
		"data before code":                   {Web, 200, js, `{"error":{"data":{"x":[1,{"name":"y"}],"name":"odoo.exceptions.UserError"},"code":200}}`, Invalid},
		"cut before the name":                {Web, 200, js, `{"error":{"code":200,"mess`, Fault},
		"cut before the error":               {Web, 200, js, `{"jsonrpc":"2.0","id`, OK},
		"no JSON at all":                     {Web, 200, js, `[1,2`, OK},
		"JSON-2 unauthorised":                {RPC, 401, js, `{"name":"werkzeug.exceptions.Unauthorized"}`, BadCredentials},
		"JSON-2 user error":                  {RPC, 422, js, `{"name":"odoo.exceptions.UserError","message":"x"}`, Invalid},
		"JSON-2 access error":                {RPC, 403, js, `{"name":"odoo.exceptions.AccessError"}`, Denied},
		"JSON-2 unknown model":               {RPC, 404, js, `{"name":"werkzeug.exceptions.NotFound"}`, NotFound},
		"JSON-2 crash":                       {RPC, 500, js, `{"name":"builtins.ValueError"}`, ServerError},
		"JSON-2 result with a name":          {RPC, 200, js, `{"name":"odoo.exceptions.UserError"}`, OK},
		"XML result":                         {RPC, 200, xml, "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><string>&lt;fault> faultCode</string>", OK},
		"XML denied":                         {RPC, 200, xml, xmlFault("<int>3</int>"), BadCredentials},
		"XML access error":                   {RPC, 200, xml, xmlFault("<int>4</int>"), Denied},
		"XML warning":                        {RPC, 200, xml, xmlFault("<int>2</int>"), Invalid},
		"XML application error":              {RPC, 200, xml, xmlFault("<int>1</int>"), Fault},
		"XML v1 denied":                      {RPC, 200, xml, xmlFault("<string>AccessDenied</string>"), BadCredentials},
		"XML v1 warning":                     {RPC, 200, xml, xmlFault("<string>warning -- UserError\n\nx</string>"), Invalid},
		"XML v1 missing":                     {RPC, 200, xml, xmlFault("<string>warning -- MissingError\n\nx</string>"), NotFound},
		"XML v1 crash":                       {RPC, 200, xml, xmlFault("<string>Traceback <int>3</int></string>"), Fault},
		"XML fault that is cut":              {RPC, 200, xml, "<methodResponse>\n<fault>\n<val", Fault},
		"403 page":                           {Web, 403, html, "", Denied},
		"404 page":                           {Web, 404, html, "", NotFound},
		"400 page":                           {Web, 400, html, "", Invalid},
		"500 page":                           {Web, 500, html, "", ServerError},
		"502":                                {Web, 502, html, "", Unavailable},
		"503":                                {Web, 503, html, "", Unavailable},
		"a socket":                           {Realtime, 101, "", "", OK},
		"not modified":                       {Static, 304, "", "", OK},
		"a redirect":                         {Web, 303, html, "", OK},
		"a page that happens to be 200 JSON": {Web, 200, "application/manifest+json", `{"error":{}}`, OK},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ReadOutcome(c.class, c.status, c.kind, []byte(c.head)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestSignInOutcome(t *testing.T) {
	form, session := Call{Service: "form", Method: "login", Login: "a"}, Call{Service: "session", Method: "authenticate"}
	rpc := Call{Service: "common", Method: "authenticate", Login: "a"}
	const js, xml, html = "application/json", "text/xml", "text/html; charset=utf-8"
	for name, c := range map[string]struct {
		call   Call
		status int
		kind   string
		head   string
		want   Outcome
	}{
		"the form again":            {form, 200, html, "<html>", BadCredentials},
		"on to the application":     {form, 303, html, "", OK},
		"a form that carries none":  {Call{Service: "form", Method: "login"}, 200, html, "<html>", OK},
		"a session":                 {session, 200, js, `{"jsonrpc":"2.0","id":1,"result":{"uid":2}}`, OK},
		"a second factor is wanted": {session, 200, js, `{"jsonrpc":"2.0","id":1,"result":{"uid":null}}`, OK},
		"JSON-RPC, a uid":           {rpc, 200, js, `{"jsonrpc":"2.0","id":1,"result":2}`, OK},
		"JSON-RPC, false":           {rpc, 200, js, `{"jsonrpc": "2.0", "id": 1, "result": false}`, BadCredentials},
		"XML-RPC, a uid":            {rpc, 200, xml, "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><int>2</int></value>", OK},
		"XML-RPC, false":            {rpc, 200, xml, "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><boolean>0</boolean></value>", BadCredentials},
		"XML-RPC, cut":              {rpc, 200, xml, "<?xml version='1.0'?>\n<methodResp", OK},
	} {
		if got := SignInOutcome(c.call, c.status, c.kind, []byte(c.head)); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestRedirect(t *testing.T) {
	for _, c := range []struct {
		status   int
		location string
		want     bool
	}{
		{303, "/web/login?redirect=%2Fodoo%3F", true},
		{302, "/web/login", true},
		{303, "https://acme.test/web/login?x", true},
		{303, "/fr/web/login", true},
		{303, "/odoo", false},
		{200, "/web/login", false},
		{304, "/web/login", false},
		{303, "/x?redirect=/web/login", false},
		{303, "", false},
	} {
		if _, got := Redirect(c.status, c.location); got != c.want {
			t.Errorf("Redirect(%d, %q): %v, want %v", c.status, c.location, got, c.want)
		}
	}
}

func FuzzReadOutcome(f *testing.F) {
	f.Add(rpcError("100", "x"))
	f.Add(`{"a":[{}],"error":{"data":{"name":1}}}`)
	f.Fuzz(func(t *testing.T, head string) {
		for _, kind := range []string{"application/json", "text/xml"} {
			if ReadOutcome(RPC, 200, kind, []byte(head)) == "" {
				t.Fatal("no outcome")
			}
		}
	})
}
