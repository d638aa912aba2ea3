package odoohygiene

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const sid = "0123456789abcdef0123456789abcdef01234567"

func testConfig() *Config {
	return &Config{
		Hosts: []string{"acme.test", "*.shop.test"}, Database: "acme.v1", Version: "18.0",
		TrustedProxies: []string{"10.0.0.0/8", "fd00::/8"}, TagClass: true,
	}
}

// request is one row: what goes in, and what must come out. An empty want means that the
// request passes.
type request struct {
	target  string   // "GET /web"; GET / when empty
	host    string   // acme.test when empty
	headers []string // raw lines
	remote  string
	tls     bool
	status  int               // 200 when zero
	want    map[string]string // headers that reach Odoo; "" for one that must not
	url     string            // what Odoo is asked for, when it changes
}

func requests() map[string]request {
	spoof := func(names ...string) request {
		r := request{want: map[string]string{}}
		for _, n := range names {
			r.headers = append(r.headers, n+": evil")
			r.want[http.CanonicalHeaderKey(n)] = ""
		}
		return r
	}
	set := map[string]string{
		"X-Forwarded-Host": "acme.test", "X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.1",
		"X-Odoo-Dbfilter": `^acme\.v1\Z`, "X-Sluice-Class": "web",
	}
	rows := map[string]request{
		"a plain request":                  {want: set},
		"T07 a dot at the end":             {host: "acme.test.", want: set},
		"T08 upper case and a port":        {host: "ACME.Test:8443", want: set},
		"T08 a bad port":                   {host: "acme.test:99999", status: 400},
		"T02 two hosts in one":             {host: "acme.test,beta.test", status: 400},
		"T06 no host":                      {host: " ", status: 400},
		"T06 an address":                   {host: "127.0.0.1", status: 421},
		"T06 an IPv6 address":              {host: "[::1]", status: 421},
		"another host":                     {host: "beta.test", status: 421},
		"a wildcard host":                  {host: "De.Shop.test", want: map[string]string{"X-Forwarded-Host": "de.shop.test"}},
		"T09 an empty label":               {host: ".shop.test", status: 400},
		"T10 two labels":                   {host: "a.b.shop.test", status: 421},
		"T11 an underscore":                {host: "a_b.shop.test", status: 421},
		"the wildcard's own domain":        {host: "shop.test", status: 421},
		"behind TLS":                       {tls: true, want: map[string]string{"X-Forwarded-Proto": "https"}},
		"an untrusted claim of https":      {headers: []string{"X-Forwarded-Proto: https"}, want: map[string]string{"X-Forwarded-Proto": "http"}},
		"a trusted claim of https":         {remote: "10.1.1.1:1", headers: []string{"X-Forwarded-Proto: https"}, want: map[string]string{"X-Forwarded-Proto": "https"}},
		"a socket's scheme":                {remote: "10.1.1.1:1", headers: []string{"X-Forwarded-Proto: wss"}, want: map[string]string{"X-Forwarded-Proto": "https"}},
		"an untrusted claim of an address": {headers: []string{"X-Forwarded-For: 8.8.8.8"}, want: map[string]string{"X-Forwarded-For": "192.0.2.1"}},
		"a trusted claim of an address":    {remote: "10.1.1.1:1", headers: []string{"X-Forwarded-For: 8.8.8.8"}, want: map[string]string{"X-Forwarded-For": "8.8.8.8"}},
		"a chain of proxies":               {remote: "10.1.1.1:1", headers: []string{"X-Forwarded-For: 6.6.6.6, 8.8.8.8", "X-Forwarded-For: 10.2.2.2"}, want: map[string]string{"X-Forwarded-For": "8.8.8.8"}},
		"an address with a port":           {remote: "10.1.1.1:1", headers: []string{"X-Forwarded-For: 8.8.8.8:443"}, want: map[string]string{"X-Forwarded-For": "8.8.8.8"}},
		"an address that is none":          {remote: "10.1.1.1:1", headers: []string{"X-Forwarded-For: 8.8.8.8, unknown"}, want: map[string]string{"X-Forwarded-For": "10.1.1.1"}},
		"an IPv6 peer":                     {remote: "[fd00::1]:1", headers: []string{"X-Forwarded-For: 2001:db8::7"}, want: map[string]string{"X-Forwarded-For": "2001:db8::7"}},
		"a peer mapped to IPv6":            {remote: "[::ffff:192.0.2.9]:1", want: map[string]string{"X-Forwarded-For": "192.0.2.9"}},
		"H01 dbfilter":                     {headers: []string{"X-Odoo-dbfilter: ^beta"}, want: set},
		"H01 dbfilter in upper case":       {headers: []string{"X-ODOO-DBFILTER: ^beta"}, want: set},
		"H03 an invalid filter":            {headers: []string{"X_odoo_dbfilter: ("}, status: 400},
		"H04 forwarded headers":            spoof("X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Real-Ip"),
		"H05 other fronts":                 spoof("Forwarded", "X-Host", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "True-Client-IP", "X-Azure-FDID", "X-ARR-SSL"),
		"H06 identities":                   spoof("X-Auth-User", "Remote-User", "Ssl-Client-Cert", "Ssl-Client-Verify", "X-MS-Client-Principal"),
		"Odoo's own":                       spoof("X-Odoo-Database", "X-Openerp-Session-Id", "Proxy"),
		"H07 connection tokens":            {headers: []string{"Connection: close, x-odoo-dbfilter, X-Forwarded-Host, x-real-ip, Host, Cookie"}, want: map[string]string{"Connection": "close", "X-Odoo-Dbfilter": `^acme\.v1\Z`}},
		"H07 nothing but names":            {headers: []string{"Connection: X-Odoo-Dbfilter"}, want: map[string]string{"Connection": ""}},
		"a socket's upgrade":               {target: "GET /websocket", headers: []string{"Connection: keep-alive, Upgrade", "Upgrade: websocket"}, want: map[string]string{"Connection": "keep-alive, Upgrade", "Upgrade": "websocket", "X-Sluice-Class": "realtime"}},
		"S07 trailers":                     {headers: []string{"Trailer: X-Odoo-Dbfilter"}, want: map[string]string{"Trailer": "", "X-Odoo-Dbfilter": `^acme\.v1\Z`}},
		"our own class":                    {headers: []string{"X-Sluice-Class: manager"}, want: set},
		"two content types":                {headers: []string{"Content-Type: text/xml", "Content-Type: text/plain"}, status: 400},
		"headers that pass":                {headers: []string{"Authorization: Bearer x", "Origin: https://acme.test", "X-Request-Id: 7"}, want: map[string]string{"Authorization": "Bearer x", "Origin": "https://acme.test", "X-Request-Id": "7"}},
		"C01 two session ids":              {headers: []string{"Cookie: a=b; session_id=" + sid + "; session_id=" + strings.Repeat("f", 40)}, want: map[string]string{"Cookie": "a=b; session_id=" + sid}},
		"a malformed session id":           {headers: []string{"Cookie: session_id=../x"}, want: map[string]string{"Cookie": ""}},
		"a quoted session id":              {headers: []string{`Cookie: session_id="` + sid + `"`}, want: map[string]string{"Cookie": "session_id=" + sid}},
		"two cookie lines":                 {headers: []string{"Cookie: a=b", "Cookie: c=d"}, want: map[string]string{"Cookie": "a=b; c=d"}},
		"T20 a database in the query":      {target: "GET /web?db=beta&debug=1", url: "/web?debug=1"},
		"T19 a session in the query":       {target: "GET /web?%73ession_id=x", url: "/web"},
		"a long query":                     {target: "GET /web?domain=%5B%5B%22a%22%5D%5D&x=1", url: "/web?domain=%5B%5B%22a%22%5D%5D&x=1"},
		"P01 a dot segment":                {target: "GET /web/x/../database", status: 400},
		"P01 an encoded letter":            {target: "GET /web/%64atabase/manager", status: 403},
		"P02 an encoded slash":             {target: "GET /web%2fdatabase/manager", status: 403},
		"P03 encoded twice":                {target: "GET /web%252fdatabase", status: 400},
		"P04 a backslash":                  {target: `GET /web\database`, status: 400},
		"P04 an encoded backslash":         {target: "GET /web%5cdatabase", status: 400},
		"P04 NUL":                          {target: "GET /web%00", status: 400},
		"P05 other case":                   {target: "GET /WEB/database", want: map[string]string{"X-Sluice-Class": "web"}},
		"P06 a fragment":                   {target: "GET /web/login#x", status: 400},
		"P08 the manager":                  {target: "GET /web/database/manager", status: 403},
		"P08 with two slashes":             {target: "GET //web/database/manager", status: 403},
		"P08 the db service":               {target: "POST /xmlrpc/2/db", status: 403},
		"P08 under a language":             {target: "POST /en/xmlrpc/2/db", status: 403},
		"P09 a file's name":                {target: "GET /web/content/1/50%25%20off%3F.pdf", url: "/web/content/1/50%25%20off%3F.pdf"},
		"P09 an image's name":              {target: "GET /web/image/..%2Fa", url: "/web/image/..%2Fa"},
		"P09 a slug":                       {target: "GET /@slug", url: "/@slug"},
		"T03 the host in the target":       {target: "GET http://acme.test/web", want: map[string]string{"X-Forwarded-Host": "acme.test"}},
		"T03 another in the target":        {target: "GET http://beta.test/web", status: 421},
		"T04 user information":             {target: "GET http://acme.test@beta.test/", status: 400},
		"RPC":                              {target: "POST /xmlrpc/2/object", want: map[string]string{"X-Sluice-Class": "rpc"}},
		"a report":                         {target: "GET /report/pdf/x/1", want: map[string]string{"X-Sluice-Class": "report"}},
		"the portal":                       {target: "GET /fr/my/orders", want: map[string]string{"X-Sluice-Class": "portal"}},
		"files":                            {target: "GET /web/static/x.js", want: map[string]string{"X-Sluice-Class": "static"}},
	}
	// H02: each sign that HTTP allows in a name, in each place.
	for _, sign := range "!#$%&'*+.^_`|~" {
		for _, name := range []string{"X?Odoo?dbfilter", "X-Odoo?dbfilter", "x?forwarded-host", "Content?Length", "?X"} {
			name = strings.ReplaceAll(name, "?", string(sign))
			rows["H02 "+name] = request{headers: []string{name + `: |^beta\Z`}, status: 400}
		}
	}
	return rows
}

func (c request) parse(t *testing.T) *http.Request {
	t.Helper()
	target, host := c.target, c.host
	if target == "" {
		target = "GET /"
	}
	if host == "" {
		host = "acme.test"
	}
	raw := target + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(c.headers, "\r\n")
	if len(c.headers) > 0 {
		raw += "\r\n"
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw + "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if r.RemoteAddr = c.remote; c.remote == "" {
		r.RemoteAddr = "192.0.2.1:5555"
	}
	if c.tls {
		r.TLS = &tls.ConnectionState{}
	}
	return r
}

// ask returns the status and all that the next handler saw.
func ask(t *testing.T, newHandler func(http.Handler, *Config) (http.Handler, error), config *Config, rows map[string]request) map[string]*seen {
	t.Helper()
	var current *seen
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		current.header, current.url, current.host, current.remote = r.Header.Clone(), r.URL.RequestURI(), r.Host, r.RemoteAddr
		current.uri, current.trailers = r.RequestURI, len(r.Trailer)
	})
	h, err := newHandler(next, config)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*seen{}
	for name, row := range rows {
		current = &seen{}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, row.parse(t))
		current.status, current.body, current.answer = w.Code, w.Body.String(), w.Header()
		all[name] = current
	}
	return all
}

type seen struct {
	status         int
	body           string
	answer, header http.Header
	url, uri       string
	host, remote   string
	trailers       int
}

func (s *seen) String() string {
	lines := []string{fmt.Sprint(s.status, s.body, s.answer), s.url, s.uri, s.host, s.remote, fmt.Sprint(s.trailers)}
	for name, values := range s.header {
		lines = append(lines, fmt.Sprintf("%s: %q", name, values))
	}
	sort.Strings(lines[6:])
	return strings.Join(lines, "\n")
}

func native(next http.Handler, config *Config) (http.Handler, error) {
	return New(context.Background(), next, config, "hygiene")
}

func TestHygiene(t *testing.T) {
	rows := requests()
	for name, got := range ask(t, native, testConfig(), rows) {
		row := rows[name]
		want := row.status
		if want == 0 {
			want = http.StatusOK
		}
		if got.status != want {
			t.Errorf("%s: status %d, want %d", name, got.status, want)
			continue
		}
		for header, value := range row.want {
			if have := strings.Join(got.header[header], "|"); have != value {
				t.Errorf("%s: %s is %q, want %q", name, header, have, value)
			}
		}
		if row.url != "" && (got.url != row.url || got.uri != row.url) {
			t.Errorf("%s: Odoo is asked for %q (%q), want %q", name, got.url, got.uri, row.url)
		}
	}
}

// The same source, compiled and interpreted, must see every request alike.
func TestYaegiAgrees(t *testing.T) {
	newInterpreted := interpreted(t)
	rows := requests()
	if len(rows) < 50 {
		t.Fatalf("only %d requests", len(rows))
	}
	for name, config := range map[string]*Config{
		"strict": testConfig(),
		"plain":  {},
		"open":   {Manager: true, PublicPort: 8443, Version: "14.0", Database: "a|b"},
	} {
		compiled, read := ask(t, native, config, rows), ask(t, newInterpreted, config, rows)
		for row := range rows {
			if a, b := compiled[row].String(), read[row].String(); a != b {
				t.Errorf("%s, %s: compiled\n%s\ninterpreted\n%s", name, row, a, b)
			}
		}
	}
}

func TestConfigsThatCannotBeRead(t *testing.T) {
	newInterpreted := interpreted(t)
	for name, config := range map[string]*Config{
		"a proxy that is no network":   {TrustedProxies: []string{"10.0.0.1"}},
		"a host with a port":           {Hosts: []string{"acme.test:80"}},
		"a host that is not canonical": {Hosts: []string{"Acme.test"}},
		"a line feed in the database":  {Database: "a\nb"},
		"a port out of range":          {PublicPort: 70000},
	} {
		next := http.NotFoundHandler()
		_, err := native(next, config)
		_, read := newInterpreted(next, config)
		if err == nil || read == nil || err.Error() != read.Error() {
			t.Errorf("%s: compiled %v, interpreted %v", name, err, read)
		}
	}
	if _, err := New(context.Background(), nil, nil, "hygiene"); err == nil {
		t.Error("no configuration is taken")
	}
}

func TestPublicPort(t *testing.T) {
	for port, want := range map[int]string{0: "acme.test", 80: "acme.test", 443: "acme.test", 8443: "acme.test:8443"} {
		config := testConfig()
		config.PublicPort = port
		got := ask(t, native, config, map[string]request{"x": {host: "acme.test:1234"}})["x"]
		if have := got.header.Get("X-Forwarded-Host"); have != want || got.host != "acme.test" {
			t.Errorf("port %d: X-Forwarded-Host %q, Host %q", port, have, got.host)
		}
	}
}

// The manifest's sample must be a configuration that New takes.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile(".traefik.yml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Type     string
		Import   string
		TestData *Config `yaml:"testData"`
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Type != "middleware" || manifest.Import != "sluicegate.dev/sluice/plugins/odoohygiene" {
		t.Errorf("got %+v", manifest)
	}
	h, err := native(http.NotFoundHandler(), manifest.TestData)
	if err != nil || h.(*Hygiene).config.Database != "acme" || !h.(*Hygiene).config.TagClass {
		t.Errorf("got %+v, %v", manifest.TestData, err)
	}
}

func BenchmarkHygiene(b *testing.B) {
	h, err := native(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), testConfig())
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "http://acme.test/web", nil)
	r.RequestURI = "/web"
	header := r.Header.Clone()
	b.ReportAllocs()
	for b.Loop() {
		r.Header = header.Clone()
		h.ServeHTTP(nil, r)
	}
}
