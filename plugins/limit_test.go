package plugins

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/plugins/limits"
	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

const rpcRead = `{"jsonrpc":"2.0","id":41,"params":{"service":"object","method":"execute_kw","args":["acme",7,"a key of somebody","res.partner","read",[[1]]]}}`

func limitedPath(t *testing.T) (*Path, func() *seen) {
	t.Helper()
	policy := &routing.LimitPolicy{
		Name: "api", By: routing.ByClient, Rate: 0.001, Burst: 2, Period: time.Minute, MaxRead: -1, MaxUnlink: -1,
		IPv6Prefix: 64, Unverified: routing.UnverifiedLimit{Rate: 1, Burst: 30},
	}
	return newPath(t, func(d *Deps) {
		d.Limits = limits.New(limits.Config{
			Limiter: ratelimit.New(ratelimit.Config{}), Key: []byte("key"), Metrics: prometheus.NewRegistry(),
		})
		tenant, _ := d.Table().Resolve("acme.test")
		tenant.Limits = []routing.LimitRule{{Classes: []odoo.Class{odoo.RPC}, Policy: policy}}
	})
}

func TestALimitAnswersTheCallItRefuses(t *testing.T) {
	p, reached := limitedPath(t)
	call := func() (int, string) {
		w := do(p, request("POST", "acme.test", "/jsonrpc", rpcRead, "Content-Type", "application/json"))
		return w.Code, w.Body.String()
	}
	for range 2 {
		if code, _ := call(); code != 204 {
			t.Fatalf("got %d", code)
		}
	}
	x := reached().x
	if x.Credential == "" || strings.Contains(x.Credential, "somebody") || !x.Guessable || reached().body != rpcRead || x.Limit != "passed" {
		t.Errorf("got %q, %v, %q, %q", x.Credential, x.Guessable, x.Limit, reached().body)
	}
	code, body := call()
	var answer struct {
		ID    int
		Error struct {
			Code int
			Data struct{ Message string }
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 429 || answer.ID != 41 || answer.Error.Code != 429 || !strings.Contains(answer.Error.Data.Message, "Rate limit exceeded") {
		t.Errorf("got %d %s", code, body)
	}
	if w := do(p, request("GET", "acme.test", "/web", "")); w.Code != 204 {
		t.Errorf("a page is none of the rule's business: %d", w.Code)
	}
}

// Nothing of a request that is limited reaches Odoo, and a refused body is not charged.
func TestABodyThatIsRefusedCostsNothing(t *testing.T) {
	p, _ := limitedPath(t)
	for range 5 {
		do(p, request("POST", "acme.test", "/jsonrpc", strings.Replace(rpcRead, `"acme"`, `"beta"`, 1), "Content-Type", "application/json"))
	}
	if w := do(p, request("POST", "acme.test", "/jsonrpc", rpcRead, "Content-Type", "application/json")); w.Code != 204 {
		t.Errorf("got %d", w.Code)
	}
}
