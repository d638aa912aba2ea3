package limits

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func TestAClientHasItsBurstAndThenItsRate(t *testing.T) {
	w := newWorld(t, rpcRule(policy(nil)))
	call := ask{uid: "7", key: "secret"}
	if got := w.passed(20, call); got != 5 {
		t.Errorf("at once: %d", got)
	}
	w.pass(300 * time.Millisecond)
	if got := w.passed(20, call); got != 3 {
		t.Errorf("after 300 ms: %d", got)
	}
	refused := w.send(call)
	if refused.status() != 429 || refused.x.Limit != "refused api" || !strings.HasPrefix(refused.x.Caller, "client:") {
		t.Errorf("got %d, %q, %q", refused.status(), refused.x.Limit, refused.x.Caller)
	}
	for _, words := range []string{"Limit api: retry in 1 s"} {
		if !strings.Contains(refused.refused.Detail, words) {
			t.Errorf("got %q", refused.refused.Detail)
		}
	}
}

// Whose budget it is.
func TestBudgets(t *testing.T) {
	one := ask{uid: "7", key: "secret"}
	otherUser, otherKey, elsewhere := one, one, one
	otherUser.uid, otherKey.key, elsewhere.from = "8", "second", "192.0.2.8"
	otherCall := one
	otherCall.model, otherCall.method = "sale.order", "read"
	for rule, c := range map[string]struct {
		by     routing.LimitBy
		second ask
		shared bool
	}{
		"another user is another client":       {routing.ByClient, otherUser, false},
		"another key is another client":        {routing.ByClient, otherKey, false},
		"the same from elsewhere is the same":  {routing.ByClient, elsewhere, true},
		"a user with two keys is one user":     {routing.ByUser, otherKey, true},
		"two users are two":                    {routing.ByUser, otherUser, false},
		"a key that two users have is one key": {routing.ByKey, otherUser, true},
		"two keys are two":                     {routing.ByKey, otherKey, false},
		"two keys at one address share it":     {routing.ByAddress, otherKey, true},
		"an address is not another one":        {routing.ByAddress, elsewhere, false},
		"everybody calls a method":             {routing.ByMethod, otherKey, true},
		"one method is not another one":        {routing.ByMethod, otherCall, false},
		"everybody is the tenant":              {routing.ByTenant, elsewhere, true},
	} {
		t.Run(rule, func(t *testing.T) {
			w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.By = c.by })))
			w.good = []string{"secret", "second"}
			// Both are proven first, so that it is their budgets that decide.
			w.send(one)
			w.send(c.second)
			w.pass(time.Hour / 60)
			w.passed(20, one)
			if got := w.send(c.second).status() == 429; got != c.shared {
				t.Errorf("shared: %v", got)
			}
		})
	}
}

// A made-up header is nobody, except where Odoo checks it.
func TestHeadersCountWhereTheyAreChecked(t *testing.T) {
	bearer := func(key string) http.Header { return http.Header{"Authorization": {"Bearer " + key}} }
	two := func(class odoo.Class, path string, by routing.LimitBy) (passed int) {
		w := newWorld(t, routing.LimitRule{Paths: []string{"/**"}, Policy: policy(func(p *routing.LimitPolicy) { p.By = by })})
		for i := range 40 {
			a := ask{class: class, path: path, header: bearer(strconv.Itoa(i))}
			w.good = append(w.good, strconv.Itoa(i))
			if w.send(a).refused == nil {
				passed++
			}
		}
		return passed
	}
	if got := two(odoo.Web, "/shop", routing.ByClient); got != 5 {
		t.Errorf("forty tokens on a public page got %d through", got)
	}
	if got := two(odoo.RPC, "/json/2/res.partner/read", routing.ByClient); got != 40 {
		t.Errorf("forty good tokens of JSON-2 got %d through", got)
	}
	if got := two("webhook", "/hooks/x", routing.ByKey); got != 40 {
		t.Errorf("forty good keys of a webhook got %d through", got)
	}
}

func TestWhoIsBehindAHeader(t *testing.T) {
	for rule, c := range map[string]struct {
		header           http.Header
		user, credential string
	}{
		"bearer":                   {http.Header{"Authorization": {"Bearer abc"}}, "", "abc"},
		"bearer, another spelling": {http.Header{"Authorization": {"bEARER  abc "}}, "", "abc"},
		"basic":                    {http.Header{"Authorization": {"Basic ZWRpOnA6dw=="}}, "edi", "p:w"},
		"basic that is none":       {http.Header{"Authorization": {"Basic %%%"}}, "", ""},
		"a key":                    {http.Header{"X-Api-Key": {"k"}}, "", "k"},
		"nothing":                  {http.Header{}, "", ""},
		"too long":                 {http.Header{"Authorization": {"Bearer " + strings.Repeat("x", 9000)}}, "", ""},
	} {
		if user, credential := headerCredential(c.header); user != c.user || credential != c.credential {
			t.Errorf("%s: got %q, %q", rule, user, credential)
		}
	}
}

// An address with many addresses is one: IPv6 networks, IPv4 in IPv6.
func TestAddressesOfOneLineAreOne(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.By = routing.ByAddress })))
	passed := 0
	for i := range 50 {
		if w.send(ask{from: fmt.Sprintf("2001:db8:1:2::%x", i)}).refused == nil {
			passed++
		}
	}
	if passed != 5 {
		t.Errorf("fifty addresses of one network got %d through", passed)
	}
	if w.send(ask{from: "2001:db8:1:3::1"}).refused != nil {
		t.Error("another network pays for the first")
	}
	w.passed(9, ask{from: "192.0.2.9"})
	if w.send(ask{from: "::ffff:192.0.2.9"}).refused == nil {
		t.Error("an address in another spelling is another one")
	}
}

// Made-up sessions are no clients.
func TestSessionsAreProvenByPagesThatNeedThem(t *testing.T) {
	w := newWorld(t, routing.LimitRule{Paths: []string{"/**"}, Policy: policy(nil)})
	passed := 0
	for i := range 50 {
		if w.send(ask{class: odoo.Web, path: "/shop", session: "made up " + strconv.Itoa(i)}).refused == nil {
			passed++
		}
	}
	if passed != 5 {
		t.Errorf("fifty sessions of one address got %d through", passed)
	}
	w.pass(time.Minute)
	at := ask{class: odoo.Web, path: "/web/dataset/call_kw/x/y", session: "real"}
	w.send(at)
	w.passed(20, ask{class: odoo.Web, path: "/shop"}) // the address has spent everything
	if w.send(at).refused != nil {
		t.Error("somebody who is signed in pays for strangers at the same address")
	}
}

func TestCostsAreChargedAndCorrected(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Costs, p.Burst = true, 40 })))
	search := ask{uid: "7", key: "secret", model: "res.partner", method: "search_read"}
	if got := w.passed(20, search); got != 4 {
		t.Errorf("unbounded searches at 10 each: %d passed", got)
	}
	w.pass(10 * time.Second)
	search.limit, search.took = 80, 1500*time.Millisecond // 2 units ahead, 30 in the end
	if got := w.passed(2, search); got != 2 {
		t.Errorf("the first two fit, %d passed", got)
	}
	if w.send(search).refused == nil {
		t.Error("what they took of a worker was not charged")
	}
	if got := w.send(search).header.Get(policyField); !strings.Contains(got, "sluice-cost=2") {
		t.Errorf("got %q", got)
	}
}

// A call that costs more than the burst passes with a full budget: else it never could.
func TestACallBeyondTheBurstCostsTheBurst(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Costs = true })))
	create := ask{uid: "7", key: "secret", model: "res.partner", method: "create", records: 1000}
	if got := w.passed(3, create); got != 1 {
		t.Errorf("got %d", got)
	}
}

func TestSeveralPoliciesHoldAllOrNothing(t *testing.T) {
	narrow := policy(func(p *routing.LimitPolicy) { p.Name, p.Burst = "unlink", 1 })
	wide := policy(func(p *routing.LimitPolicy) { p.Burst = 3 })
	w := newWorld(t, rpcRule(wide), routing.LimitRule{Calls: []string{"*.unlink"}, Policy: narrow}, rpcRule(wide))
	unlink := ask{uid: "7", key: "secret", model: "res.partner", method: "unlink", records: 1}
	if got := w.passed(10, unlink); got != 1 {
		t.Errorf("deletions: %d", got)
	}
	if got := w.passed(10, ask{uid: "7", key: "secret"}); got != 2 {
		t.Errorf("refused deletions were charged to the other policy: %d left of 2", got)
	}
}

func TestConcurrencyIsGivenBack(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Rate, p.Concurrency = 0, 2 })))
	enter := func() *Visit {
		a := ask{uid: "7", key: "secret"}
		r, _ := http.NewRequest(http.MethodPost, "/", nil)
		v, _ := w.Enter(discard{}, r, w.exchange(a))
		return v
	}
	first, second := enter(), enter()
	if first == nil || second == nil || enter() != nil {
		t.Fatal("two slots are not two")
	}
	first.Leave(http.Header{})
	if enter() == nil {
		t.Error("a slot did not come back")
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

func TestPriorityUsesTheReserve(t *testing.T) {
	p := policy(func(p *routing.LimitPolicy) { p.Burst, p.Reserve, p.Rate = 10, 50, 0.001 })
	w := newWorld(t, rpcRule(p), routing.LimitRule{Calls: []string{"pos.order.*"}, Priority: true, Policy: p})
	if got := w.passed(20, ask{uid: "7", key: "secret"}); got != 5 {
		t.Errorf("ordinary calls: %d", got)
	}
	if got := w.passed(20, ask{uid: "7", key: "secret", model: "pos.order", method: "create", records: 1}); got != 5 {
		t.Errorf("calls with priority: %d", got)
	}
}

func TestShadowOnlyWatches(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Shadow, p.Allow = true, []string{"sale.*"} })))
	if got := w.passed(20, ask{uid: "7", key: "secret"}); got != 20 {
		t.Errorf("got %d", got)
	}
	if got := w.send(ask{uid: "7", key: "secret"}); !strings.HasPrefix(got.x.Limit, "would refuse") || got.header.Get(limitField) != "" {
		t.Errorf("got %q, %v", got.x.Limit, got.header)
	}
}

func TestWhatIsNotAllowedIs403(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) {
		p.Allow, p.MaxRead, p.Sources = []string{"res.partner.*"}, 100, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})))
	for rule, c := range map[string]struct {
		ask    ask
		status int
		code   string
	}{
		"on the list":               {ask{uid: "7", key: "secret"}, 200, ""},
		"not on it":                 {ask{uid: "7", key: "secret", model: "res.users", method: "read"}, 403, "call_not_allowed"},
		"a search without a bound":  {ask{uid: "7", key: "secret", model: "res.partner", method: "search_read"}, 403, "too_many_records"},
		"from elsewhere":            {ask{uid: "7", key: "secret", from: "198.51.100.1"}, 403, "source_not_allowed"},
		"signing in is always open": {ask{login: "edi", key: "secret"}, 200, ""},
	} {
		got := w.send(c.ask)
		if got.status() != c.status || got.refused != nil && got.refused.Code != c.code {
			t.Errorf("%s: got %d %+v", rule, got.status(), got.refused)
		}
	}
}

// Rules for one key hold wherever it is used.
func TestRulesForOneKey(t *testing.T) {
	w := newWorld(t)
	print := "key:" + w.Fingerprint([]byte("secret"))
	none := policy(func(p *routing.LimitPolicy) { p.Name, p.Rate, p.Allow = "none", 0, []string{"nothing.at_all"} })
	w.tenant.Limits = []routing.LimitRule{{Classes: []odoo.Class{odoo.RPC}, Except: []string{print}, Policy: none}}
	w.good = []string{"secret", "other"}
	for rule, c := range map[string]struct {
		ask    ask
		status int
	}{
		"the key in XML-RPC": {ask{uid: "7", key: "secret"}, 200},
		"the key in JSON-2":  {ask{path: "/json/2/res.partner/read", model: "res.partner", method: "read", header: http.Header{"Authorization": {"Bearer secret"}}}, 200},
		"another key":        {ask{uid: "7", key: "other"}, 403},
	} {
		if got := w.send(c.ask).status(); got != c.status {
			t.Errorf("%s: got %d", rule, got)
		}
	}
}

func TestOperatorsSeeAndStopAClient(t *testing.T) {
	w := newWorld(t, rpcRule(policy(nil)))
	call := ask{uid: "7", key: "secret"}
	w.passed(9, call)
	top := w.Top("acme", 10)
	if len(top) == 0 || !strings.HasPrefix(top[0].Name, "client:") || top[0].Denied != 4 || top[0].Who != "uid:7" || top[0].Limits[0] != "api" {
		t.Fatalf("got %+v", top)
	}
	if a, ok := w.Activity("acme", top[0].Name); !ok || a.Calls[0].Name != "res.partner.read" || a.From != "address:192.0.2.7" || !strings.HasPrefix(a.Key, "key:") {
		t.Errorf("got %+v", a)
	}
	if err := w.Reset(context.Background(), "acme", top[0].Name); err != nil {
		t.Fatal(err)
	}
	if got := w.passed(9, call); got != 5 {
		t.Errorf("after a reset: %d", got)
	}
	for _, name := range []string{top[0].Name, top[0].Key, "address:192.0.2.7"} {
		w.pass(time.Minute)
		if err := w.Block(context.Background(), "acme", name, w.now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		got := w.send(call)
		if got.status() != 429 || got.refused.Code != "client_blocked" || !strings.HasPrefix(got.x.Limit, "blocked") {
			t.Errorf("%s: got %d, %q", name, got.status(), got.x.Limit)
		}
		if err := w.Block(context.Background(), "acme", name, w.now()); err != nil || w.send(call).refused != nil {
			t.Errorf("%s stays blocked", name)
		}
	}
}

// Nothing that is kept or shown tells a credential.
func TestFingerprintsTellNothing(t *testing.T) {
	w := newWorld(t, rpcRule(policy(nil)))
	w.passed(2, ask{uid: "7", key: "secret"})
	w.passed(2, ask{path: "/json/2/a/b", header: http.Header{"Authorization": {"Bearer secret"}}})
	text := fmt.Sprintf("%+v %+v", w.Top("acme", 100), w.send(ask{uid: "7", key: "secret"}).x)
	if strings.Contains(text, "secret") {
		t.Errorf("a credential shows: %s", text)
	}
	other := New(Config{Key: []byte("another key")})
	if again := newWorld(t); w.Fingerprint([]byte("a")) == other.Fingerprint([]byte("a")) || w.Fingerprint([]byte("a")) != again.Fingerprint([]byte("a")) {
		t.Error("fingerprints do not depend on the key, or on more")
	}
	if w.prints.of("ab", "c") == w.prints.of("a", "bc") {
		t.Error("parts run together")
	}
}
