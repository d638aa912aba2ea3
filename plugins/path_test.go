package plugins

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// seen is what the upstream step was handed.
type seen struct {
	x      routing.Exchange
	live   *routing.Exchange
	header http.Header
	uri    string
	body   string
}

// newPath returns a path over two tenants and a function that tells what reached the
// upstream step, nil when nothing did.
func newPath(t *testing.T, change func(*Deps)) (*Path, func() *seen) {
	t.Helper()
	profile, _ := odoo.ProfileFor("18.0")
	pool := &routing.Pool{Name: "p", Profile: profile, Sessions: routing.SessionsLocal}
	tenant := func(name string, hosts ...string) *routing.Tenant {
		release := &routing.Release{Name: "blue", Pool: pool, Database: name}
		return &routing.Tenant{Name: name, Hosts: hosts, Active: release, Releases: map[string]*routing.Release{"blue": release}}
	}
	acme, beta := tenant("acme", "acme.test", "www.acme.test", "*.shop.acme.test"), tenant("beta", "beta.test")
	beta.Manager = true
	table, conflicts := routing.NewTable([]*routing.Tenant{acme, beta})
	if len(conflicts) != 0 {
		t.Fatal(conflicts)
	}
	space, err := spool.New(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var got *seen
	deps := Deps{
		Table: func() *routing.Table { return table },
		Upstream: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			x := routing.FromContext(r.Context())
			got = &seen{*x, x, r.Header.Clone(), r.URL.RequestURI(), string(body)}
			w.WriteHeader(http.StatusNoContent)
		}),
		Space: space, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Records: records{},
	}
	if change != nil {
		change(&deps)
	}
	return New(deps), func() *seen { return got }
}

// do sends one request through the path. A request that is not admitted answers 404 from
// the page for unknown hosts.
func do(p *Path, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	if admitted, ok := p.Admit(w, r, "web"); ok {
		p.ServeHTTP(w, admitted)
	} else {
		p.Unknown().ServeHTTP(w, r)
	}
	return w
}

func request(method, host, target, body string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(body))
	r.Method, r.Host, r.RequestURI, r.RemoteAddr = method, host, target, "192.0.2.7:4711"
	if u, err := r.URL.Parse(target); err == nil {
		r.URL = u
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1])
	}
	return r
}

func TestWhatMayPass(t *testing.T) {
	for rule, c := range map[string]struct {
		request *http.Request
		status  int
	}{
		"a tenant's host passes":              {request("GET", "acme.test", "/web/login", ""), 204},
		"case, dot and port do not matter":    {request("GET", "ACME.Test.:8443", "/web", ""), 204},
		"one label under a wildcard passes":   {request("GET", "a.shop.acme.test", "/", ""), 204},
		"two labels under a wildcard do not":  {request("GET", "a.b.shop.acme.test", "/", ""), 404},
		"no label under a wildcard":           {request("GET", ".shop.acme.test", "/", ""), 400},
		"a port that is none":                 {request("GET", "acme.test:99999", "/", ""), 400},
		"an unknown host has no default":      {request("GET", "other.test", "/", ""), 404},
		"an address is no name":               {request("GET", "127.0.0.1:80", "/", ""), 421},
		"no host at all":                      {request("GET", "", "/", ""), 421},
		"TRACE is not for Odoo":               {request("TRACE", "acme.test", "/", ""), 405},
		"methods are case-sensitive":          {request("get", "acme.test", "/", ""), 405},
		"a method with a space":               {request("GET /x", "acme.test", "/", ""), 405},
		"the absolute form is refused":        {request("GET", "acme.test", "http://acme.test/p", ""), 400},
		"userinfo in the target":              {request("GET", "acme.test", "http://acme.test@beta.test/", ""), 400},
		"a fragment has no place in a target": {request("GET", "acme.test", "/web#x", ""), 400},
		"a second content type":               {request("POST", "acme.test", "/web/login", "", "Content-Type", "text/plain", "Content-Type", "application/x-www-form-urlencoded"), 400},
		"an asterisk is no path":              {request("OPTIONS", "acme.test", "*", ""), 400},
		"the database manager is closed":      {request("GET", "acme.test", "/web/database/manager", ""), 403},
		"also when written differently":       {request("GET", "acme.test", "//web/%64atabase/manager/", ""), 403},
		"also under a language":               {request("POST", "acme.test", "/en/xmlrpc/2/db", "", "Content-Type", "text/xml"), 403},
		"unless the tenant opens it":          {request("GET", "beta.test", "/web/database/manager", ""), 204},
		"an encoded slash hides a path":       {request("GET", "acme.test", "/web%2Fdatabase/manager", ""), 403},
		"an alias of a header":                {request("GET", "acme.test", "/", "", "X_Odoo_dbfilter", "^beta"), 400},
		"a percent sign in a file name":       {request("GET", "acme.test", "/web/content/1/50%25%20off%3F.pdf", ""), 204},
		"an RPC body without a readable name": {request("POST", "acme.test", "/jsonrpc", `[]`, "Content-Type", "application/json"), 400},
		"an RPC body that is compressed":      {request("POST", "acme.test", "/jsonrpc", `x`, "Content-Type", "application/json", "Content-Encoding", "gzip"), 415},
	} {
		t.Run(rule, func(t *testing.T) {
			p, reached := newPath(t, nil)
			got := do(p, c.request)
			if got.Code != c.status && !(c.status == 403 && got.Code == 400) {
				t.Errorf("got %d, want %d\n%s", got.Code, c.status, got.Body)
			}
			if passed := reached() != nil; passed != (c.status == 204) {
				t.Errorf("reached the upstream: %v", passed)
			}
		})
	}
}

// Over HTTP/3 the server puts the authority into the URL of every request.
func TestHTTP3TargetIsJudgedAsTheClientWroteIt(t *testing.T) {
	for target, status := range map[string]int{"/web": 204, "https://beta.test/web": 400, "/web/database/manager": 403} {
		p, _ := newPath(t, nil)
		r := request("GET", "acme.test", target, "")
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/3.0", 3, 0
		r.URL.Scheme, r.URL.Host = "https", "acme.test"
		if got := do(p, r); got.Code != status {
			t.Errorf("%s: got %d, want %d", target, got.Code, status)
		}
	}
}

func TestPlainHTTPOnATLSPortIsRefused(t *testing.T) {
	declared := func(d *Deps) { d.TLSEntryPoints = map[string]bool{"web": true} }
	p, reached := newPath(t, declared)
	if got := do(p, request("GET", "acme.test", "/web", "")); got.Code != 400 || reached() != nil {
		t.Errorf("plain: got %d", got.Code)
	}
	behind := request("GET", "acme.test", "/web", "", "X-Forwarded-Proto", "https")
	behind.RemoteAddr = "10.0.0.1:1"
	if got := do(p, behind); got.Code != 204 {
		t.Errorf("behind a trusted proxy that ended TLS: got %d", got.Code)
	}
}

// A middleware of Traefik's may change the path after the first look at it.
func TestPathIsJudgedAgainAfterMiddlewares(t *testing.T) {
	for changed, status := range map[string]int{
		"/web/login": 204, "/web/database/manager": 403, "/en/web/database/manager": 403, "//web/%64atabase/manager": 403, "/xmlrpc/2/db": 403, "/web%2fdatabase/manager": 400,
	} {
		p, reached := newPath(t, nil)
		w := httptest.NewRecorder()
		admitted, ok := p.Admit(w, request("GET", "acme.test", "/a/b/harmless", ""), "web")
		if !ok {
			t.Fatal("not admitted")
		}
		x := routing.FromContext(admitted.Context())
		with := *x.Tenant
		with.Middlewares, x.Tenant = []string{"strip@file"}, &with
		admitted.URL, _ = admitted.URL.Parse("http://acme.test" + changed)
		p.ServeHTTP(w, admitted)
		if w.Code != status && !(status == 403 && w.Code == 400) || (reached() != nil) != (status == 204) {
			t.Errorf("%s: got %d, reached the upstream %v", changed, w.Code, reached() != nil)
		}
	}
}

func TestForeignDatabaseIsRefusedBeforeOdoo(t *testing.T) {
	const xml = `<?xml version="1.0"?><methodCall><methodName>execute_kw</methodName><params><param><value><string>%s</string></value></param><param><value><int>2</int></value></param><param><value><string>pw</string></value></param><param><value><string>res.partner</string></value></param><param><value><string>read</string></value></param></params></methodCall>`
	const json = `{"jsonrpc":"2.0","method":"call","params":{"service":"object","method":"execute_kw","args":["%s",2,"pw","res.partner","read",[]]}}`
	for rule, c := range map[string]struct{ target, contentType, body string }{
		"XML-RPC":              {"/xmlrpc/2/object", "text/xml", xml},
		"XML-RPC version 1":    {"/xmlrpc/object", "text/xml", xml},
		"under a language":     {"/en/xmlrpc/2/object", "text/xml", xml},
		"JSON-RPC":             {"/jsonrpc", "application/json", json},
		"a padded body":        {"/jsonrpc", "application/json", strings.Repeat(" ", 2<<20) + json},
		"session authenticate": {"/web/session/authenticate", "application/json", `{"params":{"db":"%s","login":"a","password":"b"}}`},
		"the login form":       {"/web/login", "application/x-www-form-urlencoded", "login=a&password=b&db=%s"},
	} {
		t.Run(rule, func(t *testing.T) {
			for database, passes := range map[string]bool{"acme": true, "beta": false} {
				p, reached := newPath(t, nil)
				body := strings.Replace(c.body, "%s", database, 1)
				do(p, request("POST", "acme.test", c.target, body, "Content-Type", c.contentType))
				if got := reached() != nil; got != passes {
					t.Errorf("database %s: reached Odoo %v, want %v", database, got, passes)
				}
				if passes && reached() != nil && reached().body != body {
					t.Errorf("the body changed on its way")
				}
			}
		})
	}
}

func TestClientHeadersDoNotSurvive(t *testing.T) {
	p, reached := newPath(t, nil)
	do(p, request("GET", "acme.test", "/web?db=beta&session_id=x&debug=1", "",
		"X-Odoo-Dbfilter", "^beta", "X-Forwarded-Host", "beta.test", "Forwarded", "host=beta.test",
		"X-Openerp-Session-Id", "x", "X-Original-Url", "/web/database", "Accept", "text/html",
		"Cookie", "session_id=short; tz=UTC"))
	got := reached()
	for _, name := range []string{"X-Odoo-Dbfilter", "X-Forwarded-Host", "Forwarded", "X-Openerp-Session-Id", "X-Original-Url"} {
		if got.header.Get(name) != "" {
			t.Errorf("%s reached the upstream: %q", name, got.header.Get(name))
		}
	}
	if got.header.Get("Accept") != "text/html" || got.uri != "/web?debug=1" || got.header.Get("Cookie") != "tz=UTC" {
		t.Errorf("got %q, Cookie %q", got.uri, got.header.Get("Cookie"))
	}
}

func TestClientAddressIsDecidedOnce(t *testing.T) {
	for rule, c := range map[string]struct {
		peer, forwarded, want string
	}{
		"a stranger is the client, whatever it says":  {"192.0.2.7:1", "203.0.113.9", "192.0.2.7"},
		"a trusted proxy names the client":            {"10.0.0.1:1", "203.0.113.9", "203.0.113.9"},
		"trusted proxies in a row are skipped":        {"10.0.0.1:1", "203.0.113.9, 10.0.0.2", "203.0.113.9"},
		"what a client put in front does not count":   {"10.0.0.1:1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"},
		"an address with a port is read":              {"10.0.0.1:1", "203.0.113.9:5000", "203.0.113.9"},
		"a bracketed IPv6 address with a port":        {"10.0.0.1:1", "[2001:db8::1]:5000", "2001:db8::1"},
		"an entry that is no address ends the walk":   {"10.0.0.1:1", "203.0.113.9, unknown", "10.0.0.1"},
		"a trusted proxy that says nothing is itself": {"10.0.0.1:1", "", "10.0.0.1"},
		"IPv4 in IPv6 is IPv4":                        {"[::ffff:192.0.2.7]:1", "", "192.0.2.7"},
	} {
		t.Run(rule, func(t *testing.T) {
			p, reached := newPath(t, nil)
			r := request("GET", "acme.test", "/", "")
			r.RemoteAddr = c.peer
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			do(p, r)
			if got := reached().x.Client.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestSchemeAndPublicHost(t *testing.T) {
	p, reached := newPath(t, func(d *Deps) { d.PublicPorts = map[string]int{"web": 8443} })
	r := request("GET", "acme.test:9999", "/websocket", "", "X-Forwarded-Proto", "wss")
	r.RemoteAddr = "10.1.1.1:1"
	do(p, r)
	if x := reached().x; x.Scheme != "https" || x.PublicHost != "acme.test:8443" {
		t.Errorf("got %s, %s", x.Scheme, x.PublicHost)
	}
}

func TestServerNameMustBeTheTenants(t *testing.T) {
	for rule, c := range map[string]struct {
		name   string
		status int
	}{
		"the same host":              {"acme.test", 204},
		"another host of the tenant": {"www.acme.test", 204},
		"upper case and a dot":       {"ACME.test.", 204},
		"another tenant":             {"beta.test", 421},
		"a name that is nobody's":    {"other.test", 421},
		"no server name at all":      {"", 421},
	} {
		t.Run(rule, func(t *testing.T) {
			p, _ := newPath(t, nil)
			r := request("GET", "acme.test", "/", "")
			r.TLS = &tls.ConnectionState{ServerName: c.name}
			if got := do(p, r).Code; got != c.status {
				t.Errorf("got %d, want %d", got, c.status)
			}
		})
	}
}

func TestPlainHTTPIsRedirectedForTenantsWithTLS(t *testing.T) {
	p, reached := newPath(t, func(d *Deps) {
		d.RedirectHTTPS, d.HTTPSPort = true, 8443
		table := d.Table()
		tenant, _ := table.Resolve("acme.test")
		secure := *tenant
		secure.TLS = true
		next, _ := routing.NewTable([]*routing.Tenant{&secure})
		d.Table = func() *routing.Table { return next }
	})
	got := do(p, request("POST", "ACME.test:80", "/web/login?a=b", ""))
	if got.Code != http.StatusPermanentRedirect || got.Header().Get("Location") != "https://acme.test:8443/web/login?a=b" {
		t.Errorf("got %d to %q", got.Code, got.Header().Get("Location"))
	}
	if reached() != nil {
		t.Error("reached Odoo")
	}
}

func TestChunkedRequestEndsItsConnection(t *testing.T) {
	p, _ := newPath(t, nil)
	r := request("POST", "acme.test", "/web/login", "a=b")
	r.TransferEncoding = []string{"chunked"}
	if got := do(p, r).Header().Get("Connection"); got != "close" {
		t.Errorf("got Connection %q, want close", got)
	}
}

func TestRequestIDIsKeptOnlyFromTrustedProxies(t *testing.T) {
	for peer, kept := range map[string]bool{"10.0.0.1:1": true, "192.0.2.1:1": false} {
		p, reached := newPath(t, nil)
		r := request("GET", "acme.test", "/", "", "X-Request-Id", "from-outside")
		r.RemoteAddr = peer
		got := do(p, r).Header().Get("X-Request-Id")
		if (got == "from-outside") != kept || got != reached().x.RequestID || got == "" {
			t.Errorf("peer %s: got %q", peer, got)
		}
	}
}
