package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// dynamic is an operator's ordinary Traefik configuration beside the tenants. The router
// "thief" claims a tenant's host, with the highest priority there is.
const dynamic = `
http:
  routers:
    plain: {rule: "Host(` + "`plain.test`" + `)", service: plain, middlewares: [stamp, mark]}
    thief: {rule: "Host(` + "`acme.test`" + `)", service: plain, priority: 9000000}
    broken: {rule: "Host(` + "`broken-router.test`" + `)", service: plain, middlewares: [broken]}
    mutual: {rule: "Host(` + "`mutual.test`" + `)", service: plain, entryPoints: [websecure], tls: {options: mutual}}
  services:
    plain: {loadBalancer: {servers: [{url: "http://%s"}]}}
  middlewares:
    stamp: {headers: {customResponseHeaders: {X-Stamped: "by traefik"}}}
    mark: {plugin: {mark: {text: "by yaegi"}}}
    broken: {plugin: {broken: {}}}
    panics: {plugin: {panics: {}}}
    strip: {stripPrefix: {prefixes: ["/a/long/prefix", "/x"]}}
    replace: {replacePathRegex: {regex: "^/r/(.*)", replacement: "/$1"}}
    deny: {ipAllowList: {sourceRange: ["192.0.2.0/24"]}}
    limited: {inFlightReq: {amount: 1000}}
tls:
  options:
    mutual: {clientAuth: {caFiles: ["traefik/ca.crt"], clientAuthType: RequireAndVerifyClientCert}}
`

// plugin is the source of a Traefik plugin whose ServeHTTP is body.
func plugin(name, body string) map[string]string {
	dir := "plugins-local/src/example.test/" + name + "/"
	return map[string]string{
		dir + "go.mod":       "module example.test/" + name + "\n\ngo 1.22\n",
		dir + ".traefik.yml": "displayName: " + name + "\ntype: middleware\nimport: example.test/" + name + "\nsummary: of a test\ntestData: {text: x}\n",
		dir + name + ".go": `package ` + name + `

import (
	"context"
	"net/http"
)

type Config struct{ Text string }

func CreateConfig() *Config { return &Config{} }

type plugin struct {
	next http.Handler
	text string
}

func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	return &plugin{next: next, text: config.Text}, nil
}

func (p *plugin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
` + body + `
	p.next.ServeHTTP(w, r)
}
`,
	}
}

// town is a gateway with ordinary routers, plugins and tenants of every kind.
type town struct {
	gateway   *harness.Gateway
	recorders map[string]*harness.Recorder
	client    *http.Client
}

func startTown(t *testing.T) *town {
	t.Helper()
	plain := harness.NewFast(t)
	tw := &town{recorders: map[string]*harness.Recorder{}}
	documents := map[string]string{}
	for name, middlewares := range map[string]string{
		"acme": "", "beta": "", "marked": "stamp@file, mark@file", "stripped": "strip@file, replace@file", "denied": "deny@file",
		"harmed": "broken@file", "panicking": "panics@file", "missing": "nosuch@file", "limited": "limited@file",
	} {
		recorder := harness.NewRecorder(t, name)
		tw.recorders[name] = recorder
		more := []string{}
		if middlewares != "" {
			more = append(more, "middlewares: ["+middlewares+"]")
		}
		documents[name+".yaml"] = harness.Both(name, name, recorder.Addr, []string{name + ".test"}, more...)
	}
	files := map[string]string{"traefik/dynamic.yaml": fmt.Sprintf(dynamic, plain.Addr)}
	for _, source := range []map[string]string{
		plugin("mark", `	w.Header().Set("X-Marked", p.text)`),
		plugin("broken", `	this is not Go`),
		plugin("panics", `	panic("a plugin's fault")`),
	} {
		for name, text := range source {
			files[name] = text
		}
	}
	tw.gateway = harness.NewGateway(t, harness.GatewayConfig{
		TLS: true, Files: files,
		Traefik: `    providers: {file: {directory: ./traefik, watch: true}}
    experimental:
      localPlugins:
        mark: {moduleName: example.test/mark}
        broken: {moduleName: example.test/broken}
        panics: {moduleName: example.test/panics}
`,
	}, documents)
	harness.NewAuthority(t).Write(t, tw.gateway.Path("traefik/ca.crt"))
	tw.gateway.Start(t)
	tw.client = harness.Client(tw.gateway.Web)
	return tw
}

// TestTraefikBesideTenants: everything that Traefik does stays, tenants are never taken
// over by it, and what fails of it harms only those who named it.
func TestTraefikBesideTenants(t *testing.T) {
	t.Parallel()
	tw := startTown(t)
	harness.Eventually(t, harness.Patience, "the ordinary router is there", func() error {
		if reply := harness.Get(t, tw.client, "http://plain.test/"); reply.Status != http.StatusOK {
			return fmt.Errorf("status %d", reply.Status)
		}
		return nil
	})
	t.Run("an ordinary router with a built-in middleware and a Yaegi plugin", func(t *testing.T) {
		reply := harness.Get(t, tw.client, "http://plain.test/")
		if reply.Header.Get("X-Stamped") != "by traefik" || reply.Header.Get("X-Marked") != "by yaegi" {
			t.Errorf("headers %v", reply.Header)
		}
	})
	t.Run("a tenant with both", func(t *testing.T) {
		reply := harness.Get(t, tw.client, "http://marked.test/web")
		if reply.Status != http.StatusOK || reply.Header.Get("X-Stamped") != "by traefik" || reply.Header.Get("X-Marked") != "by yaegi" {
			t.Errorf("%d, headers %v", reply.Status, reply.Header)
		}
		tw.only(t, "marked", "/web", `^marked\Z`)
	})
	t.Run("the middlewares of a tenant decide before its path", func(t *testing.T) {
		if reply := harness.Get(t, tw.client, "http://denied.test/web"); reply.Status != http.StatusForbidden {
			t.Errorf("status %d, want 403", reply.Status)
		}
	})
	t.Run("a tenant's host is never taken over by a router", func(t *testing.T) {
		if reply := harness.Get(t, tw.client, "http://acme.test/mine"); !strings.Contains(reply.Body, "served by acme") {
			t.Errorf("%d %.100s", reply.Status, reply.Body)
		}
	})
	t.Run("a failing plugin harms its own tenants only", tw.harm)
	t.Run("P07 a path is judged after the middlewares changed it", tw.changedPaths)
	t.Run("a websocket passes the middlewares", func(t *testing.T) {
		e := harness.Raw(t, tw.gateway.Web, handshake("limited.test", "/websocket", "Origin: http://limited.test"))
		if e.Status() != http.StatusSwitchingProtocols {
			t.Errorf("%v", e)
		}
	})
	t.Run("T16 a hello in pieces does not get around client certificates", tw.mutual)
	t.Run("HTTP/3 to a tenant", func(t *testing.T) {
		client := harness.HTTP3Client(t, tw.gateway.TLS, &tls.Config{ServerName: "beta.test", InsecureSkipVerify: true, NextProtos: []string{"h3"}})
		reply := harness.Get(t, client, "https://beta.test/over-h3")
		if reply.Status != http.StatusOK || reply.Proto != "HTTP/3.0" {
			t.Errorf("%d over %s", reply.Status, reply.Proto)
		}
		seen := tw.recorders["beta"].Matching("/over-h3")
		if len(seen) != 1 || strings.Join(seen[0].Get("X-Forwarded-Proto"), ",") != "https" {
			t.Errorf("the backend saw %v", seen)
		}
	})
}

// only: exactly this tenant's backend saw the target, with its own dbfilter.
func (tw *town) only(t *testing.T, name, target, filter string) {
	t.Helper()
	for other, recorder := range tw.recorders {
		for _, seen := range recorder.Matching(target + " HTTP") {
			if other != name {
				t.Errorf("the backend of %s saw %s", other, target)
			} else if got := seen.Get("X-Odoo-Dbfilter"); len(got) != 1 || got[0] != filter {
				t.Errorf("dbfilter %q, want %q", got, filter)
			}
		}
	}
}

func (tw *town) harm(t *testing.T) {
	for _, name := range []string{"harmed", "panicking", "missing"} {
		reply, err := harness.TryDo(tw.client, harness.NewRequest(t, http.MethodGet, "http://"+name+".test/harm", ""))
		if err == nil && reply.Status < 400 {
			t.Errorf("%s.test is served without its middleware: %d", name, reply.Status)
		}
		if seen := tw.recorders[name].Matching("/harm"); len(seen) > 0 {
			t.Errorf("the backend of %s was asked", name)
		}
	}
	for _, name := range []string{"acme", "beta", "marked", "limited"} {
		if reply := harness.Get(t, tw.client, "http://"+name+".test/well"); reply.Status != http.StatusOK {
			t.Errorf("%s.test: %d", name, reply.Status)
		}
	}
	if reply := harness.Get(t, tw.client, "http://plain.test/"); reply.Status != http.StatusOK {
		t.Errorf("plain.test: %d", reply.Status)
	}
}

func (tw *town) changedPaths(t *testing.T) {
	for _, target := range []string{
		"/x/web/database/manager", "/x//web/database/manager", "/x/web//database/manager", "/x/web/x/../database/manager", "/x/%77eb/database/manager",
		"/x/web%2fdatabase/manager", "/x%2fweb/database/manager", "/x/../web/database/manager", "/r/web/database/manager", "/r//web/database/manager",
		"/x/en/web/database/manager", "/x/xmlrpc/2/db", "/a/long/prefix/web/database/manager", "/a/long/prefix/en/xmlrpc/2/db", "/a/long/prefix//web/%64atabase/manager",
	} {
		e := harness.Raw(t, tw.gateway.Web, head("GET", target, "Host: stripped.test"))
		if e.Status() != 403 && e.Status() != 400 && e.Status() != 404 {
			t.Errorf("%s: %v", target, e)
		}
	}
	for _, seen := range tw.recorders["stripped"].Matching("database") {
		t.Errorf("the backend saw %s", seen.Target)
	}
	e := harness.Raw(t, tw.gateway.Web, head("GET", "/x/web/login?a=b", "Host: stripped.test"))
	if seen := tw.recorders["stripped"].Matching("GET /web/login?a=b "); e.Status() != 200 || len(seen) != 1 {
		t.Errorf("an honest path behind a prefix: %v, seen %d times", e, len(seen))
	}
}

// mutual: a host that asks for client certificates asks for them too when the server name
// comes in pieces, and when the request names another host than the handshake.
func (tw *town) mutual(t *testing.T) {
	for _, c := range []struct {
		name, sni, host string
		fragmented      bool
		want            bool
	}{
		{"another host of Traefik's", "plain.test", "beta.test", false, false},
		{"in one piece", "mutual.test", "mutual.test", false, false},
		{"in pieces", "mutual.test", "mutual.test", true, false},
		{"by way of a tenant", "beta.test", "mutual.test", false, false},
		{"by way of a tenant, in pieces", "beta.test", "mutual.test", true, false},
		{"a tenant in pieces", "beta.test", "beta.test", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", tw.gateway.TLS)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if c.fragmented {
				conn = &harness.Fragmented{Conn: conn}
			}
			secure := tls.Client(conn, &tls.Config{ServerName: c.sni, InsecureSkipVerify: true})
			_, _ = io.WriteString(secure, head("GET", "/mutual", "Host: "+c.host))
			if e := harness.ReadExchange(secure, http.MethodGet); (e.Status() == http.StatusOK) != c.want {
				t.Errorf("%v", e)
			}
		})
	}
}
