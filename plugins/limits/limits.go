package limits

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Limiter decides charges; *ratelimit.Limiter does.
type Limiter interface {
	Take(ctx context.Context, charges []ratelimit.Charge, priority bool) (ratelimit.Decision, func())
	Correct(charges []ratelimit.Charge, extra int)
	Top(scope string, n int) []ratelimit.Usage
	Block(ctx context.Context, scope, key string, until time.Time) error
	Reset(ctx context.Context, scope, key string) error
}

// Config is what limits need.
type Config struct {
	Limiter Limiter
	// Key makes fingerprints; all replicas have the same.
	Key     []byte
	Metrics prometheus.Registerer
	Log     *slog.Logger
	// Now is the clock; time.Now by default.
	Now func() time.Time
}

// Limits holds requests to their limits. It is safe for concurrent use.
type Limits struct {
	limiter  Limiter
	log      *slog.Logger
	now      func() time.Time
	prints   *printer
	policies policyCache
	known    *known // credentials and sessions that Odoo has accepted
	friends  *known // logins at addresses where they have signed in
	recent   *recent
	metrics  *metrics
}

// New returns limits.
func New(c Config) *Limits {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Limits{
		limiter: c.Limiter, log: c.Log, now: c.Now, prints: newPrinter(c.Key),
		known: newKnown(mostKnown), friends: newKnown(mostKnown), recent: newRecent(c.Now),
		metrics: newMetrics(c.Metrics),
	}
}

// Fingerprint is what stands for a credential everywhere. The credential is not kept.
func (l *Limits) Fingerprint(credential []byte) string { return l.prints.of("key", string(credential)) }

// Visit is a request that is being served under limits.
type Visit struct {
	limits *Limits
	x      *routing.Exchange
	caller *caller
	rules  matched

	charges []ratelimit.Charge // what it was charged, for corrections
	later   []ratelimit.Charge // what it is charged once Odoo has accepted the credential
	signIn  []ratelimit.Charge // what failures are charged to
	started time.Time
	levels  []ratelimit.Level
	done    func()
}

// Enter decides whether a tenant's request may pass. The caller answers a refusal; a visit must
// be left, by Leave. Both may be nil: nothing holds.
func (l *Limits) Enter(r *http.Request, x *routing.Exchange) (*Visit, *answer.Refusal) {
	if x.Class == odoo.Static || x.Class == odoo.Health {
		if len(x.Tenant.Limits) == 0 {
			return nil, nil
		}
	}
	v := &Visit{limits: l, x: x, started: l.now(), done: func() {}}
	name := x.RPC.Name()
	v.caller = l.callerOf(r, x)
	v.rules = match(x, name, v.caller)
	x.Caller = v.caller.client
	if refusal := v.allowed(name); refusal != nil {
		return nil, refusal
	}
	if refusal := v.passGate(r.Context()); refusal != nil {
		return nil, refusal
	}
	v.charge(name)
	d, done := l.limiter.Take(r.Context(), append(v.charges, v.signIn...), v.rules.priority)
	v.note(&d)
	if !d.Allowed {
		return nil, v.refuse(&d)
	}
	v.done, v.levels = done, d.Levels
	return v, nil
}

// note writes down what was decided.
func (v *Visit) note(d *ratelimit.Decision) {
	switch {
	case len(d.Shadowed) > 0 && d.Allowed:
		v.x.Limit = "shadow " + d.Shadowed[0]
	case d.Degraded && d.Allowed:
		v.x.Limit = "passed without the store"
	case d.Allowed && len(v.rules.policies) > 0:
		v.x.Limit = "passed"
	}
}
