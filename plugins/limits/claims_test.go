package limits

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func signIns(mode routing.SignInMode) routing.SignInLimit {
	return routing.SignInLimit{Mode: mode, PerLogin: 0.1, LoginBurst: 10, PerAddress: 0.5, PlaceBurst: 100}
}

// Any number of made-up keys get no budgets, leave nothing behind, and cost their sender alone.
func TestMadeUpKeysShareOneSmallBudget(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Unverified = routing.UnverifiedLimit{Rate: 1, Burst: 30} })))
	w.send(ask{uid: "7", key: "secret", from: "198.51.100.1"}) // a good client, elsewhere
	const many = 100_000
	passed := 0
	for i := range many {
		if w.send(ask{uid: strconv.Itoa(i % 9), key: "made up " + strconv.Itoa(i)}).refused == nil {
			passed++
		}
	}
	if passed != 30 {
		t.Errorf("%d of %d passed", passed, many)
	}
	if n := w.known.size(); n > 1 {
		t.Errorf("%d keys are remembered", n)
	}
	if n := len(w.limiter.Top("acme", many)); n > 200 {
		t.Errorf("%d budgets are remembered", n)
	}
	if n := len(w.recent.clients); n > 3 {
		t.Errorf("%d clients are remembered", n)
	}
	if got := w.passed(20, ask{uid: "7", key: "secret", from: "198.51.100.1"}); got < 4 {
		t.Errorf("a good client has %d calls left", got)
	}
}

// From many addresses they share the tenant's budget for claims.
func TestMadeUpKeysFromEverywhereShareTheTenants(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Unverified = routing.UnverifiedLimit{Rate: 1, Burst: 3} })))
	passed := 0
	for i := range 5000 {
		from := fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
		if w.send(ask{uid: "7", key: strconv.Itoa(i), from: from}).refused == nil {
			passed++
		}
	}
	if passed != 30 {
		t.Errorf("%d passed, want ten times an address's 3", passed)
	}
}

// Who is a victim's user number in name alone does not spend the victim's budget.
func TestNobodySpendsAVictimsBudget(t *testing.T) {
	for _, by := range []routing.LimitBy{routing.ByClient, routing.ByUser, routing.ByKey} {
		w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.By = by })))
		w.send(ask{uid: "7", key: "secret"})
		w.pass(time.Second)
		for i := range 100 {
			w.send(ask{uid: "7", key: strconv.Itoa(i), from: "203.0.113.5"})
		}
		if got := w.passed(5, ask{uid: "7", key: "secret"}); got != 5 {
			t.Errorf("by %s: the victim has %d of 5 left", by, got)
		}
	}
}

// A user pays for what a new key did, once the key has proven good.
func TestAUserPaysForItsNewKey(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.By, p.Rate = routing.ByUser, 0.001 })))
	w.good = []string{"a", "b", "c", "d", "e", "f"}
	for i, key := range w.good {
		if got := w.send(ask{uid: "7", key: key}).refused == nil; !got {
			t.Fatalf("key %d is refused as a claim", i)
		}
	}
	if w.send(ask{uid: "7", key: "a"}).refused == nil {
		t.Error("six calls with six keys left more than nothing of a burst of 5")
	}
}

// Credentials prove themselves for ten minutes, and lose it at once when they fail.
func TestProofEnds(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Unverified = routing.UnverifiedLimit{Rate: 0.0001, Burst: 1} })))
	call := ask{uid: "7", key: "secret"}
	if w.passed(3, call) != 3 {
		t.Error("a good key is held to the budget of strangers")
	}
	w.pass(provenFor + time.Second)
	if w.send(call).refused == nil {
		t.Error("the proof does not end")
	}
	w = newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Unverified = routing.UnverifiedLimit{Rate: 0.0001, Burst: 1} })))
	w.send(call)
	w.good = nil // revoked
	w.send(call)
	if w.send(call).refused == nil {
		t.Error("a key that was revoked keeps its budget")
	}
}

func TestGuessesAreStopped(t *testing.T) {
	for rule, guess := range map[string]func(i int) ask{
		"passwords of the login form": func(i int) ask { return ask{login: "admin", key: strconv.Itoa(i), class: odoo.Web, path: "/web/login"} },
		"passwords of XML-RPC":        func(i int) ask { return ask{login: "admin", key: strconv.Itoa(i)} },
		"keys of calls":               func(i int) ask { return ask{uid: "2", key: strconv.Itoa(i)} },
	} {
		t.Run(rule, func(t *testing.T) {
			w := newWorld(t)
			w.tenant.SignIn = signIns(routing.SignInEnforce)
			passed := 0
			for i := range 1000 {
				if w.send(guess(i)).refused == nil {
					passed++
				}
			}
			if passed < 9 || passed > 10 {
				t.Errorf("%d guesses passed, want 10", passed)
			}
			got := w.send(guess(0))
			if got.status() != 429 || got.refused.Code != "too_many_attempts" || got.refused.RetryAfter < time.Second {
				t.Errorf("got %+v", got.refused)
			}
			w.pass(time.Minute)
			passed = 0
			for i := range 100 {
				if w.send(guess(i)).refused == nil {
					passed++
				}
			}
			if passed < 5 || passed > 6 {
				t.Errorf("%d in a minute, want 6", passed)
			}
		})
	}
}

// Among refused guesses the right one must not pass: it would show, and the limit on guesses
// would be none. A key that is too long to be guessed goes on working beside the guesses.
func TestTheRightPasswordDoesNotShowAmongRefusedOnes(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 3)
	for _, from := range []string{"192.0.2.7", "203.0.113.9"} {
		w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) {
			p.Rate, p.Burst, p.Unverified = 1000, 1000, routing.UnverifiedLimit{Rate: 1, Burst: 5}
		})))
		w.tenant.SignIn = signIns(routing.SignInEnforce)
		w.good = []string{"secret", long}
		w.send(ask{uid: "7", key: "secret"}) // the owner is at work, at 192.0.2.7
		w.send(ask{uid: "7", key: long})
		for i := range 200 {
			w.send(ask{uid: "7", key: strconv.Itoa(i), from: from})
		}
		if w.send(ask{uid: "7", key: "secret", from: from}).refused == nil {
			t.Errorf("from %s: the right guess passes", from)
		}
		if w.send(ask{uid: "7", key: long}).refused != nil {
			t.Errorf("from %s: a key is refused for what others guess", from)
		}
		if got := w.send(ask{uid: "7", key: "secret"}).refused == nil; got == (from == "192.0.2.7") {
			t.Errorf("from %s: the owner passes: %v", from, got)
		}
	}
}

// One password for each of many logins, from one address.
func TestSprayingIsStopped(t *testing.T) {
	w := newWorld(t)
	w.tenant.SignIn = signIns(routing.SignInEnforce)
	passed := 0
	for i := range 2000 {
		if w.send(ask{login: "user" + strconv.Itoa(i), key: "Summer2026", class: odoo.Web, path: "/web/login"}).refused == nil {
			passed++
		}
	}
	if passed < 95 || passed > 100 {
		t.Errorf("%d passed, want 100", passed)
	}
}

// One login from many addresses: strangers are stopped, who signed in before is not.
func TestAnAttackOnALoginDoesNotLockItsOwnerOut(t *testing.T) {
	w := newWorld(t)
	w.tenant.SignIn = signIns(routing.SignInEnforce)
	owner := ask{login: "boss", key: "secret", class: odoo.Web, path: "/web/login"}
	w.send(owner)
	passed := 0
	for i := range 500 {
		if w.send(ask{login: "boss", key: strconv.Itoa(i), class: odoo.Web, path: "/web/login", from: fmt.Sprintf("10.0.%d.%d", i/250, i%250)}).refused == nil {
			passed++
		}
	}
	if passed < 28 || passed > 30 {
		t.Errorf("%d guesses from everywhere passed, want 30", passed)
	}
	if w.send(owner).refused != nil {
		t.Error("the owner is locked out")
	}
}

// A warehouse behind one address: hundreds sign in as the shift begins, some mistype, and one
// machine has the wrong password and tries all day.
func TestAWarehouseBehindOneAddressIsNotLockedOut(t *testing.T) {
	w := newWorld(t)
	w.tenant.SignIn = signIns(routing.SignInEnforce)
	in := func(i int, key string) bool {
		return w.send(ask{login: "picker" + strconv.Itoa(i), key: key, class: odoo.Web, path: "/web/login"}).refused == nil
	}
	for day := range 2 {
		for i := range 500 {
			if i%10 == 0 && !in(i, "mistyped") || !in(i, "secret") {
				t.Fatalf("day %d: picker %d is locked out", day, i)
			}
		}
		for range 5000 {
			w.send(ask{uid: "99", key: "wrong for good"})
			w.pass(10 * time.Millisecond)
		}
	}
	if !in(3, "secret") {
		t.Error("a machine with a wrong key locks people out who were here before")
	}
}

func TestShadowedGuessesPass(t *testing.T) {
	for _, mode := range []routing.SignInMode{routing.SignInShadow, routing.SignInOff, ""} {
		w := newWorld(t)
		w.tenant.SignIn = signIns(mode)
		if got := w.passed(50, ask{login: "admin", key: "wrong"}); got != 50 {
			t.Errorf("%q: %d of 50 passed", mode, got)
		}
	}
}

// Two guesses at a time, or thirty: the ones in flight are bounded too.
func TestGuessesInFlightAreBounded(t *testing.T) {
	w := newWorld(t)
	w.tenant.SignIn = signIns(routing.SignInEnforce)
	var visits []*Visit
	for i := range 500 {
		x := w.exchange(ask{login: "admin", key: strconv.Itoa(i)})
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		if v, _ := w.Enter(httptest.NewRecorder(), r, x); v != nil {
			x.Backend, x.Outcome = "b1", odoo.BadCredentials
			visits = append(visits, v)
		}
	}
	if len(visits) != guessesAtOne {
		t.Errorf("%d are in flight", len(visits))
	}
	for _, v := range visits {
		v.Leave(http.Header{})
	}
	if w.send(ask{login: "admin", key: "x"}).refused == nil {
		t.Error("what was in flight was not charged")
	}
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Costs, p.By = true, routing.ByUser })))
	w.tenant.SignIn = signIns(routing.SignInEnforce)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				w.send(ask{uid: strconv.Itoa(i % 3), key: []string{"secret", "x"}[n%2], took: time.Second})
				w.Top("acme", 5)
				w.Activity("acme", "address:192.0.2.7")
			}
		})
	}
	all.Wait()
}
