package limits

import (
	"context"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
)

// passGate charges what everybody at an address shares before anything is known of the client
// itself: a flood of made-up credentials ends here and leaves no trace of each.
func (v *Visit) passGate(ctx context.Context) *answer.Refusal {
	v.signIns()
	var gate []ratelimit.Charge
	if v.caller.claim && !v.caller.proven {
		for _, p := range v.rules.policies {
			b := v.limits.buckets.of(p, bucketsOf)
			if b.unverified != nil {
				gate = append(gate,
					ratelimit.Charge{Policy: b.unverified, Scope: v.scope, Key: v.caller.address, Cost: 1},
					ratelimit.Charge{Policy: b.claims, Scope: v.scope, Key: "tenant", Cost: 1})
			}
		}
	}
	if v.place.Policy != nil {
		gate = append(gate, v.place)
	}
	if len(gate) == 0 {
		return nil
	}
	d, done := v.limits.limiter.Take(ctx, gate, false)
	done()
	v.note(&d)
	if d.Allowed {
		return nil
	}
	return v.refuse(&d)
}

// signIns finds out which guess the request may be. Who has signed in from here before is not
// held to what others do: not to the failures of a whole office behind one address, nor to an
// attack on the login from elsewhere.
func (v *Visit) signIns() {
	limit := v.x.Tenant.SignIn
	if !v.x.RPC.SignsIn() && !v.caller.claim {
		return
	}
	v.nameGuess()
	if v.caller.proven && v.suspicious(limit) {
		v.caller.proven = false
	}
	if limit.Mode == "" || limit.Mode == routing.SignInOff || v.caller.claim && v.caller.proven {
		return
	}
	g := v.limits.guesses.of(limit, guessesOf)
	if v.friend != "" {
		v.pair = ratelimit.Charge{Policy: g.pair, Scope: v.scope, Key: "guess:" + v.friend, Cost: 1}
		if v.limits.friends.has(v.friend, v.limits.now()) {
			return
		}
		v.login = ratelimit.Charge{Policy: g.login, Scope: v.scope, Key: "login:" + v.limits.prints.of("login", v.scope, v.who()), Cost: 1}
	}
	v.place = ratelimit.Charge{Policy: g.address, Scope: v.scope, Key: v.caller.address, Cost: 1}
}

// who is the login or the user whose credential may be guessed, "" when the request does not
// say.
func (v *Visit) who() string {
	if call := v.x.RPC; call.Login != "" || call.UID == "" {
		return call.Login
	}
	return "uid:" + v.x.RPC.UID
}

func (v *Visit) nameGuess() {
	if who := v.who(); who != "" {
		v.friend = v.limits.prints.of("friend", v.scope, v.x.RPC.Database, who, v.caller.address)
	}
}

// suspicious says that somebody at this address has tried so many passwords of the login that
// one which is right must be treated as they are: it would stand out among the refused ones,
// and the limit would be no limit. Keys too long to be guessed are never held up by others.
func (v *Visit) suspicious(limit routing.SignInLimit) bool {
	if !v.caller.guessable || v.friend == "" {
		return false
	}
	return v.limits.tries.count(v.friend, v.limits.now()) >= max(fewestTries, limit.LoginBurst/2)
}

// fewestTries are a user's own slips.
const fewestTries = 3

// guessCharges are those of the request's own guess.
func (v *Visit) guessCharges() []ratelimit.Charge {
	var out []ratelimit.Charge
	for _, c := range [...]ratelimit.Charge{v.pair, v.login} {
		if c.Policy != nil {
			out = append(out, c)
		}
	}
	return out
}
