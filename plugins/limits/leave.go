package limits

import (
	"net/http"
	"time"

	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Leave takes in what the answer taught. h is the answer's header.
func (v *Visit) Leave(h http.Header) {
	v.done()
	v.limits.recent.note(v.scope, v.caller, v.x, v.name, v.limits.now())
	switch verdict := v.verdict(h); {
	case verdict == accepted:
		v.accept()
	case verdict == rejected:
		v.reject()
	}
	v.settle()
}

// verdict is what an answer says about the credential.
type verdict int

const (
	silent verdict = iota // nothing: Odoo may not have looked at it
	accepted
	rejected
)

func (v *Visit) verdict(h http.Header) verdict {
	x := v.x
	switch {
	case x.Backend == "":
		return silent // we answered ourselves
	case x.Outcome == odoo.BadCredentials && (x.RPC.SignsIn() || v.caller.claim):
		return rejected
	case x.RPC.SignsIn() && x.Outcome == odoo.LoginRequired:
		return rejected
	case x.Outcome != odoo.OK:
		return silent
	case x.RPC.SignsIn(), v.caller.claim:
		return accepted
	case v.caller.session != "" && odoo.NeedsUser(x.Path) && !replaces(h, x.SessionKey):
		return accepted // anybody may make up a session; here somebody must be signed in
	}
	return silent
}

// replaces tells whether the answer gives the browser another session: Odoo did not know this
// one.
func replaces(h http.Header, session string) bool {
	for _, line := range h["Set-Cookie"] {
		if value, ok := odoo.SessionSet(line); ok {
			if key, _ := odoo.KeyOf(value); key != session {
				return true
			}
		}
	}
	return false
}

// accept gives the client a budget of its own for a while.
func (v *Visit) accept() {
	now := v.limits.now()
	switch {
	case v.caller.claim:
		v.limits.known.add(v.caller.proof, now.Add(provenFor))
	case v.caller.session != "" && !v.x.RPC.SignsIn():
		v.limits.known.add(v.caller.session, now.Add(sessionsFor))
	}
	if v.friend != "" {
		v.limits.friends.add(v.friend, now.Add(friendsFor))
	}
	for _, c := range v.later {
		v.limits.limiter.Correct([]ratelimit.Charge{c}, c.Cost)
	}
}

// reject takes it away, and charges the guess.
func (v *Visit) reject() {
	if v.caller.claim {
		v.limits.known.forget(v.caller.proof)
	}
	v.limits.metrics.guesses.WithLabelValues(v.scope).Inc()
	if v.x.Tenant == nil || v.x.Tenant.SignIn.Mode == "" || v.x.Tenant.SignIn.Mode == routing.SignInOff {
		return
	}
	v.tried()
	for _, c := range [...]ratelimit.Charge{v.pair, v.login, v.place} {
		if c.Policy != nil {
			v.limits.limiter.Correct([]ratelimit.Charge{c}, failureCost-1)
		}
	}
}

// costOf a worker's time: one unit for each.
const unitOfTime = 50 * time.Millisecond

// settle charges the time that a worker took beyond what was paid ahead: workers are what Odoo
// runs out of. What it costs at most is one burst; the limiter sees to that.
func (v *Visit) settle() {
	if v.x.Upstream <= 0 {
		return
	}
	took := int((v.x.Upstream + unitOfTime - 1) / unitOfTime)
	for _, c := range v.costly {
		if extra := took - c.Cost; extra > 0 {
			v.limits.limiter.Correct([]ratelimit.Charge{c}, extra)
		}
	}
}
