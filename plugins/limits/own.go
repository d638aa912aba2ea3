package limits

import (
	"strings"
	"time"

	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
)

// Names of policies that are ours, as refusals, metrics and operators see them. A declared
// policy has no slash in its name, and none of these names.
const (
	clientsName    = "clients/seen"   // bounds nothing: counts, and is where a block holds
	addressesName  = "addresses/seen" // the same
	keysName       = "keys/seen"      // the same
	signInName     = "sign-in/guesses"
	signInLogin    = "sign-in/login"
	signInAddress  = "sign-in/address"
	unverifiedName = "/unverified" // behind the name of a policy
	claimsName     = "/unverified-tenant"
)

// seen are the policies that bound nothing.
type seen struct{ clients, addresses, keys ratelimit.Policy }

func newSeen() *seen {
	return &seen{ratelimit.Policy{Name: clientsName}, ratelimit.Policy{Name: addressesName}, ratelimit.Policy{Name: keysName}}
}

// buckets is a declared policy as the limiter needs it.
type buckets struct {
	own *ratelimit.Policy // nil for a policy that only restricts
	// unverified and claims bound claims of an address and of all addresses; nil where a
	// made-up credential gains nothing.
	unverified, claims *ratelimit.Policy
}

// claimsTogether is how many addresses' worth of claims a tenant takes.
const claimsTogether = 10

func bucketsOf(p *routing.LimitPolicy) *buckets {
	if p.Rate == 0 && p.Concurrency == 0 && len(p.Quotas) == 0 {
		return &buckets{}
	}
	b := &buckets{own: bucketOf(p)}
	if p.By == routing.ByClient || p.By == routing.ByKey || p.By == routing.ByUser {
		b.unverified, b.claims = claimBucket(p, unverifiedName, 1), claimBucket(p, claimsName, claimsTogether)
	}
	return b
}

func bucketOf(p *routing.LimitPolicy) *ratelimit.Policy {
	out := &ratelimit.Policy{
		Name: p.Name, Rate: p.Rate, Period: p.Period, Burst: p.Burst, Concurrency: p.Concurrency,
		Strict: p.Strict, Horizon: p.Lease, Reserve: p.Reserve, Shadow: p.Shadow, Percent: p.Percent,
		OnStoreLoss: lossOf(p.OnLoss),
	}
	for _, q := range p.Quotas {
		out.Quotas = append(out.Quotas, ratelimit.Quota{Window: ratelimit.Window(q.Window), Limit: q.Limit, Zone: p.Zone})
	}
	return out
}

func lossOf(l routing.LimitLoss) ratelimit.Loss {
	switch l {
	case routing.LossOpen:
		return ratelimit.Open
	case routing.LossClosed:
		return ratelimit.Closed
	case routing.LossLocalShare:
	}
	return ratelimit.LocalShare
}

func claimBucket(p *routing.LimitPolicy, name string, times int) *ratelimit.Policy {
	return &ratelimit.Policy{
		Name: p.Name + name, Rate: p.Unverified.Rate * float64(times), Period: time.Minute,
		Burst: p.Unverified.Burst * times, Shadow: p.Shadow, Percent: p.Percent,
		OnStoreLoss: lossOf(p.OnLoss),
	}
}

// guesses are the policies that protect sign-ins. They count attempts, of which a failed one
// costs many: so nobody who knows the password comes near them, and no order of answers lets
// a guess through uncounted.
type guesses struct{ pair, login, address *ratelimit.Policy }

const (
	failureCost  = 50 // attempts that one failure costs
	spreadLogins = 3  // times as many failures of a login over all addresses as from one
	guessesAtOne = 32 // of one login from one address, waiting for Odoo's answer
)

func guessesOf(s routing.SignInLimit) *guesses {
	shadow := s.Mode == routing.SignInShadow
	policy := func(name string, failures float64, burst int) *ratelimit.Policy {
		return &ratelimit.Policy{
			Name: name, Rate: failures * failureCost, Burst: burst * failureCost, Period: time.Minute, Shadow: shadow,
		}
	}
	g := &guesses{
		pair:    policy(signInName, s.PerLogin, s.LoginBurst),
		login:   policy(signInLogin, spreadLogins*s.PerLogin, spreadLogins*s.LoginBurst),
		address: policy(signInAddress, s.PerAddress, s.PlaceBurst),
	}
	g.pair.Strict, g.login.Strict, g.pair.Concurrency = true, true, guessesAtOne
	return g
}

func isSignIn(policy string) bool { return strings.HasPrefix(policy, "sign-in/") }
