package standin

import (
	"fmt"
	"sync"
	"testing"
)

func xmlBody(method string, params ...string) string {
	body := "<?xml version='1.0'?><methodCall><methodName>" + method + "</methodName><params>"
	for _, p := range params {
		body += "<param><value>" + p + "</value></param>"
	}
	return body + "</params></methodCall>"
}

func TestXMLRPC(t *testing.T) {
	s := start(t, Config{Workers: 1, Databases: []string{"a", "b"}, DBFilter: "^%d$"})
	b := newBrowser(t, s.HTTPAddr())
	object2 := func(secret, model, method, args string) string {
		return xmlBody("execute_kw", "<string>b</string>", "<int>2</int>", secret, model, method, "<array><data>"+args+"</data></array>")
	}
	tests := map[string]struct{ path, body, want string }{
		"version":                     {"/xmlrpc/2/common", xmlBody("version"), "<name>server_version</name>"},
		"login to another tenant":     {"/xmlrpc/2/common", xmlBody("login", "b", "admin", "admin"), "<int>2</int>"},
		"authenticate with a key":     {"/xmlrpc/2/common", xmlBody("authenticate", "b", "admin", DefaultAPIKey("b"), "<struct></struct>"), "<int>2</int>"},
		"wrong password is false":     {"/xmlrpc/2/common", xmlBody("login", "b", "admin", "no"), "<boolean>0</boolean>"},
		"unknown database":            {"/xmlrpc/2/common", xmlBody("login", "nope", "admin", "admin"), "does not exist"},
		"create by key":               {"/xmlrpc/2/object", object2(DefaultAPIKey("b"), "res.partner", "create", "<value><struct><member><name>name</name><value>N</value></member></struct></value>"), "<int>1</int>"},
		"wrong secret":                {"/xmlrpc/2/object", object2("no", "res.partner", "search", ""), "<name>faultCode</name>\n<value><int>3</int>"},
		"wrong secret, old protocol":  {"/xmlrpc/object", object2("no", "res.partner", "search", ""), "<value><string>AccessDenied</string>"},
		"validation error":            {"/xmlrpc/2/object", object2("admin", "res.partner", "create", "<value><struct></struct></value>"), "<value><int>2</int>"},
		"validation error, old":       {"/xmlrpc/object", object2("admin", "res.partner", "create", "<value><struct></struct></value>"), "warning -- UserError"},
		"crash":                       {"/xmlrpc/2/object", object2("admin", "standin", "fail", ""), "<value><int>1</int>"},
		"private method":              {"/xmlrpc/2/object", object2("admin", "res.partner", "_write", ""), "<value><int>4</int>"},
		"every database is listed":    {"/xmlrpc/2/db", xmlBody("list"), "<string>b</string>"},
		"wrong master password":       {"/xmlrpc/2/db", xmlBody("drop", "no", "b"), "<fault>"},
		"no XML":                      {"/xmlrpc/2/common", "\x1f\x8b gzip", "<fault>"},
		"latin-1 is read":             {"/xmlrpc/2/common", "<?xml version='1.0' encoding='iso-8859-1'?><methodCall><methodName>about</methodName></methodCall>", "openerp.com"},
		"the database service is old": {"/xmlrpc/db", xmlBody("server_version"), "18.0"},
	}
	s.databases.setMaster("master")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := b.do("POST", test.path, test.body, "Content-Type", "text/xml")
			want(t, "status", a.StatusCode, 200)
			want(t, "cookies", len(a.Header["Set-Cookie"]), 0)
			contains(t, "answer", a.text, test.want)
		})
	}
}

func TestJSONRPC(t *testing.T) {
	s := start(t, Config{Version: "18.0", Databases: []string{"a", "b"}, DBNames: []string{"a"}})
	b := newBrowser(t, s.HTTPAddr())
	common := `{"params":{"service":"common","method":"login","args":["b","admin","admin"]}}`
	tests := map[string]struct {
		body, contentType string
		status            int
		want              string
	}{
		"login":               {common, "application/json", 200, `"result":2`},
		"type in capitals":    {common, "Application/JSON; charset=utf-8", 200, `"result":2`},
		"type of JSON-RPC":    {common, "application/json-rpc", 200, `"result":2`},
		"type of text":        {common, "text/plain", 400, ""},
		"no JSON":             {"{", "application/json", 400, "Invalid JSON data"},
		"gzip":                {"\x1f\x8b", "application/json", 400, "Invalid JSON data"},
		"a batch":             {"[" + common + "]", "application/json", 400, ""},
		"the last key wins":   {`{"params":{"service":"db","service":"common","method":"version"}}`, "application/json", 200, "server_serie"},
		"escapes in keys":     {`{"params":{"\u0073ervice":"common","method":"version"}}`, "application/json", 200, "server_serie"},
		"-d limits listing":   {`{"params":{"service":"db","method":"list","args":[]}}`, "application/json", 200, `"result":["a"]`},
		"but not existence":   {`{"params":{"service":"db","method":"db_exist","args":["b"]}}`, "application/json", 200, `"result":true`},
		"unknown model":       {`{"params":{"service":"object","method":"execute_kw","args":["b",2,"admin","no","read",[]]}}`, "application/json", 200, `"code":200`},
		"execute":             {`{"params":{"service":"object","method":"execute","args":["b",2,"admin","standin","echo","hi"]}}`, "application/json", 200, `"result":"hi"`},
		"wrong secret":        {`{"params":{"service":"object","method":"execute_kw","args":["b",2,"no","res.partner","read",[]]}}`, "application/json", 200, "odoo.exceptions.AccessDenied"},
		"too few arguments":   {`{"params":{"service":"object","method":"execute_kw","args":["b"]}}`, "application/json", 200, `"code":200`},
		"id comes back as is": {`{"id":"x","params":{"service":"common","method":"about"}}`, "application/json", 200, `"id":"x"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := b.do("POST", "/jsonrpc", test.body, "Content-Type", test.contentType)
			want(t, "status", a.StatusCode, test.status)
			contains(t, "answer", a.text, test.want)
		})
	}
	t.Run("19 says 415 and code 0", func(t *testing.T) {
		b := newBrowser(t, start(t, Config{Version: "19.0"}).HTTPAddr())
		want(t, "status", b.do("POST", "/jsonrpc", common, "Content-Type", "text/plain").StatusCode, 415)
		contains(t, "answer", b.call("/jsonrpc", object{"service": "none"}).text, `"code":0`)
	})
}

func TestCallKwBelievesTheBody(t *testing.T) {
	s := start(t, Config{})
	b := newBrowser(t, s.HTTPAddr())
	b.login("demo", "demo")
	run := func(model, method string, args ...any) answer {
		return b.call("/web/dataset/call_kw/what/ever", object{"model": model, "method": method, "args": args, "kwargs": object{}})
	}
	contains(t, "create", run("res.partner", "create", object{"name": "One", "marker": "m1"}).text, `"result":1`)
	contains(t, "create two", run("res.partner", "create", []any{object{"name": "Two"}, object{"name": "Three"}}).text, `"result":[2,3]`)
	contains(t, "write", run("res.partner", "write", []any{1}, object{"name": "Uno"}).text, `"result":true`)
	contains(t, "read", run("res.partner", "read", []any{1}, []any{"name"}).text, `"result":[{"id":1,"name":"Uno"}]`)
	contains(t, "search_read", run("res.partner", "search_read", []any{[]any{"name", "ilike", "T"}}, []any{"name"}).text, `"Three"`)
	contains(t, "search", run("res.partner", "search", []any{}, 1, 1).text, `"result":[2]`)
	contains(t, "unlink", run("res.partner", "unlink", []any{2}).text, `"result":true`)
	contains(t, "count", run("res.partner", "search_count", []any{}).text, `"result":2`)
	contains(t, "missing", run("res.partner", "read", []any{9}).text, "MissingError")
	contains(t, "validation", run("res.partner", "create", object{}).text, "odoo.exceptions.ValidationError")
	contains(t, "access", run("res.users", "create", object{}).text, "odoo.exceptions.AccessError")
	contains(t, "no method", run("res.partner", "nope").text, "builtins.AttributeError")
	contains(t, "warning", run("standin", "warn").text, "odoo.exceptions.UserError")
	counts := s.Counters().Databases["odoo"]
	want(t, "creates", counts.Methods["res.partner.create"], 3)
	want(t, "executions of the marker", counts.Markers["m1"], 1)
}

func TestSharedDatabaseLosesNoWrite(t *testing.T) {
	dir := t.TempDir()
	servers := []*Server{
		start(t, Config{Name: "one", Workers: 2, DatabaseDir: dir}), start(t, Config{Name: "two", DatabaseDir: dir}),
	}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			b := newBrowser(t, servers[i%2].HTTPAddr())
			vals := object{"name": "x", "marker": fmt.Sprint(i)}
			a := b.call("/jsonrpc", object{
				"service": "object", "method": "execute_kw", "args": []any{"odoo", 2, "admin", "res.partner", "create", []any{vals}},
			})
			if a.json(t)["result"] == nil {
				t.Error(a.text)
			}
		})
	}
	group.Wait()
	for _, s := range servers {
		counts := s.Counters().Databases["odoo"]
		want(t, "records", counts.Records["res.partner"], 40)
		want(t, "markers", len(counts.Markers), 40)
		for marker, n := range counts.Markers {
			want(t, "executions of "+marker, n, 1)
		}
	}
	again := start(t, Config{DatabaseDir: dir})
	newBrowser(t, again.HTTPAddr()).call("/jsonrpc", object{
		"service": "object", "method": "execute_kw", "args": []any{"odoo", 2, "admin", "res.partner", "search", []any{[]any{}}},
	})
	want(t, "records after a restart", again.Counters().Databases["odoo"].Records["res.partner"], 40)
}

func TestJSONTwo(t *testing.T) {
	s := start(t, Config{Version: "19.0", Databases: []string{"a", "b"}})
	b := newBrowser(t, s.HTTPAddr())
	key := "bearer " + DefaultAPIKey("a")
	tests := []struct {
		name, path, body, key string
		status                int
		want                  string
	}{
		{"create", "/json/2/res.partner/create", `{"vals_list":[{"name":"x"}]}`, key, 200, "[1]"},
		{"read", "/json/2/res.partner/read", `{"ids":[1],"fields":["name"]}`, key, 200, `[{"id":1,"name":"x"}]`},
		{"no key", "/json/2/res.partner/read", `{}`, "", 401, "werkzeug.exceptions.Unauthorized"},
		{"key of another database", "/json/2/res.partner/read", `{}`, "Bearer " + DefaultAPIKey("b"), 401, "Invalid apikey"},
		{"unknown model", "/json/2/nope/read", `{}`, key, 404, "doesn't exist"},
		{"unknown method", "/json/2/res.partner/nope", `{}`, key, 404, "does not exist"},
		{"private method", "/json/2/res.partner/_x", `{}`, key, 403, "Private methods"},
		{"validation error", "/json/2/res.partner/create", `{"vals_list":[{}]}`, key, 422, "ValidationError"},
		{"missing argument", "/json/2/res.partner/create", `{}`, key, 422, "TypeError"},
		{"crash", "/json/2/standin/fail", `{}`, key, 500, "deliberate"},
		{"no JSON", "/json/2/standin/echo", `{`, key, 400, "could not parse"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := b.do("POST", test.path, test.body, "Authorization", test.key, "X-Odoo-Database", "a", "Content-Type", "application/json")
			want(t, "status", a.StatusCode, test.status)
			contains(t, "answer", a.text, test.want)
			want(t, "cookies", len(a.Header["Set-Cookie"]), 0)
		})
	}
	list := b.get("/json/1/contacts", "Authorization", key, "X-Odoo-Database", "a")
	want(t, "records by /json/1", list.json(t)["length"], any(1.0))
	old := newBrowser(t, start(t, Config{Version: "18.0", Databases: []string{"a"}}).HTTPAddr())
	want(t, "/json/2 before 19", old.do("POST", "/json/2/res.partner/read", "{}", "Authorization", key).StatusCode, 404)
	want(t, "/json/1 without a key", old.get("/json/1/contacts").StatusCode, 401)
}

func TestDatabaseManager(t *testing.T) {
	s := start(t, Config{Databases: []string{"a", "b"}})
	b := newBrowser(t, s.HTTPAddr())
	contains(t, "page", b.get("/web/database/manager").text, "db=b")
	contains(t, "list", b.call("/web/database/list", object{}).text, `"result":["a","b"]`)
	drop := func(password, name string) answer {
		return b.form("/web/database/drop", map[string][]string{"master_pwd": {password}, "name": {name}})
	}
	want(t, "the first caller sets the password", drop("mine", "b").StatusCode, 303)
	contains(t, "the second must know it", drop("admin", "a").text, "Access Denied")
	contains(t, "databases left", b.call("/web/database/list", object{}).text, `"result":["a"]`)
	dump := b.form("/web/database/backup", map[string][]string{"master_pwd": {"mine"}, "name": {"a"}, "size": {"100000"}})
	want(t, "backup", dump.text == string(pattern(100000)), true)
	want(t, "GET of an action", b.get("/web/database/drop").StatusCode, 405)

	closed := newBrowser(t, start(t, Config{NoDatabaseList: true}).HTTPAddr())
	page := closed.get("/web/database/manager")
	want(t, "page when listing is off", page.StatusCode, 200)
	contains(t, "page", page.text, "disabled by the administrator")
	want(t, "action", closed.form("/web/database/drop", nil).StatusCode, 403)
	contains(t, "list", closed.call("/web/database/list", object{}).text, "AccessDenied")
}
