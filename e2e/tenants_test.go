package e2e

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"sluicegate.dev/sluice/e2e/harness"
)

// estate is a small estate of Odoo servers behind one gateway: two tenants on one shared
// server, and one tenant each on an Odoo 16, 17 and 19 of its own.
type estate struct {
	gateway *harness.Gateway
	odoos   map[string]*harness.StandIn // by tenant
	client  *http.Client
}

func startEstate(t *testing.T) *estate {
	t.Helper()
	shared := harness.StartStandIn(t, harness.StandInConfig{Name: "shared", Databases: "acme,beta", Workers: 4, Args: []string{"-header-filter", "-proxy-mode"}})
	e := &estate{odoos: map[string]*harness.StandIn{"acme": shared, "beta": shared}}
	documents := map[string]string{"shared.yaml": harness.Documents(
		pool("shared", "18.0", shared),
		harness.Tenant("acme", "acme", "shared", []string{"acme.test", "*.acme.test"}),
		harness.Tenant("beta", "beta", "shared", []string{"beta.test"}),
	)}
	for name, version := range map[string]string{"oldest": "16.0", "old": "17.0", "new": "19.0"} {
		odoo := harness.StartStandIn(t, harness.StandInConfig{Name: name, Version: version, Workers: 2, Args: []string{"-proxy-mode"}})
		e.odoos[name] = odoo
		documents[name+".yaml"] = harness.Documents(pool(name, version, odoo), harness.Tenant(name, name, name, []string{name + ".test"}))
	}
	e.gateway = harness.StartGateway(t, harness.GatewayConfig{}, documents)
	e.client = harness.Client(e.gateway.Web)
	return e
}

func pool(name, version string, odoo *harness.StandIn) string {
	return strings.Replace(harness.Pool(name, []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: odoo.Workers}}), `"18.0"`, `"`+version+`"`, 1)
}

// TestTenants: every tenant reaches its own Odoo and database, over every kind of call,
// and nobody reaches another's.
func TestTenants(t *testing.T) {
	t.Parallel()
	e := startEstate(t)
	for name := range e.odoos {
		t.Run(name+" reaches its own server and database", func(t *testing.T) { e.reaches(t, name) })
		t.Run(name+" logs in", func(t *testing.T) { e.logsIn(t, name) })
		t.Run(name+" calls over XML-RPC and JSON-RPC", func(t *testing.T) { e.calls(t, name) })
		t.Run(name+" talks over a websocket, on the realtime port", func(t *testing.T) { e.talks(t, name) })
	}
	t.Run("JSON-2 of Odoo 19", e.jsonTwo)
	t.Run("a session of one tenant is nobody at another", e.foreignSession)
	t.Run("hosts of nobody", e.strangers)
	t.Run("requests and tenants are counted", e.counted)
}

func (e *estate) reaches(t *testing.T, name string) {
	host := name + ".test"
	echo := harness.GetEcho(t, e.client, "http://"+host+"/standin/echo?x=1", "X-Forwarded-Host: evil.test", "X-Forwarded-For: 192.0.2.1", "X-Odoo-Dbfilter: .*", "X-Forwarded-Proto: https")
	if echo.Database != name || echo.Server != e.odoos[name].Name {
		t.Errorf("reached database %q of server %q", echo.Database, echo.Server)
	}
	for header, want := range map[string]string{
		"Host": host, "X-Forwarded-Host": host, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Odoo-Dbfilter": "^" + name + `\Z`,
	} {
		if got := echo.Header(header); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if got := echo.Header("X-Request-Id"); len(got) != 1 || len(got[0]) < 16 {
		t.Errorf("X-Request-Id: %q", got)
	}
	reply := harness.Get(t, e.client, "http://"+host+"/web/login")
	if reply.Status != http.StatusOK || !strings.Contains(reply.Body, "database "+name) {
		t.Errorf("the login page: %d %.200s", reply.Status, reply.Body)
	}
}

var csrfToken = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)

// login signs in and returns the session cookie.
func (e *estate) login(t *testing.T, host string) string {
	t.Helper()
	page := harness.Get(t, e.client, "http://"+host+"/web/login")
	before := sessionOf(page)
	token := csrfToken.FindStringSubmatch(page.Body)
	if before == "" || token == nil {
		t.Fatalf("no session or token on the login page: %d %v", page.Status, page.Header)
	}
	reply := harness.Post(t, e.client, "http://"+host+"/web/login", "application/x-www-form-urlencoded",
		"csrf_token="+token[1]+"&login=admin&password=admin&redirect=", "Cookie: session_id="+before)
	after := sessionOf(reply)
	if reply.Status != http.StatusSeeOther || after == "" || after == before {
		t.Fatalf("login: %d, session %q then %q; %.300s", reply.Status, before, after, reply.Body)
	}
	return after
}

func sessionOf(reply harness.Reply) string {
	for _, cookie := range (&http.Response{Header: reply.Header}).Cookies() {
		if cookie.Name == "session_id" {
			return cookie.Value
		}
	}
	return ""
}

func (e *estate) logsIn(t *testing.T, name string) {
	host := name + ".test"
	session := e.login(t, host)
	info := harness.Post(t, e.client, "http://"+host+"/web/session/get_session_info", "application/json", `{"jsonrpc":"2.0","params":{}}`, "Cookie: session_id="+session)
	if !strings.Contains(info.Body, `"db":"`+name+`"`) || !strings.Contains(info.Body, `"uid":2`) {
		t.Errorf("session info: %d %.300s", info.Status, info.Body)
	}
	anonymous := harness.Post(t, e.client, "http://"+host+"/web/session/get_session_info", "application/json", `{"jsonrpc":"2.0","params":{}}`)
	if !strings.Contains(anonymous.Body, "Session Expired") && !strings.Contains(anonymous.Body, `"uid":null`) && !strings.Contains(anonymous.Body, `"uid":false`) {
		t.Errorf("without a session: %.300s", anonymous.Body)
	}
}

func (e *estate) calls(t *testing.T, name string) {
	base := "http://" + name + ".test"
	authenticate := `<?xml version="1.0"?><methodCall><methodName>authenticate</methodName><params><param><value><string>%s</string></value></param>` +
		`<param><value><string>admin</string></value></param><param><value><string>admin</string></value></param><param><value><struct></struct></value></param></params></methodCall>`
	reply := harness.Post(t, e.client, base+"/xmlrpc/2/common", "text/xml", fmt.Sprintf(authenticate, name))
	if reply.Status != http.StatusOK || !strings.Contains(reply.Body, "<int>2</int>") {
		t.Errorf("XML-RPC authenticate: %d %.300s", reply.Status, reply.Body)
	}
	login := `{"jsonrpc":"2.0","method":"call","id":3,"params":{"service":"common","method":"login","args":["%s","admin","admin"]}}`
	reply = harness.Post(t, e.client, base+"/jsonrpc", "application/json", fmt.Sprintf(login, name))
	if reply.Status != http.StatusOK || !strings.Contains(reply.Body, `"result":2`) {
		t.Errorf("JSON-RPC login: %d %.300s", reply.Status, reply.Body)
	}
	other := map[bool]string{true: "beta", false: "acme"}[name == "acme"]
	for path, body := range map[string]string{"/xmlrpc/2/common": fmt.Sprintf(authenticate, other), "/jsonrpc": fmt.Sprintf(login, other)} {
		kind := map[bool]string{true: "application/json", false: "text/xml"}[path == "/jsonrpc"]
		reply := harness.Post(t, e.client, base+path, kind, body)
		if strings.Contains(reply.Body, "<int>2</int>") || strings.Contains(reply.Body, `"result":2`) {
			t.Errorf("%s signed in to %s through %s", path, other, name)
		}
	}
}

func (e *estate) talks(t *testing.T, name string) {
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	conn, answer, err := harness.WebSocket(ctx, e.gateway.Web, name+".test", harness.EchoSocket(e.odoos[name].Version), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if sessionOf(harness.Reply{Header: answer.Header}) == "" {
		t.Errorf("the 101 carries no session cookie: %v", answer.Header)
	}
	for _, text := range []string{"hello", strings.Repeat("long ", 20_000)} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(`{"event_name":"echo","data":"`+text+`"}`)); err != nil {
			t.Fatal(err)
		}
		conn.SetReadLimit(1 << 20)
		if _, got, err := conn.Read(ctx); err != nil || !strings.Contains(string(got), text) {
			t.Fatalf("echo of %d bytes: %v, got %d bytes %.100s", len(text), err, len(got), got)
		}
	}
	if conn.Close(websocket.StatusNormalClosure, "") != nil {
		t.Error("the websocket did not close cleanly")
	}
	// The realtime port would serve everything; only websockets may go there.
	for _, path := range []string{harness.EchoPath, harness.EchoPath + "/websocket"} {
		if echo := harness.GetEcho(t, e.client, "http://"+name+".test"+path); echo.Realtime {
			t.Errorf("%s went to the realtime port", path)
		}
	}
}

func (e *estate) jsonTwo(t *testing.T) {
	reply := harness.Post(t, e.client, "http://new.test/json/2/res.partner/search", "application/json", `{"domain":[]}`, "Authorization: bearer "+harness.APIKey("new"))
	if reply.Status != http.StatusOK {
		t.Errorf("with the key: %d %.300s", reply.Status, reply.Body)
	}
	reply = harness.Post(t, e.client, "http://new.test/json/2/res.partner/search", "application/json", `{"domain":[]}`, "Authorization: bearer wrong")
	if reply.Status != http.StatusUnauthorized {
		t.Errorf("with a wrong key: %d %.300s", reply.Status, reply.Body)
	}
	reply = harness.Post(t, e.client, "http://new.test/json/2/res.partner/search", "application/json", `{"domain":[]}`, "Authorization: bearer "+harness.APIKey("new"), "X-Odoo-Database: other")
	if reply.Status != http.StatusOK {
		t.Errorf("a client's X-Odoo-Database counts: %d %.300s", reply.Status, reply.Body)
	}
}

func (e *estate) foreignSession(t *testing.T) {
	session := e.login(t, "acme.test")
	reply := harness.Post(t, e.client, "http://beta.test/web/session/get_session_info", "application/json", `{"jsonrpc":"2.0","params":{}}`, "Cookie: session_id="+session)
	if strings.Contains(reply.Body, `"uid":2`) {
		t.Errorf("a session of acme is a user at beta: %.300s", reply.Body)
	}
	old := e.login(t, "old.test")
	for _, how := range []string{"?session_id=" + old, ""} {
		reply := harness.Post(t, e.client, "http://old.test/web/session/get_session_info"+how, "application/json", `{"jsonrpc":"2.0","params":{}}`, "X-Openerp-Session-Id: "+old)
		if strings.Contains(reply.Body, `"uid":2`) {
			t.Errorf("a session id outside the cookie signs in: %.300s", reply.Body)
		}
	}
}

func (e *estate) strangers(t *testing.T) {
	for _, c := range []struct {
		host string
		want int
	}{{"nobody.test", 404}, {"acme.test.nobody.test", 404}, {"127.0.0.1", 421}, {"[::1]", 421}, {"a.b.acme.test", 404}} {
		e2 := harness.Raw(t, e.gateway.Web, head("GET", "/web", "Host: "+c.host, "Accept: text/html"))
		if e2.Status() != c.want {
			t.Errorf("%s: %v, want %d", c.host, e2, c.want)
		}
		if body := e2.Body(); !strings.Contains(body, "<html") || strings.Contains(body, "acme") && !strings.Contains(c.host, "acme") {
			t.Errorf("%s: not a page of ours, or it names tenants: %.300s", c.host, body)
		}
	}
}

func (e *estate) counted(t *testing.T) {
	metrics := e.gateway.Metrics(t)
	for name := range e.odoos {
		if metrics.Sum("sluice_requests_total", `tenant="`+name+`"`) == 0 {
			t.Errorf("no requests counted for %s", name)
		}
	}
	if !metrics.Has("go_goroutines") || !metrics.Has("process_open_fds") {
		t.Error("the Go and process metrics are missing")
	}
}
