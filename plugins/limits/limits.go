package limits

import (
	"context"
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
	// Now is the clock; time.Now by default.
	Now func() time.Time
}

// Limits holds requests to their limits. It is safe for concurrent use.
type Limits struct {
	limiter Limiter
	now     func() time.Time
	prints  *printer
	seen    *seen
	buckets cache[*routing.LimitPolicy, buckets]
	guesses cache[routing.SignInLimit, guesses]
	known   *known // credentials and sessions that Odoo has accepted
	friends *known // logins at addresses where they have signed in
	tries   *tally // guesses that failed or were refused, of a login at an address
	recent  *recent
	metrics *metrics
}

// New returns limits.
func New(c Config) *Limits {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Limits{
		limiter: c.Limiter, now: c.Now, prints: newPrinter(c.Key), seen: newSeen(),
		known: newKnown(mostKnown), friends: newKnown(mostKnown), tries: newTally(mostKnown), recent: newRecent(mostRecent),
		metrics: newMetrics(c.Metrics),
	}
}

// Fingerprint is what stands for a credential everywhere. The credential is not kept.
func (l *Limits) Fingerprint(credential []byte) string { return l.prints.of("key", string(credential)) }

// Visit is a request that is being served under limits.
type Visit struct {
	limits *Limits
	x      *routing.Exchange
	scope  string
	name   string // of the call
	caller *caller
	rules  matched

	charges []ratelimit.Charge // what it was charged
	costly  []ratelimit.Charge // of those, by cost: corrected by the time that Odoo took
	later   []ratelimit.Charge // what it is charged once Odoo has accepted the credential

	// What a failed guess is charged to, and what a good one earns. Without a policy: none.
	pair, login, place ratelimit.Charge
	friend             string

	started time.Time
	done    func()
}

// Enter decides whether a tenant's request may pass. With a refusal there is no visit; a visit
// must be left. Without either nothing holds.
func (l *Limits) Enter(w http.ResponseWriter, r *http.Request, x *routing.Exchange) (*Visit, *answer.Refusal) {
	if len(x.Tenant.Limits) == 0 && (x.Class == odoo.Static || x.Class == odoo.Health) {
		return nil, nil
	}
	v := &Visit{limits: l, x: x, scope: x.Tenant.Name, name: x.RPC.Name(), started: l.now()}
	v.caller = l.callerOf(r, x)
	v.rules = match(x, v.name, v.caller)
	if v.caller.key == "" && v.rules.byKey() {
		l.keyCaller(v.caller, r.Header, x)
	}
	return v.enter(w, r)
}

func (v *Visit) enter(w http.ResponseWriter, r *http.Request) (*Visit, *answer.Refusal) {
	v.x.Caller = v.caller.client
	if refusal := v.allowed(); refusal != nil {
		return nil, refusal
	}
	if refusal := v.passGate(r.Context()); refusal != nil {
		return nil, refusal
	}
	v.charge()
	d, done := v.limits.limiter.Take(r.Context(), append(v.charges, v.guessCharges()...), v.rules.priority)
	v.note(&d)
	if !d.Allowed {
		return nil, v.refuse(&d)
	}
	v.done = done
	v.announce(w.Header(), d.Levels)
	return v, nil
}

// note writes down what was decided, for the log and the trace.
func (v *Visit) note(d *ratelimit.Decision) {
	switch {
	case !d.Allowed:
	case len(d.Shadowed) > 0:
		v.x.Limit = "would refuse: " + d.Shadowed[0]
	case d.Degraded:
		v.x.Limit = "passed without the store"
	case v.x.Limit == "" && len(v.rules.policies) > 0:
		v.x.Limit = "passed"
	}
}
