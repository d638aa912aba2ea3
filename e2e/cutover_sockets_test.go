package e2e

import (
	"fmt"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// socketsMoveOnceAMove: people's sockets are closed when they are moved, once, and stay open while
// a drain waits, also when the tenant was moved there and back before.
func socketsMoveOnceAMove(t *testing.T, s *site, tenant string) {
	day := s.Mix(t, tenant, 1, few)
	sockets := 5
	closed := func(what string, want int) {
		t.Helper()
		day.Await(t, 60)
		if got := day.Sofar().Closed["1012"]; got != want {
			t.Errorf("%s: sockets were closed %d times, want %d", what, got, want)
		}
	}
	day.Await(t, 20)
	moved := 0
	for _, to := range []string{"green", "blue"} {
		s.Start(t, tenant, to, harness.Object{"strategy": "failover", "watch": "1s"}).Ended(t, "completed")
		moved += sockets
		s.socketsAre(t, tenant, to, sockets)
		closed("moved to "+to, moved)
	}
	m := s.Start(t, tenant, "green", harness.Object{"strategy": "drain", "idle": "10m", "deadline": "20m", "watch": "10m"})
	m.In(t, "draining")
	closed("while the drain waits", moved)
	m.Must(t, "promote")
	m.In(t, "watching")
	moved += sockets
	s.socketsAre(t, tenant, "green", sockets)
	closed("after the drain", moved)
	m.Must(t, "abort")
	m.Ended(t, "aborted")
	moved += sockets
	s.socketsAre(t, tenant, "blue", sockets)
	closed("after the abort", moved)
	s.judge(t, day, 4)
}

// socketsAre waits until so many sockets are open on the release, and none on the other.
func (s *site) socketsAre(t *testing.T, tenant, release string, want int) {
	t.Helper()
	s.remainder(t, tenant, "the sockets have followed", func(r remainder) bool {
		for name, of := range r.Releases {
			if name == release && of.Sockets != want || name != release && of.Sockets != 0 {
				return false
			}
		}
		return r.Known
	})
}

// remainder is what a tenant's status says, as far as tests look at it.
type remainder struct {
	Known    bool
	Unknown  []string
	Sentence string
	Held     int
	Releases map[string]struct{ InFlight, Sockets, Sessions int }
}

func (s *site) remainder(t *testing.T, tenant, what string, ok func(remainder) bool) remainder {
	t.Helper()
	var status struct{ Remainder remainder }
	harness.Eventually(t, 2*harness.Patience, what, func() error {
		if err := s.API().Get(t.Context(), "/tenants/"+tenant+"/status", &status); err != nil {
			return err
		}
		if !ok(status.Remainder) {
			return fmt.Errorf("%+v", status.Remainder)
		}
		return nil
	})
	return status.Remainder
}

// TestTheRemainderIsExact: reports in flight and sockets are counted over all replicas, to the last
// one.
func TestTheRemainderIsExact(t *testing.T) {
	t.Parallel()
	const tenant = "acme"
	s := newSite(t, harness.SiteConfig{}, tenant)
	m := s.Start(t, tenant, "green", harness.Object{"strategy": "drain", "idle": "10m", "deadline": "20m", "watch": "10m"})
	m.In(t, "draining")
	s.remainder(t, tenant, "nothing is left", func(r remainder) bool {
		return r.Known && r.Releases["blue"].InFlight == 0 && r.Releases["blue"].Sockets == 0
	})
	var slow []chan error
	for i := range 7 {
		u := s.Visitor(tenant, s.All[i%len(s.All)])
		done := make(chan error, 1)
		slow = append(slow, done)
		go func() {
			_, err := u.Do(t.Context(), "GET", "/standin/slow?seconds=4", "")
			done <- err
		}()
	}
	s.remainder(t, tenant, "seven are on their way", func(r remainder) bool {
		return r.Known && r.Releases["green"].InFlight == 7 && r.Releases["blue"].InFlight == 0
	})
	for _, done := range slow {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.remainder(t, tenant, "none is", func(r remainder) bool { return r.Known && r.Releases["green"].InFlight == 0 })
	frozen := s.All[2]
	began := time.Now()
	s.Freeze(t, frozen)
	r := s.remainder(t, tenant, "a silent replica makes it unknown", func(r remainder) bool { return !r.Known })
	if len(r.Unknown) == 0 {
		t.Errorf("unknown, and not why: %+v", r)
	}
	t.Logf("unknown after %v: %q", time.Since(began).Round(10*time.Millisecond), r.Unknown)
	s.Thaw(t, frozen)
	s.remainder(t, tenant, "it is known again", func(r remainder) bool { return r.Known })
}
