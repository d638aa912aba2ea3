package limits

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// item is one member of the fields: a String with the parameters that we use, in their order
// (RFC 9651, draft-ietf-httpapi-ratelimit-headers-11).
var item = regexp.MustCompile(`^"[a-z0-9-]+"(;(r|t|q|w|sluice-burst|sluice-cost)=[0-9]+|;qu="concurrent-requests"|;pk=:[A-Za-z0-9+/]+=*:)+$`)

func checkField(t *testing.T, value string) {
	t.Helper()
	for _, member := range strings.Split(value, ", ") {
		if !item.MatchString(member) {
			t.Errorf("%q is no item of the draft", member)
		}
	}
}

func TestFieldsOfGoodAnswers(t *testing.T) {
	for rule, c := range map[string]struct {
		headers routing.LimitHeaders
		calls   int
		shown   bool
	}{
		"nothing while more than half is left": {routing.HeadersAuto, 2, false},
		"from the half on":                     {routing.HeadersAuto, 4, true},
		"always":                               {routing.HeadersAlways, 1, true},
		"never":                                {routing.HeadersNever, 5, false},
	} {
		w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) { p.Headers = c.headers })))
		var got reply
		for range c.calls {
			got = w.send(ask{uid: "7", key: "secret"})
		}
		limit, declared := got.header.Get(limitField), got.header.Get(policyField)
		if (limit != "") != c.shown || (declared != "") != c.shown {
			t.Errorf("%s: %q, %q", rule, limit, declared)
		}
		if c.shown {
			checkField(t, limit)
			checkField(t, declared)
			if !strings.HasPrefix(limit, `"api";r=`+strconv.Itoa(5-c.calls)+`;t=1;pk=:`) || !strings.HasPrefix(declared, `"api";q=600;w=60;pk=:`) || !strings.HasSuffix(declared, ";sluice-burst=5") {
				t.Errorf("%s: %q, %q", rule, limit, declared)
			}
		}
	}
}

func TestFieldsOfARefusal(t *testing.T) {
	w := newWorld(t, rpcRule(policy(func(p *routing.LimitPolicy) {
		p.Rate, p.Burst, p.Concurrency, p.Headers = 0.1, 2, 9, routing.HeadersAlways
		p.Quotas = []routing.LimitQuota{{Window: "hour", Limit: 50}, {Window: "day", Limit: 100}}
	})))
	w.passed(2, ask{uid: "7", key: "secret"})
	got := w.send(ask{uid: "7", key: "secret"})
	limit, declared := got.header.Get(limitField), got.header.Get(policyField)
	checkField(t, limit)
	checkField(t, declared)
	after := int(got.refused.RetryAfter / time.Second)
	if !strings.HasPrefix(limit, `"api";r=0;t=`+strconv.Itoa(after)+";") {
		t.Errorf("after %d s: %q", after, limit)
	}
	if strings.Count(limit, "r=") != 3 || !strings.Contains(declared, `"api-hour";q=50;w=3600`) && !strings.Contains(declared, `"api-day";q=100;w=86400`) {
		t.Errorf("%q, %q", limit, declared)
	}
	if !strings.Contains(declared+limit, "api-") {
		t.Error("the limits of one policy have one name")
	}
}

// A client is never told to come at once, nor before it would be served, nor all at one time.
func TestRetryAfterIsJittered(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Nanosecond, 400 * time.Millisecond, 3 * time.Second, time.Hour} {
		seen := map[time.Duration]bool{}
		for range 300 {
			got := jittered(wait)
			if got < time.Second || got < wait || got%time.Second != 0 || got > wait+wait/4+2*time.Second || got > wait+maxJitter+time.Second {
				t.Fatalf("%v became %v", wait, got)
			}
			seen[got] = true
		}
		if wait >= 10*time.Second && len(seen) < 3 {
			t.Errorf("%v always became the same", wait)
		}
	}
	for in, want := range map[time.Duration]string{time.Second: "1 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 minutes", 3 * time.Hour: "3 hours"} {
		if got := inWords(in); got != want {
			t.Errorf("%v: %q", in, got)
		}
	}
}

func TestTallyForgets(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	counts := newTally(3)
	counts.add("a", now)
	counts.add("a", now.Add(tallySpan-time.Second))
	for at, want := range map[time.Duration]int{0: 2} {
		if got := counts.count("a", now.Add(at)); got != want {
			t.Errorf("after %v: %d", at, got)
		}
	}
	if got := counts.count("a", now.Add(tallySpan+time.Second)); got != 2 {
		t.Errorf("after one span: %d", got)
	}
	if got := counts.count("a", now.Add(4*tallySpan)); got != 0 {
		t.Errorf("after four: %d", got)
	}
	for i := range 1000 {
		counts.add(strconv.Itoa(i), now.Add(4*tallySpan))
	}
	if n := len(counts.younger) + len(counts.elder); n > 6 {
		t.Errorf("%d names are kept", n)
	}
}

func TestKnownForgets(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	names := newKnown(10)
	names.add("a", now.Add(time.Minute))
	if !names.has("a", now) || names.has("a", now.Add(time.Minute)) || names.has("b", now) {
		t.Error("a name is known as long as it was said, and no other")
	}
	for i := range 1000 {
		names.add(strconv.Itoa(i), now.Add(time.Minute))
	}
	if names.size() > 20 || !names.has("999", now) || names.has("a", now) {
		t.Errorf("%d names are kept", names.size())
	}
	names.forget("999")
	if names.has("999", now) {
		t.Error("a name cannot be taken back")
	}
}

func TestRecentIsBounded(t *testing.T) {
	w := newWorld(t)
	w.recent.most = 20
	for i := range 500 {
		w.pass(time.Second)
		w.send(ask{class: odoo.Web, path: "/shop", from: "10.0.0." + strconv.Itoa(i%250)})
		w.send(ask{uid: "7", key: "secret", model: "m", method: "f" + strconv.Itoa(i)})
	}
	if n := len(w.recent.clients); n > 20 {
		t.Errorf("%d clients", n)
	}
	for _, a := range w.recent.clients {
		if len(a.calls) > mostCalls {
			t.Errorf("%d calls of one client", len(a.calls))
		}
	}
}

// A route of Traefik's is served, refused, and its keys are proven by what it answers.
func TestRoutes(t *testing.T) {
	w := newWorld(t)
	p := policy(func(p *routing.LimitPolicy) {
		p.By, p.Rate, p.Burst, p.Headers = routing.ByKey, 0.001, 2, routing.HeadersAlways
		p.Unverified = routing.UnverifiedLimit{Rate: 0.001, Burst: 3}
	})
	status := http.StatusOK
	handler := w.Route(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") == "bad" {
			out.WriteHeader(http.StatusForbidden)
			return
		}
		if status != http.StatusOK {
			out.WriteHeader(status)
		}
		_, _ = out.Write([]byte("served"))
	}), Route{Scope: "hooks@file", Policy: func() *routing.LimitPolicy { return p }, Client: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.7") }})
	get := func(key string) *httptest.ResponseRecorder {
		r, out := httptest.NewRequest(http.MethodGet, "/x", nil), httptest.NewRecorder()
		r.Header.Set("X-Api-Key", key)
		handler.ServeHTTP(out, r)
		return out
	}
	if first, second, third := get("one"), get("one"), get("one"); first.Code != 200 || second.Code != 200 || third.Code != 429 || third.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("a key: %d, %d, %d %v", first.Code, second.Code, third.Code, third.Header())
	}
	passed := 0
	for i := range 20 {
		if get("made up "+strconv.Itoa(i)).Code != http.StatusTooManyRequests {
			passed++
		}
	}
	if passed > 2 {
		t.Errorf("%d made-up keys pass", passed)
	}
	w.pass(time.Hour)
	status = http.StatusFound
	if out := get("one"); out.Code != http.StatusFound || out.Header().Get(limitField) != "" {
		t.Errorf("a redirect: %d %v", out.Code, out.Header())
	}
	if top := w.Top("hooks@file", 5); len(top) == 0 {
		t.Error("operators do not see it")
	}
}

// An aborted answer gives slots back.
func TestAPanicGivesSlotsBack(t *testing.T) {
	w := newWorld(t)
	p := policy(func(p *routing.LimitPolicy) { p.Rate, p.Concurrency, p.By = 0, 1, routing.ByAddress })
	handler := w.Route(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		Route{Scope: "r", Policy: func() *routing.LimitPolicy { return p }, Client: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.7") }})
	for range 3 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the request did not reach the handler")
				}
			}()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		}()
	}
}
