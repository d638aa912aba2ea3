package limits

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
)

// refuse is the answer to a decision. The status is 429, in every protocol: clients that know
// it wait, and those that do not see a failure.
func (v *Visit) refuse(d *ratelimit.Decision) *answer.Refusal {
	wait := jittered(d.RetryAfter)
	refusal := &answer.Refusal{
		Status: http.StatusTooManyRequests, Code: "rate_limited", Title: "Rate limit exceeded",
		Detail:     fmt.Sprintf("Limit %s: retry in %s.", strings.Join(d.Violated, ", "), inWords(wait)),
		RetryAfter: wait, Type: answer.TypeQuota, Violated: d.Violated, Header: http.Header{},
	}
	word := "refused"
	switch {
	case d.Blocked:
		word, refusal.Code, refusal.Title = "blocked", "client_blocked", "Rate limit exceeded: blocked by an operator"
		refusal.Detail = fmt.Sprintf("This client is blocked for another %s. Ask the operator of this site.", inWords(wait))
		refusal.Violated = nil
	case d.Closed:
		word, refusal.Code, refusal.Type = "closed", "limit_unknown", answer.TypeReduced
		refusal.Status, refusal.Title = http.StatusServiceUnavailable, "Rate limit cannot be checked"
	case len(d.Violated) > 0 && isSignIn(d.Violated[0]):
		word, refusal.Code, refusal.Title = "guesses", "too_many_attempts", "Rate limit for sign-ins exceeded"
		refusal.Detail = fmt.Sprintf("Too many attempts failed: retry in %s.", inWords(wait))
	}
	if !v.caller.proven || word == "guesses" {
		v.tried()
	}
	v.x.Limit = strings.TrimSpace(word + " " + strings.Join(d.Violated, " "))
	v.limits.metrics.refused.WithLabelValues(v.scope, word).Inc()
	v.showRefusal(refusal.Header, d.Levels, d.Violated, wait)
	return refusal
}

// maxJitter keeps the clients of a long wait from coming back all at once, within reason.
const maxJitter = 5 * time.Second

// jittered adds up to a quarter, and is never less than a second: clients take zero for "at
// once".
func jittered(wait time.Duration) time.Duration {
	wait = max(wait, time.Millisecond)
	spread := min(wait/4, maxJitter)
	wait += time.Duration(rand.Int64N(int64(spread) + 1))
	return (wait + time.Second - 1).Truncate(time.Second)
}

// inWords is a whole number of seconds, or of larger units where those say it better.
func inWords(d time.Duration) string {
	switch s := int(d / time.Second); {
	case s < 120:
		return fmt.Sprintf("%d s", s)
	case s < 7200:
		return fmt.Sprintf("%d minutes", (s+59)/60)
	default:
		return fmt.Sprintf("%d hours", (s+3599)/3600)
	}
}

// allowed refuses what the policies do not allow at all, however little of it there is.
func (v *Visit) allowed() *answer.Refusal {
	for _, p := range v.rules.policies {
		why := p.NotAllowed(v.x.RPC, v.name, v.x.Class, v.x.Client)
		if why == "" {
			continue
		}
		word := string(why)
		if p.Shadow {
			v.x.Limit = "would refuse: " + p.Name + " " + word
			v.limits.metrics.refused.WithLabelValues(v.scope, "shadow_"+word).Inc()
			continue
		}
		v.x.Limit = "refused " + p.Name + " " + word
		v.limits.metrics.refused.WithLabelValues(v.scope, word).Inc()
		return notAllowed(p, why, v.name)
	}
	return nil
}

func notAllowed(p *routing.LimitPolicy, why routing.LimitRefusal, call string) *answer.Refusal {
	refusal := &answer.Refusal{Status: http.StatusForbidden, Code: string(why), Title: "Not allowed for this client"}
	switch why {
	case routing.RefusedSource:
		refusal.Detail = "Requests of this kind are not taken from this address."
	case routing.RefusedCall:
		refusal.Detail = fmt.Sprintf("%s is not on the list of what this client may call.", orThis(call))
	case routing.RefusedUnlink:
		refusal.Detail = fmt.Sprintf("One call may delete %d records at most.", p.MaxUnlink)
	case routing.RefusedRead:
		refusal.Detail = fmt.Sprintf("One call may read %d records at most: give a limit, and an offset for the next ones.", p.MaxRead)
	}
	return refusal
}

func orThis(call string) string {
	if call == "" {
		return "This request"
	}
	return call
}
