package hold

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// site is one tenant's gate, its course, and whether somebody drives its hold.
type site struct {
	*Gates
	course atomic.Pointer[routing.Course]
	stale  atomic.Bool
	pace   int
	log    bytes.Buffer
}

func newSite(h routing.Hold) *site {
	s := &site{}
	s.course.Store(&routing.Course{Tenant: "acme", Hold: &h})
	s.Gates = New(Config{
		Course: func(string) *routing.Course { return s.course.Load() }, Fresh: func(string) bool { return !s.stale.Load() },
		Pace: func(string) int { return s.pace }, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	return s
}

// let ends the hold.
func (s *site) let() { s.decide(nil) }

func (s *site) decide(h *routing.Hold) {
	c := &routing.Course{Tenant: "acme", Hold: h}
	s.course.Store(c)
	s.Changed("acme")
}

// result is how one request's wait ended.
type result struct {
	n      int
	err    error
	lapsed bool
	took   time.Duration
	leave  func()
}

// ask has a request wait, and returns once it does, or is over.
func (s *site) ask(ctx context.Context, n int, class odoo.Class, bytes int64, results chan<- result) {
	go func() {
		began := time.Now()
		h := s.course.Load().Hold
		leave, lapsed, err := s.Enter(ctx, "acme", h, class, bytes)
		results <- result{n, err, lapsed, time.Since(began), leave}
	}()
	synctest.Wait()
}

func drain(results <-chan result) []result {
	synctest.Wait()
	var all []result
	for {
		select {
		case r := <-results:
			all = append(all, r)
		default:
			return all
		}
	}
}

func numbers(results []result) []int {
	all := make([]int, 0, len(results))
	for _, r := range results {
		all = append(all, r.n)
	}
	return all
}

// during runs test with the gate's own part on the way, as a gateway does.
func during(t *testing.T, h routing.Hold, test func(s *site)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		s := newSite(h)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		test(s)
		stop()
		<-done
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.gates) > 0 {
			t.Errorf("gates are left that nobody waits at: %+v", s.gates["acme"])
		}
	})
}

func TestThoseWhoWaitGoOnInTurn(t *testing.T) {
	during(t, routing.Hold{ID: "h", Wait: time.Minute}, func(s *site) {
		results := make(chan result, 20)
		for n := range 10 {
			s.ask(context.Background(), n, odoo.Web, 0, results)
		}
		if got := s.Status("acme"); got.Held != 10 {
			t.Errorf("status %+v", got)
		}
		s.pace = 2
		s.let()
		for want := 0; want < 10; want += 2 {
			went := drain(results)
			if got := numbers(went); len(got) != 2 || min(got[0], got[1]) != want || max(got[0], got[1]) != want+1 {
				t.Fatalf("%v went on together, want %d and %d", got, want, want+1)
			}
			for _, r := range went {
				if r.err != nil || r.lapsed {
					t.Errorf("request %d: lapsed %v, %v", r.n, r.lapsed, r.err)
				}
				r.leave()
				r.leave() // once more does no harm
			}
		}
	})
}

func TestAHoldIsNoLargerThanItSays(t *testing.T) {
	for rule, c := range map[string]struct {
		hold  routing.Hold
		sizes []int64
		shed  map[int]error
	}{
		"the oldest goes when too many wait":                  {routing.Hold{Count: 3}, []int64{1, 1, 1, 1, 1}, map[int]error{0: routing.ErrHeldTooMany, 1: routing.ErrHeldTooMany}},
		"and as many as it takes when their bodies are large": {routing.Hold{Bytes: 100}, []int64{40, 40, 10, 90}, map[int]error{0: routing.ErrHeldTooLarge, 1: routing.ErrHeldTooLarge}},
		"one that will never fit pushes nobody out":           {routing.Hold{Bytes: 100}, []int64{40, 101, 60}, map[int]error{1: routing.ErrHeldTooLarge}},
		"what just fits waits":                                {routing.Hold{Bytes: 100, Count: 2}, []int64{40, 60}, nil},
		"one that does not say has bounds all the same":       {routing.Hold{}, []int64{200 << 20, 57 << 20, 256<<20 + 1}, map[int]error{0: routing.ErrHeldTooLarge, 2: routing.ErrHeldTooLarge}},
	} {
		t.Run(rule, func(t *testing.T) {
			c.hold.Wait = time.Minute
			during(t, c.hold, func(s *site) {
				results := make(chan result, 20)
				for n, size := range c.sizes {
					s.ask(context.Background(), n, odoo.Web, size, results)
				}
				shed := drain(results)
				for _, r := range shed {
					if !errors.Is(r.err, c.shed[r.n]) || c.shed[r.n] == nil {
						t.Errorf("request %d: %v, want %v", r.n, r.err, c.shed[r.n])
					}
				}
				if got := s.Status("acme"); len(shed) != len(c.shed) || got.Held != len(c.sizes)-len(c.shed) || got.Shed != uint64(len(c.shed)) {
					t.Errorf("%d were refused, status %+v; want %v", len(shed), got, c.shed)
				}
				s.let()
				for _, r := range drain(results) {
					if r.err != nil {
						t.Errorf("request %d after the hold: %v", r.n, r.err)
					}
					r.leave()
				}
			})
		})
	}
}

func TestNobodyWaitsLongerThanTheHoldSays(t *testing.T) {
	during(t, routing.Hold{ID: "h", Wait: 20 * time.Second}, func(s *site) {
		results := make(chan result, 20)
		for n := range 3 {
			s.ask(context.Background(), n, odoo.Web, 0, results)
			time.Sleep(time.Second)
		}
		for want := range 3 {
			r := <-results
			if r.n != want || !errors.Is(r.err, routing.ErrHeldTooLong) || r.took != 20*time.Second {
				t.Errorf("request %d after %v: %v", r.n, r.took, r.err)
			}
		}
		if got := s.Status("acme"); got.Longest != 20*time.Second || got.Shed != 3 || got.Held != 0 {
			t.Errorf("status %+v", got)
		}
		if held := testutil.ToFloat64(s.metrics.held.WithLabelValues("acme")); held != 0 {
			t.Errorf("sluice_held is %v", held)
		}
	})
	during(t, routing.Hold{ID: "h"}, func(s *site) { // one that does not say
		results := make(chan result, defaultCount+1)
		for n := range defaultCount + 1 {
			s.ask(context.Background(), n, odoo.Web, 0, results)
		}
		if shed := drain(results); len(shed) != 1 || shed[0].n != 0 {
			t.Errorf("%d were refused at once", len(shed))
		}
		for range defaultCount {
			if r := <-results; r.took != defaultWait {
				t.Fatalf("after %v", r.took)
			}
		}
	})
}

func TestAClientThatHasGoneDoesNotGoOn(t *testing.T) {
	during(t, routing.Hold{ID: "h", Wait: time.Minute}, func(s *site) {
		results := make(chan result, 20)
		s.ask(context.Background(), 0, odoo.Web, 0, results)
		ctx, leave := context.WithCancel(context.Background())
		s.ask(ctx, 1, odoo.Web, 0, results)
		s.ask(context.Background(), 2, odoo.Web, 0, results)
		leave()
		if gone := drain(results); len(gone) != 1 || gone[0].n != 1 || !errors.Is(gone[0].err, context.Canceled) {
			t.Errorf("got %+v, want the second to be gone", gone)
		}
		if got := s.Status("acme"); got.Held != 2 || got.Shed != 0 {
			t.Errorf("status %+v", got)
		}
		// Who leaves at the very moment at which it may go on gives its place back.
		s.pace = 1
		s.let()
		for _, want := range []int{0, 2} {
			r := <-results
			if r.n != want || r.err != nil {
				t.Fatalf("request %d: %v", r.n, r.err)
			}
			r.leave()
		}
		dead, cancel := context.WithCancel(context.Background())
		cancel()
		if _, _, err := s.Enter(dead, "acme", &routing.Hold{Wait: time.Minute}, odoo.Web, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAHoldThatNobodyDrivesLapses(t *testing.T) {
	for rule, final := range map[string]bool{"before the point of no return, to the old side": false, "past it, nobody goes on": true} {
		t.Run(rule, func(t *testing.T) {
			during(t, routing.Hold{ID: "c1", Wait: time.Minute, Final: final}, func(s *site) {
				results := make(chan result, 20)
				for n := range 3 {
					s.ask(context.Background(), n, odoo.Web, 0, results)
				}
				time.Sleep(5 * time.Second)
				s.stale.Store(true)
				time.Sleep(look)
				ended := drain(results)
				s.ask(context.Background(), 3, odoo.Web, 0, results) // comes later
				ended = append(ended, drain(results)...)
				if len(ended) != 4 {
					t.Fatalf("%d of 4 have ended", len(ended))
				}
				for _, r := range ended {
					if final && !errors.Is(r.err, routing.ErrHoldLost) || !final && (r.err != nil || !r.lapsed) {
						t.Errorf("request %d: lapsed %v, %v", r.n, r.lapsed, r.err)
					}
					if r.err == nil {
						r.leave()
					}
				}
				said := s.log.String()
				if strings.Count(said, "nobody drives") != 1 || !strings.Contains(said, "tenant=acme") || strings.Contains(said, "maintenance page") != final {
					t.Errorf("the log says:\n%s", said)
				}
				if let := s.Status("acme").Lapsed; (let == "c1") == final {
					t.Errorf("it says that hold %q let requests go on", let)
				}
				// Its driver comes back: it holds again.
				s.stale.Store(false)
				s.ask(context.Background(), 4, odoo.Web, 0, results)
				if r := drain(results); len(r) != 0 {
					t.Errorf("it does not hold any more: %+v", r)
				}
				s.let()
				(<-results).leave()
			})
		})
	}
}

// Who goes on when the tenant is held anew waits on, for as long as was said at first.
func TestALateReturnOfTheHoldKeepsTheRest(t *testing.T) {
	during(t, routing.Hold{ID: "h", Wait: time.Minute}, func(s *site) {
		results := make(chan result, 20)
		for n := range 4 {
			s.ask(context.Background(), n, odoo.Web, 0, results)
		}
		time.Sleep(10 * time.Second)
		s.pace = 1
		s.let()
		first := drain(results)
		s.decide(&routing.Hold{ID: "h2", Wait: time.Minute})
		first[0].leave()
		time.Sleep(3 * time.Second)
		if more := drain(results); len(first) != 1 || len(more) != 0 || s.Status("acme").Held != 3 {
			t.Errorf("%v went on, then %v in spite of the new hold", numbers(first), numbers(more))
		}
		for range 3 {
			if r := <-results; !errors.Is(r.err, routing.ErrHeldTooLong) || r.took != time.Minute {
				t.Errorf("request %d after %v: %v", r.n, r.took, r.err)
			}
		}
	})
}

// One that takes long must not keep its place: it may be an upload that needs no worker yet, or a report.
func TestAPlaceIsGivenOnAfterASecond(t *testing.T) {
	during(t, routing.Hold{ID: "h", Wait: time.Minute}, func(s *site) {
		results := make(chan result, 20)
		for n := range 4 {
			s.ask(context.Background(), n, odoo.Report, 0, results)
		}
		for n := 4; n < 14; n++ {
			s.ask(context.Background(), n, odoo.Realtime, 0, results)
		}
		s.pace = 2
		began := time.Now()
		s.let()
		at := map[int]time.Duration{}
		for range 14 {
			at[(<-results).n] = time.Since(began)
		}
		for n, took := range at {
			want := time.Duration(0)
			if n == 2 || n == 3 {
				want = placeTime
			}
			if took < want || took > want+look {
				t.Errorf("request %d went on after %v, want %v", n, took, want)
			}
		}
		time.Sleep(placeTime + look) // nobody has left; the gate does not wait for that
	})
}

// Five thousand that waited go on at the pace of eight workers: each answered, in turn, none
// refused because those in front of it took their time.
func TestFiveThousandGoOn(t *testing.T) {
	const workers, requests, work = 8, 5000, 30 * time.Millisecond
	during(t, routing.Hold{ID: "h", Wait: 25 * time.Second, Count: requests, Bytes: 256 << 20}, func(s *site) {
		s.pace = 2 * workers
		var (
			wg      sync.WaitGroup
			mu      sync.Mutex
			on      int
			most    int
			longest time.Duration
			order   []int
			pool    = make(chan struct{}, workers)
		)
		began := time.Now()
		for n := range requests {
			wg.Go(func() {
				leave, lapsed, err := s.Enter(context.Background(), "acme", s.course.Load().Hold, odoo.Web, 100)
				if err != nil || lapsed {
					t.Errorf("request %d: %v, %v", n, lapsed, err)
					return
				}
				mu.Lock()
				on++
				most, longest, order = max(most, on), max(longest, time.Since(began)), append(order, n)
				mu.Unlock()
				pool <- struct{}{}
				time.Sleep(work)
				<-pool
				mu.Lock()
				on--
				mu.Unlock()
				leave()
			})
			synctest.Wait()
		}
		time.Sleep(24 * time.Second) // the hold lasts nearly as long as it may
		s.let()
		wg.Wait()
		if bound := 24*time.Second + requests/workers*work + time.Second; longest > bound || most > 2*workers {
			t.Errorf("the last waited %v, want at most %v; %d were on their way at once", longest, bound, most)
		}
		if !slices.IsSortedFunc(order, func(a, b int) int {
			if a > b+2*workers { // those that go on together may overtake each other
				return 1
			}
			return 0
		}) || len(order) != requests {
			t.Errorf("%d went on, not in turn", len(order))
		}
		if got := s.Status("acme"); got.Shed != 0 || got.Held != 0 || got.Longest != longest {
			t.Errorf("status %+v, the longest wait was %v", got, longest)
		}
		t.Logf("5000 requests, 8 workers, 30 ms each: the last waited %v (24 s of them the hold)", longest)
	})
}

// When the row moves too slowly, its end is refused, once the wait has passed a second time.
func TestTheRowEndsToo(t *testing.T) {
	during(t, routing.Hold{ID: "h", Wait: 10 * time.Second}, func(s *site) {
		results := make(chan result, 100)
		for n := range 100 {
			s.ask(context.Background(), n, odoo.Web, 0, results)
		}
		time.Sleep(9 * time.Second)
		s.pace = 4
		s.let()
		went, refused := 0, 0
		for range 100 {
			r := <-results
			switch {
			case r.err == nil:
				went++
			case errors.Is(r.err, routing.ErrHeldTooLong) && r.took == 19*time.Second:
				refused++
			default:
				t.Errorf("request %d after %v: %v", r.n, r.took, r.err)
			}
		}
		if went < 30 || went > 44 || refused != 100-went {
			t.Errorf("%d went on and %d were refused", went, refused)
		}
		time.Sleep(placeTime + look)
	})
}

func TestWhyRequestsAreShedIsCounted(t *testing.T) {
	for want, err := range map[string]error{
		"too_long": routing.ErrHeldTooLong, "too_many": routing.ErrHeldTooMany, "too_large": routing.ErrHeldTooLarge,
		"lost": routing.ErrHoldLost, "gone": context.Canceled,
	} {
		if got := reason(err); got != want {
			t.Errorf("%v: got %s, want %s", err, got, want)
		}
	}
}
