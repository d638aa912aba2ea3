package limits

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// world is limits over a limiter of one process, with a clock of its own and an Odoo that
// knows some keys.
type world struct {
	*Limits
	tenant *routing.Tenant
	good   []string // keys and passwords that Odoo takes

	mu    sync.Mutex
	clock time.Time
}

func newWorld(t *testing.T, rules ...routing.LimitRule) *world {
	t.Helper()
	w := &world{
		tenant: &routing.Tenant{Name: "acme", Limits: rules}, good: []string{"secret"},
		clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
	limiter := ratelimit.New(ratelimit.Config{Now: w.now})
	w.Limits = New(Config{Limiter: limiter, Key: []byte("a key of thirty-two bytes, or so"), Metrics: prometheus.NewRegistry(), Now: w.now})
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// policy has the values that the configuration would give it.
func policy(change func(*routing.LimitPolicy)) *routing.LimitPolicy {
	p := &routing.LimitPolicy{
		Name: "api", By: routing.ByClient, Rate: 10, Period: time.Minute, Burst: 5, OnLoss: routing.LossLocalShare,
		Headers: routing.HeadersAuto, MaxRead: -1, MaxUnlink: -1, IPv6Prefix: 64, Zone: time.UTC,
		Unverified: routing.UnverifiedLimit{Rate: 1, Burst: 1000},
	}
	if change != nil {
		change(p)
	}
	return p
}

func rpcRule(p *routing.LimitPolicy) routing.LimitRule {
	return routing.LimitRule{Classes: []odoo.Class{odoo.RPC}, Policy: p}
}

// ask is one request.
type ask struct {
	from, uid, login, key string
	model, method         string
	records, limit        int
	class                 odoo.Class
	path, session         string
	header                http.Header
	took                  time.Duration
	status                int // of the answer of Odoo, 200 by default
}

// reply is what came of it.
type reply struct {
	refused *answer.Refusal
	header  http.Header
	x       *routing.Exchange
}

func (r reply) status() int {
	if r.refused != nil {
		return r.refused.Status
	}
	return 200
}

func (w *world) exchange(a ask) *routing.Exchange {
	x := &routing.Exchange{Client: netip.MustParseAddr("192.0.2.7"), SessionKey: a.session, Upstream: a.took}
	if a.from != "" {
		x.Client = netip.MustParseAddr(a.from)
	}
	x.Tenant, x.Class, x.Path = w.tenant, odoo.RPC, "/xmlrpc/2/object"
	if a.class != "" {
		x.Class = a.class
	}
	if a.path != "" {
		x.Path = a.path
	}
	if a.key != "" {
		x.Credential, x.Guessable = w.Fingerprint([]byte(a.key)), Guessable(len(a.key))
	}
	switch {
	case a.login != "" && a.class == odoo.Web:
		x.RPC = odoo.Call{Service: "form", Method: "login", Login: a.login}
	case a.login != "":
		x.RPC = odoo.Call{Service: "common", Method: "authenticate", Database: "acme", Login: a.login}
	case a.uid != "":
		x.RPC = odoo.Call{Service: "object", Method: "execute_kw", Database: "acme", UID: a.uid, Model: "res.partner", ModelMethod: "read", Records: 1}
	}
	if a.method != "" {
		x.RPC.Model, x.RPC.ModelMethod = a.model, a.method
		x.RPC.Records, x.RPC.Limit = a.records, a.limit
	}
	return x
}

// send puts a request through, to an Odoo that checks keys where it would.
func (w *world) send(a ask) reply {
	x := w.exchange(a)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	if a.header != nil {
		r.Header = a.header
	}
	out := httptest.NewRecorder()
	visit, refused := w.Enter(out, r, x)
	if refused != nil {
		return reply{refused, refused.Header, x}
	}
	x.Backend, x.Status, x.Outcome = "b1", 200, odoo.OK
	_, bearer := headerCredential(r.Header)
	if key := a.key + bearer; key != "" && !slices.Contains(w.good, key) {
		x.Outcome = odoo.BadCredentials
	}
	if a.status >= 400 {
		x.Status, x.Outcome = a.status, odoo.ServerError
	}
	if visit != nil {
		visit.Leave(out.Header())
	}
	return reply{nil, out.Header(), x}
}

// passed counts how many of n requests pass.
func (w *world) passed(n int, a ask) int {
	good := 0
	for range n {
		if w.send(a).refused == nil {
			good++
		}
	}
	return good
}
