package census

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// front is a server with the census around a step, for requests of acme.
func front(t *testing.T, c *Census, step http.HandlerFunc) *httptest.Server {
	t.Helper()
	chain := c.Arrive(step)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &routing.Exchange{SessionKey: r.Header.Get("Session")}
		x.Tenant, x.Class = &routing.Tenant{Name: "acme"}, odoo.Class(r.Header.Get("Class"))
		if x.Class == "" {
			x.Class = odoo.Web
		}
		x.Outcome = odoo.Outcome(r.Header.Get("Outcome"))
		if release := r.Header.Get("Release"); release != "" {
			x.Release = &routing.Release{Name: release}
		}
		chain.ServeHTTP(w, r.WithContext(routing.NewContext(r.Context(), x)))
	}))
	t.Cleanup(s.Close)
	return s
}

// get sends one request; fields come in pairs.
func get(t *testing.T, s *httptest.Server, fields ...string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	if response, err := s.Client().Do(r); err == nil {
		response.Body.Close()
	}
}

func TestARequestIsInTheBooksFromTheFirstStepToTheLast(t *testing.T) {
	c := New(0)
	get(t, front(t, c, func(w http.ResponseWriter, r *http.Request) { // so that both sides are known
		v := routing.FromContext(r.Context()).Visit
		v.At("blue", true)
		v.At("green", true)
	}))
	type want struct{ waiting, undecided, blue, green int }
	check := func(when string, w want) {
		t.Helper()
		n := c.Counts("acme")
		if got := (want{n.Waiting, n.Undecided, n.Of("blue").InFlight, n.Of("green").InFlight}); got != w {
			t.Errorf("%s: got %+v, want %+v", when, got, w)
		}
	}
	get(t, front(t, c, func(w http.ResponseWriter, r *http.Request) {
		x := routing.FromContext(r.Context())
		check("undecided, it counts on each release", want{0, 1, 1, 1})
		x.Visit.Waits()
		check("held", want{1, 0, 0, 0})
		x.Visit.At("", true)
		check("let go", want{0, 1, 1, 1})
		x.Visit.At("blue", true)
		check("decided", want{0, 0, 1, 0})
		x.Visit.At("green", true)
		check("decided anew", want{0, 0, 0, 1})
		x.Release = &routing.Release{Name: "green"}
		c.Settle(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { check("before upstream", want{0, 0, 0, 1}) })).ServeHTTP(w, r)
		panic(http.ErrAbortHandler)
	}))
	check("broken off", want{})
	get(t, front(t, c, func(http.ResponseWriter, *http.Request) { check("a file is kept by no hold", want{}) }), "Class", "static")
}

func TestUpstreamIsTheLastWhoMaySayWhere(t *testing.T) {
	c := New(0)
	s := front(t, c, c.Settle(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n := c.Counts("acme").Of("blue"); n.InFlight != 1 || len(n.Longest) != 1 || n.Longest[0].Class != odoo.Report || n.Classes[odoo.Report] != 1 {
			t.Errorf("got %+v", n)
		}
	})).ServeHTTP)
	get(t, s, "Release", "blue", "Class", "report")
	if n := c.Counts("acme").Of("blue"); n.InFlight != 0 || len(n.Longest) != 0 {
		t.Errorf("afterwards: %+v", n)
	}
}

// A cutover puts up its hold and then looks at what is in flight. Once that is nothing,
// nothing that was let through before may still arrive.
func TestNobodyIsMissedBetweenTheDecisionAndTheRelease(t *testing.T) {
	c := New(0)
	for range 200 {
		var held, over atomic.Bool
		late := atomic.Int64{}
		chain := c.Arrive(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			v := routing.FromContext(r.Context()).Visit
			if held.Load() {
				v.Waits()
				return
			}
			v.At("blue", true)
			if over.Load() {
				late.Add(1)
			}
		}))
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for !over.Load() {
					x := &routing.Exchange{}
					x.Tenant, x.Class = &routing.Tenant{Name: "acme"}, odoo.Web
					r := httptest.NewRequest(http.MethodGet, "/", nil)
					chain.ServeHTTP(nil, r.WithContext(routing.NewContext(r.Context(), x)))
				}
			})
		}
		for c.Counts("acme").Of("blue").InFlight == 0 {
		}
		held.Store(true)
		for c.Counts("acme").Of("blue").InFlight > 0 {
		}
		over.Store(true)
		clients.Wait()
		if late.Load() > 0 {
			t.Fatalf("%d requests went to the old side after it was found empty", late.Load())
		}
	}
}

func TestOutcomesAndLatencies(t *testing.T) {
	c := New(0)
	s := front(t, c, func(_ http.ResponseWriter, r *http.Request) {
		x := routing.FromContext(r.Context())
		x.Visit.At("blue", true)
		x.Backend, x.Waited, x.Upstream = "b1", 100*time.Millisecond, 50*time.Millisecond
	})
	for _, outcome := range []odoo.Outcome{
		odoo.OK, odoo.NotFound, odoo.Invalid, odoo.BadCredentials, odoo.Denied, odoo.LoginRequired, // Odoo did what it should
		odoo.Fault, odoo.ServerError, odoo.Unavailable, odoo.Truncated, odoo.SessionExpired, // these are failures
		odoo.Refused, odoo.ClientGone, // these say nothing of the release
	} {
		get(t, s, "Outcome", string(outcome))
	}
	get(t, s, "Class", "static", "Outcome", "server_error")
	get(t, s, "Class", "report", "Outcome", "ok") // slow by nature
	n := c.Counts("acme").Of("blue")
	if n.Requests != 12 || n.Failures != 5 || n.Latency.Total() != 11 {
		t.Errorf("%d requests, %d failures, %d latencies", n.Requests, n.Failures, n.Latency.Total())
	}
	if p95 := n.Latency.Quantile(0.95); p95 < 100*time.Millisecond || p95 > 200*time.Millisecond {
		t.Errorf("p95 is %v, and all took 150 ms", p95)
	}
	if later := n.Latency.Since(n.Latency); later.Total() != 0 || later.Quantile(0.5) != 0 {
		t.Error("nothing has happened since")
	}
}

func TestABucketHoldsWhatItSays(t *testing.T) {
	for i := range LatencyBuckets - 1 {
		if got := bucketOf(LatencyBound(i)); got != i {
			t.Errorf("%v is in bucket %d, want %d", LatencyBound(i), got, i)
		}
		if got := bucketOf(LatencyBound(i) + time.Microsecond); got != i+1 {
			t.Errorf("a little more than %v is in bucket %d, want %d", LatencyBound(i), got, i+1)
		}
	}
	if got := bucketOf(time.Hour); got != LatencyBuckets-1 {
		t.Errorf("an hour is in bucket %d", got)
	}
}

func TestBooksEndWithTheTenant(t *testing.T) {
	c := New(0)
	s := front(t, c, func(_ http.ResponseWriter, r *http.Request) {
		routing.FromContext(r.Context()).Visit.At("blue", true)
		if r.Header.Get("Drop") != "" {
			c.Retain(func(string) bool { return false })
		}
	})
	get(t, s, "Session", "a")
	if n := c.Counts("acme").Of("blue").Sessions(); n != 1 || c.known.Load() != 1 {
		t.Errorf("%d sessions, %d in all", n, c.known.Load())
	}
	get(t, s, "Session", "b", "Drop", "now")
	if n := c.Counts("acme").Of("blue").Sessions(); n != 2 {
		t.Errorf("%d sessions while a request is on the way, want 2", n)
	}
	c.Retain(func(string) bool { return false })
	if n := c.Counts("acme"); len(n.Releases) != 0 || c.known.Load() != 0 {
		t.Errorf("left: %+v, %d sessions", n, c.known.Load())
	}
}
