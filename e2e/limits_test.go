package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// limitPolicy writes a LimitPolicy document.
func limitPolicy(name, spec string) string {
	return fmt.Sprintf("apiVersion: sluicegate.dev/v1alpha1\nkind: LimitPolicy\nmetadata: {name: %s}\nspec: {%s}\n", name, spec)
}

// limited is a tenant of a stand-in Odoo whose integrations are held to a policy.
func limited(t *testing.T, spec string, more ...string) (*harness.Gateway, *harness.StandIn) {
	t.Helper()
	odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme", Version: "19.0", Args: []string{"-cooldown-failures", "-1"}})
	rule := append([]string{"limits: [{classes: [rpc], policy: integrations}]"}, more...)
	gateway := harness.StartGateway(t, harness.GatewayConfig{
		Traefik: "    accessLog: {filePath: ./access.log, format: json, bufferingSize: 0}\n",
	}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.PoolOf("acme", `{version: "19.0", sessions: local}`, []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime}}),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test", "localhost"}, rule...),
		),
		"policy.yaml": limitPolicy("integrations", spec),
	})
	return gateway, odoo
}

// read is one JSON-RPC call with a key.
func read(t *testing.T, addr, key string) harness.Reply {
	t.Helper()
	return harness.Post(t, harness.Client(addr), "http://acme.test/jsonrpc", "application/json", fmt.Sprintf(
		`{"jsonrpc":"2.0","id":7,"method":"call","params":{"service":"object","method":"execute_kw","args":["acme",2,%q,"res.partner","search_read",[[]],{"limit":1}]}}`, key))
}

// passes counts how many of so many calls were served.
func passes(t *testing.T, addr, key string, calls int) int {
	t.Helper()
	served := 0
	for range calls {
		if read(t, addr, key).Status == http.StatusOK {
			served++
		}
	}
	return served
}

// TestEachProtocolSaysWhenToComeBack: a client is served its burst, and then told in its own
// words.
func TestEachProtocolSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	gateway, _ := limited(t, "rate: 2/m, burst: 3, by: address")
	client := harness.Client(gateway.Web)
	key := harness.APIKey("acme")
	if got := passes(t, gateway.Web, key, 5); got != 3 {
		t.Fatalf("%d calls of a burst of 3 were served", got)
	}
	xml := fmt.Sprintf(`<?xml version="1.0"?><methodCall><methodName>execute_kw</methodName><params><param><value>acme</value></param><param><value><int>2</int></value></param><param><value>%s</value></param><param><value>res.partner</value></param><param><value>search</value></param><param><value><array><data><value><array><data></data></array></value></data></array></value></param></params></methodCall>`, key)
	for name, c := range map[string]struct{ path, kind, body, wantKind string }{
		"JSON-RPC": {"/jsonrpc", "application/json", `{"jsonrpc":"2.0","id":7,"params":{"service":"common","method":"version","args":[]}}`, "application/json"},
		"XML-RPC":  {"/xmlrpc/2/object", "text/xml", xml, "text/xml; charset=utf-8"},
		"JSON-2":   {"/json/2/res.partner/search", "application/json", `{"domain":[],"limit":1}`, "application/json"},
	} {
		reply := harness.Post(t, client, "http://acme.test"+c.path, c.kind, c.body, "Authorization: bearer "+key)
		text := strings.ToLower(reply.Body)
		if reply.Status != http.StatusTooManyRequests || reply.Header.Get("Content-Type") != c.wantKind || !strings.Contains(text, "rate limit") || !strings.Contains(text, "retry in") {
			t.Errorf("%s: %d %q %s", name, reply.Status, reply.Header.Get("Content-Type"), reply.Body)
		}
		if after, err := strconv.Atoi(reply.Header.Get("Retry-After")); err != nil || after < 1 || after > 40 {
			t.Errorf("%s: Retry-After %q", name, reply.Header.Get("Retry-After"))
		}
		if limit, policy := reply.Header.Get("RateLimit"), reply.Header.Get("RateLimit-Policy"); !strings.HasPrefix(limit, `"integrations";r=0;t=`) || !strings.HasPrefix(policy, `"integrations";q=2;w=60`) {
			t.Errorf("%s: %s | %s", name, limit, policy)
		}
	}
	page := harness.Get(t, client, "http://acme.test/web/login")
	if page.Status != http.StatusOK {
		t.Errorf("a page is none of the rule's business: %d", page.Status)
	}
	harness.Eventually(t, harness.Patience, "the access log says who refused", func() error {
		text, err := os.ReadFile(gateway.Path("access.log"))
		if err != nil {
			return err
		}
		log := string(text)
		if strings.Contains(log, `"limit":"refused integrations"`) && strings.Contains(log, `"caller":"client:`) && !strings.Contains(log, key) {
			return nil
		}
		return fmt.Errorf("%.500s", log)
	})
	metrics := gateway.Metrics(t)
	if n := metrics.Sum("sluice_limit_denied_total", `tenant="acme"`, `policy="integrations"`); n < 3 {
		t.Errorf("%v refusals are counted", n)
	}
}

// seen is what a client's program saw.
type seen struct {
	Status     int    `json:"status"`
	Message    string `json:"message"`
	RetryAfter string `json:"retry_after"`
}

// TestRealClientsUnderALimit: what programs that integrators use make of it.
func TestRealClientsUnderALimit(t *testing.T) {
	t.Parallel()
	node := t.TempDir()
	if err := os.CopyFS(node, os.DirFS("testdata/clients")); err != nil {
		t.Fatal(err)
	}
	install := exec.Command(lookPath(t, "npm"), "install", "--no-audit", "--no-fund", "--no-package-lock") // with the environment's own registry
	install.Dir = node
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v %s", err, out)
	}
	key := harness.APIKey("acme")
	for name, c := range map[string]struct {
		program string
		args    []string
		speaks  bool // the program shows the words of an answer
		header  bool // and its headers
	}{
		"Python xmlrpc.client": {"python3", []string{"limited.py"}, false, true},
		"npm xmlrpc":           {"node", []string{"limited.js", "xmlrpc"}, true, true},
		"odoo-await":           {"node", []string{"limited.js", "odoo-await"}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			gateway, _ := limited(t, "rate: 2/m, burst: 4, by: client")
			url := "http://" + strings.Replace(gateway.Web, "127.0.0.1", "localhost", 1)
			out := harness.Run(t, time.Minute, harness.Command{Path: lookPath(t, c.program), Dir: node, Args: append(c.args, url, "acme", key)})
			var got seen
			if err := json.Unmarshal([]byte(strings.TrimSpace(out.Stdout)), &got); err != nil {
				t.Fatalf("%v: %s", err, out.All())
			}
			t.Logf("%+v", got)
			if c.speaks && (!strings.Contains(strings.ToLower(got.Message), "rate limit") || !strings.Contains(got.Message, "retry in")) {
				t.Errorf("its user reads %q", got.Message)
			}
			if c.header && got.RetryAfter == "" {
				t.Error("it does not see Retry-After")
			}
			if got.Status != http.StatusTooManyRequests && c.header {
				t.Errorf("status %d", got.Status)
			}
		})
	}
	t.Run("curl", func(t *testing.T) {
		gateway, _ := limited(t, "rate: 2/m, burst: 1, by: address")
		passes(t, gateway.Web, key, 2)
		out := harness.Run(t, time.Minute, harness.Command{Path: lookPath(t, "curl"), Dir: node, Args: []string{
			"-s", "-i", "--resolve", "acme.test:80:127.0.0.1", "--connect-to", "acme.test:80:" + gateway.Web,
			"-H", "Authorization: bearer " + key, "--json", `{"domain":[]}`, "http://acme.test/json/2/res.partner/search",
		}})
		for _, words := range []string{"429 Too Many Requests", "Retry-After: ", `"title":"Rate limit exceeded"`, "retry in"} {
			if !strings.Contains(out.Stdout, words) {
				t.Errorf("%q is not in %s", words, out.All())
			}
		}
	})
}

func lookPath(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is needed to see what its users see: %v", program, err)
	}
	return path
}

// TestLimitsChangeLive: a new rate holds at once, and what was spent stays spent.
func TestLimitsChangeLive(t *testing.T) {
	t.Parallel()
	gateway, _ := limited(t, "rate: 1/h, burst: 10")
	key := harness.APIKey("acme")
	if got := passes(t, gateway.Web, key, 12); got != 10 {
		t.Fatalf("%d of a burst of 10", got)
	}
	gateway.Write(t, "tenants/policy.yaml", limitPolicy("integrations", "rate: 1/h, burst: 20"))
	waitFor(t, gateway, `q=1;w=3600;`, "sluice-burst=20")
	if got := passes(t, gateway.Web, key, 20); got > 1 {
		t.Errorf("a change of the burst gave %d calls", got)
	}
	gateway.Write(t, "tenants/policy.yaml", limitPolicy("integrations", "rate: 10/s, burst: 20"))
	harness.Eventually(t, harness.Patience, "the new rate holds", func() error {
		if read(t, gateway.Web, key).Status == http.StatusOK {
			return nil
		}
		return fmt.Errorf("still refused")
	})
	gateway.Write(t, "tenants/policy.yaml", limitPolicy("integrations", "rate: nonsense"))
	harness.Eventually(t, harness.Patience, "the mistake is told", func() error {
		if out := gateway.CLI(t, "status"); !strings.Contains(out.Stdout, "LimitPolicy integrations: spec.rate") {
			return fmt.Errorf("%s", out.All())
		}
		return nil
	})
	if got := passes(t, gateway.Web, key, 100); got == 0 || got == 100 {
		t.Errorf("with a broken policy %d of 100 calls pass: want the last good one", got)
	}
}

// waitFor reads the policy field of refusals until all words are in it.
func waitFor(t *testing.T, gateway *harness.Gateway, words ...string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "the policy is in use", func() error {
		field := read(t, gateway.Web, harness.APIKey("acme")).Header.Get("RateLimit-Policy")
		for _, w := range words {
			if !strings.Contains(field, w) {
				return fmt.Errorf("%q", field)
			}
		}
		return nil
	})
}

// TestPasswordsAreNotGuessed: by default, without any policy, in each way to sign in.
func TestPasswordsAreNotGuessed(t *testing.T) {
	t.Parallel()
	gateway, odoo := limited(t, "rate: 1000/s, unverified: {rate: 1000/s, burst: 1000}")
	signIn(t, gateway.Web) // an employee at this address, before
	client := harness.Client(gateway.Web)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Jar = jar
	form := harness.Get(t, client, "http://acme.test/web/login")
	token := csrfToken.FindStringSubmatch(form.Body)
	if token == nil {
		t.Fatalf("no token: %.200s", form.Body)
	}
	for name, c := range map[string]struct {
		path, kind string
		body       func(guess int) string
		route      string
	}{
		"a JSON sign-in": {"/web/session/authenticate", "application/json", func(i int) string {
			return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"params":{"db":"acme","login":"victim1","password":"%d"}}`, i)
		}, "/web/session/authenticate"},
		"the form": {"/web/login", "application/x-www-form-urlencoded", func(i int) string {
			return fmt.Sprintf("csrf_token=%s&login=victim2&password=%d", token[1], i)
		}, ""},
		"XML-RPC": {"/xmlrpc/2/common", "text/xml", func(i int) string {
			return fmt.Sprintf("<?xml version='1.0'?><methodCall><methodName>authenticate</methodName><params><param><value>acme</value></param><param><value>victim3</value></param><param><value>%d</value></param><param><value><struct></struct></value></param></params></methodCall>", i)
		}, ""},
		"JSON-RPC": {"/jsonrpc", "application/json", func(i int) string {
			return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"params":{"service":"common","method":"login","args":["acme","victim4","%d"]}}`, i)
		}, ""},
		"calls": {"/jsonrpc", "application/json", func(i int) string {
			return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"params":{"service":"object","method":"execute_kw","args":["acme",6,"%d","res.partner","read",[[1]]]}}`, i)
		}, ""},
	} {
		served := 0
		for i := range 60 {
			reply := harness.Post(t, client, "http://acme.test"+c.path, c.kind, c.body(i))
			switch reply.Status {
			case http.StatusOK:
				served++
			case http.StatusTooManyRequests:
				if !strings.Contains(strings.ToLower(reply.Body), "rate limit") {
					t.Fatalf("%s: %s", name, reply.Body)
				}
			default:
				t.Fatalf("%s: %d %.300s", name, reply.Status, reply.Body)
			}
		}
		if served < 8 || served > 14 {
			t.Errorf("%s: Odoo saw %d of 60 guesses, want about ten", name, served)
		}
		if c.route != "" && odoo.Counters(t).Routes[c.route] > 14 {
			t.Errorf("%s: Odoo counts %d", name, odoo.Counters(t).Routes[c.route])
		}
	}
	signIn(t, gateway.Web) // nobody else is locked out
	if n := gateway.Metrics(t).Sum("sluice_limit_bad_credentials_total", `tenant="acme"`); n < 40 {
		t.Errorf("%v bad credentials are counted", n)
	}
}

// TestOperatorsStopAClient: top, block, reset, from the command line.
func TestOperatorsStopAClient(t *testing.T) {
	t.Parallel()
	gateway, _ := limited(t, "rate: 1/h, burst: 6")
	key := harness.APIKey("acme")
	passes(t, gateway.Web, key, 9)
	var top struct {
		Clients []struct {
			Client, Who, Key string
			Denied           int
			Calls            []struct {
				Name  string
				Count int
			}
		}
	}
	out := gateway.CLI(t, "limits", "top", "acme", "-o", "json")
	if err := json.Unmarshal([]byte(out.Stdout), &top); err != nil || len(top.Clients) == 0 || strings.Contains(out.Stdout, key) {
		t.Fatalf("%v: %s", err, out.All())
	}
	name := ""
	for _, c := range top.Clients {
		if strings.HasPrefix(c.Client, "client:") {
			name = c.Client
			if c.Who != "uid:2" || c.Denied != 3 || len(c.Calls) != 1 || c.Calls[0].Name != "res.partner.search_read" {
				t.Errorf("got %+v", c)
			}
		}
	}
	if out := gateway.CLI(t, "limits", "reset", "acme", name); out.Code != 2 {
		t.Errorf("a reset without a reason: %d %s", out.Code, out.All())
	}
	if out := gateway.CLI(t, "limits", "reset", "acme", name, "--reason", "a mistake of ours"); out.Code != 0 {
		t.Fatalf("reset: %s", out.All())
	}
	if got := passes(t, gateway.Web, key, 9); got != 6 {
		t.Errorf("after a reset %d calls pass", got)
	}
	gateway.CLI(t, "limits", "reset", "acme", name, "--reason", "a mistake of ours")
	if out := gateway.CLI(t, "limits", "block", "acme", name, "--for", "5m", "--reason", "loops"); out.Code != 0 || !strings.Contains(out.Stdout, "is blocked at acme until") {
		t.Fatalf("block: %s", out.All())
	}
	if reply := read(t, gateway.Web, key); reply.Status != http.StatusTooManyRequests || !strings.Contains(reply.Body, "blocked by an operator") {
		t.Errorf("%d %s", reply.Status, reply.Body)
	}
	gateway.CLI(t, "limits", "unblock", "acme", name, "--reason", "they called")
	if reply := read(t, gateway.Web, key); reply.Status != http.StatusOK {
		t.Errorf("after the block was lifted: %d %s", reply.Status, reply.Body)
	}
	if !gateway.Log.Contains(`"reason":"loops"`) || !gateway.Log.Contains(`"actor":"local socket"`) {
		t.Error("the log does not say who blocked, and why")
	}
}

// TestABlockHoldsEverywhereWithinASecond: two replicas, one Redis, one budget.
func TestABlockHoldsEverywhereWithinASecond(t *testing.T) {
	t.Parallel()
	odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme", Version: "19.0"})
	redis := harness.StartRedis(t)
	replicas := harness.StartReplicas(t, 2, harness.GatewayConfig{
		Spec: fmt.Sprintf("  store: {redis: {address: %q}}\n", redis.Addr),
	}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.PoolOf("acme", `{version: "19.0", sessions: local}`, []harness.Backend{{HTTP: odoo.HTTP}}),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"}, "limits: [{classes: [rpc], policy: integrations}]"),
		),
		"policy.yaml": limitPolicy("integrations", "rate: 1/h, burst: 8"),
	})
	key := harness.APIKey("acme")
	served := 0
	for i := range 30 {
		served += passes(t, replicas[i%2].Web, key, 1)
	}
	// Never more. A call to Redis that a busy machine left without an answer may cost a token.
	if served > 8 || served < 6 {
		t.Errorf("%d of a burst of 8 over two replicas", served)
	}
	out := replicas[0].CLI(t, "limits", "top", "acme")
	at := strings.Index(out.Stdout, "client:")
	if at < 0 {
		t.Fatalf("%s", out.All())
	}
	name := strings.Fields(out.Stdout[at:])[0]
	replicas[0].CLI(t, "limits", "reset", "acme", name, "--reason", "once more")
	replicas[0].CLI(t, "limits", "block", "acme", name, "--reason", "loops")
	start := time.Now()
	for read(t, replicas[1].Web, key).Header.Get("X-Request-Id") == "" || !strings.Contains(read(t, replicas[1].Web, key).Body, "blocked") {
		if time.Since(start) > harness.Patience {
			t.Fatal("the other replica never heard of the block")
		}
	}
	if took := time.Since(start); took > 1500*time.Millisecond {
		t.Errorf("the other replica heard of the block after %v", took)
	}
}

// TestLimitOnAnyRoute: sluice-limit as a plugin of ordinary Traefik routers.
func TestLimitOnAnyRoute(t *testing.T) {
	t.Parallel()
	recorder := harness.NewRecorder(t, "plain")
	routes := fmt.Sprintf(`
http:
  routers:
    own: {rule: "Host(%[2]sown.test%[2]s)", service: plain, middlewares: [own]}
    named: {rule: "Host(%[2]snamed.test%[2]s)", service: plain, middlewares: [named]}
    wrong: {rule: "Host(%[2]swrong.test%[2]s)", service: plain, middlewares: [wrong]}
  services:
    plain: {loadBalancer: {servers: [{url: "http://%[1]s"}]}}
  middlewares:
    own: {plugin: {sluice-limit: {rate: "1/h", burst: "2", by: address}}}
    named: {plugin: {sluice-limit: {policy: hooks}}}
    wrong: {plugin: {sluice-limit: {rate: 1/h, bust: 2}}}
`, recorder.Addr, "`")
	gateway := harness.StartGateway(t, harness.GatewayConfig{
		Files:   map[string]string{"traefik/routes.yaml": routes},
		Traefik: "    providers: {file: {directory: ./traefik, watch: true}}\n",
	}, map[string]string{
		"acme.yaml":   harness.Both("acme", "acme", recorder.Addr, []string{"acme.test"}),
		"policy.yaml": limitPolicy("hooks", "rate: 1/h, burst: 3, by: key, headers: always"),
	})
	client := harness.Client(gateway.Web)
	get := func(host string, header ...string) harness.Reply {
		return harness.Get(t, client, "http://"+host+"/", header...)
	}
	harness.Eventually(t, harness.Patience, "the route is there", func() error {
		if reply := get("own.test"); reply.Status != http.StatusOK {
			return fmt.Errorf("%d", reply.Status)
		}
		return nil
	})
	get("own.test")
	refused := get("own.test")
	if refused.Status != http.StatusTooManyRequests || refused.Header.Get("Content-Type") != "application/problem+json" || refused.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", refused.Status, refused.Header, refused.Body)
	}
	for range 3 {
		if reply := get("named.test", "X-Api-Key: one"); reply.Status != http.StatusOK || !strings.Contains(reply.Header.Get("RateLimit"), `"hooks";r=`) {
			t.Errorf("%d %v", reply.Status, reply.Header)
		}
	}
	if a, b := get("named.test", "X-Api-Key: one"), get("named.test", "X-Api-Key: two"); a.Status != http.StatusTooManyRequests || b.Status != http.StatusOK {
		t.Errorf("by key: %d, %d", a.Status, b.Status)
	}
	if reply := get("wrong.test"); reply.Status == http.StatusOK {
		t.Error("a route whose limit cannot be read is open")
	}
	if !gateway.Log.Contains("bust: unknown field; did you mean") {
		t.Error("nobody is told what is wrong with the limit")
	}
	gateway.Write(t, "tenants/policy.yaml", limitPolicy("hooks", "rate: 1/h, burst: 3, by: key, headers: never"))
	harness.Eventually(t, harness.Patience, "a change of the policy reaches the route", func() error {
		if reply := get("named.test", "X-Api-Key: one"); reply.Header.Get("RateLimit") != "" {
			return fmt.Errorf("%v", reply.Header)
		}
		return nil
	})
	if out := gateway.CLI(t, "limits", "top", "named@file"); out.Code != 0 || !strings.Contains(out.Stdout, "key:") {
		t.Errorf("limits top of a route: %s", out.All())
	}
}

// TestLimitsWithoutTheStore: no request fails because Redis is away, unless a policy says so.
func TestLimitsWithoutTheStore(t *testing.T) {
	t.Parallel()
	odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme", Version: "19.0"})
	redis := harness.StartRedis(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{
		Spec: fmt.Sprintf("  store: {redis: {address: %q}}\n", redis.Addr),
	}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.PoolOf("acme", `{version: "19.0", sessions: local}`, []harness.Backend{{HTTP: odoo.HTTP}}),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"},
				`limits: [{calls: ["res.partner.*"], policy: shared}, {calls: ["res.users.*"], policy: closed}]`),
		),
		"policies.yaml": harness.Documents(
			limitPolicy("shared", "rate: 1/h, burst: 20"),
			limitPolicy("closed", "rate: 1/h, burst: 20, onStoreLoss: closed, strict: true"),
		),
	})
	key := harness.APIKey("acme")
	if got := passes(t, gateway.Web, key, 5); got != 5 {
		t.Fatalf("%d of 5", got)
	}
	redis.Kill()
	harness.Eventually(t, harness.Patience, "a policy that closes says so", func() error {
		reply := harness.Post(t, harness.Client(gateway.Web), "http://acme.test/json/2/res.users/search", "application/json", `{"domain":[],"limit":1}`, "Authorization: bearer "+key)
		if reply.Status == http.StatusServiceUnavailable && strings.Contains(reply.Body, "limit_unknown") && reply.Header.Get("Retry-After") != "" {
			return nil
		}
		return fmt.Errorf("%d %s", reply.Status, reply.Body)
	})
	served := 0
	for range 60 {
		switch reply := read(t, gateway.Web, key); reply.Status {
		case http.StatusOK:
			served++
		case http.StatusTooManyRequests:
		default:
			t.Fatalf("%d %s", reply.Status, reply.Body)
		}
	}
	if served == 0 || served > 15 {
		t.Errorf("%d of 60 calls served without the store; 15 were left of the burst", served)
	}
	redis.Start(t)
	harness.Eventually(t, harness.Patience, "the store decides again", func() error {
		before := gateway.Metrics(t).Sum("sluice_limit_degraded_total", `tenant="acme"`)
		read(t, gateway.Web, key)
		if after := gateway.Metrics(t).Sum("sluice_limit_degraded_total", `tenant="acme"`); after > before {
			return fmt.Errorf("still decided without it")
		}
		return nil
	})
}
