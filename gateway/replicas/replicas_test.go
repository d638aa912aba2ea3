package replicas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func replica(id string, age time.Duration, keys ...string) store.Replica {
	return store.Replica{ID: id, Host: "host-" + id, Version: "v1", Started: noon.Add(-age), KeyIDs: keys}
}

func TestKeyRings(t *testing.T) {
	me := replica("m", 0, "k1", "k2")
	for rule, c := range map[string]struct {
		others []store.Replica
		fits   bool
	}{
		"alone":                                      {nil, true},
		"the same ring":                              {[]store.Replica{replica("a", time.Hour, "k1", "k2")}, true},
		"one shared key is enough":                   {[]store.Replica{replica("a", time.Hour, "k0", "k1")}, true},
		"shared with one of two":                     {[]store.Replica{replica("a", time.Hour, "x"), replica("b", time.Hour, "k2")}, true},
		"nothing shared":                             {[]store.Replica{replica("a", time.Hour, "x")}, false},
		"nothing shared with any":                    {[]store.Replica{replica("a", time.Hour, "x"), replica("b", time.Minute, "y")}, false},
		"who starts later gives way":                 {[]store.Replica{replica("a", -time.Second, "x")}, true},
		"of two in one moment, the smaller id stays": {[]store.Replica{replica("z", 0, "x")}, true},
		"and the larger one gives way":               {[]store.Replica{replica("a", 0, "x")}, false},
	} {
		t.Run(rule, func(t *testing.T) {
			err := fits(me, "/data/keys", append([]store.Replica{me}, c.others...))
			if (err == nil) != c.fits {
				t.Fatalf("got %v", err)
			}
			if err != nil && (!errors.Is(err, ErrForeignKeys) || !strings.Contains(err.Error(), "host-a") || !strings.Contains(err.Error(), "/data/keys")) {
				t.Errorf("does not say what to do: %v", err)
			}
		})
	}
}

// script is a store whose answers are prepared.
type script struct {
	mu    sync.Mutex
	live  []store.Replica
	err   error
	beats int
	last  time.Duration
}

func (s *script) now(err error, live ...store.Replica) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.live = err, live
}

func (s *script) seen() (beats int, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beats, s.last
}

func (s *script) Beat(_ context.Context, me store.Replica, ttl time.Duration) ([]store.Replica, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats++
	s.last = ttl
	if s.err != nil {
		return nil, s.err
	}
	return append([]store.Replica{me}, s.live...), nil
}

func newReplicas(s Store) (*Replicas, *bytes.Buffer) {
	var log bytes.Buffer
	return New(Config{
		Store: s, Me: replica("m", 0, "k1"), Keys: "/data/keys",
		Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: prometheus.NewRegistry(),
	}), &log
}

func TestJoin(t *testing.T) {
	t.Run("a gateway whose ring fits serves", func(t *testing.T) {
		s := &script{live: []store.Replica{replica("a", time.Hour, "k1")}}
		r, _ := newReplicas(s)
		if err := r.Join(t.Context()); err != nil || r.Count() != 2 {
			t.Errorf("got %v, %d replicas", err, r.Count())
		}
	})
	t.Run("one whose ring does not fit refuses", func(t *testing.T) {
		r, _ := newReplicas(&script{live: []store.Replica{replica("a", time.Hour, "x")}})
		if err := r.Join(t.Context()); !errors.Is(err, ErrForeignKeys) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a lost store delays a start by a second, and no more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{err: store.ErrUnavailable}
			r, log := newReplicas(s)
			before := time.Now()
			if err := r.Join(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(before); took != joinFor || s.beats < 5 {
				t.Errorf("took %s with %d tries", took, s.beats)
			}
			if !strings.Contains(log.String(), "serves without knowing its replicas") {
				t.Errorf("log: %s", log)
			}
		})
	})
	t.Run("a store that comes while we wait is asked", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{err: store.ErrUnavailable}
			time.AfterFunc(350*time.Millisecond, func() { s.now(nil, replica("a", time.Hour, "x")) })
			r, _ := newReplicas(s)
			if err := r.Join(t.Context()); !errors.Is(err, ErrForeignKeys) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		r, log := newReplicas(s)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		after := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		after(3*time.Second + time.Millisecond)
		if beats, ttl := s.seen(); beats != 3 || ttl != silent {
			t.Errorf("%d beats with %s in 3 s", beats, ttl)
		}
		s.now(nil, replica("a", time.Hour, "x"), replica("b", time.Hour, "x"))
		after(2 * time.Second)
		if !errors.Is(r.Fits(), ErrForeignKeys) || r.Count() != 3 {
			t.Errorf("learnt late: %v, %d replicas", r.Fits(), r.Count())
		}
		if n := strings.Count(log.String(), "must not serve"); n != 1 {
			t.Errorf("said %d times", n)
		}
		s.now(store.ErrUnknown)
		after(10 * time.Second)
		if r.Count() != 3 {
			t.Errorf("without a store: %d replicas, want the last known", r.Count())
		}
		if _, _, known := r.Live(); known {
			t.Error("the list of a lost store passes for new")
		}
		s.now(nil)
		after(time.Second)
		if r.Fits() != nil || r.Count() != 1 {
			t.Errorf("alone again: %v, %d", r.Fits(), r.Count())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, ttl := s.seen(); ttl != 0 {
			t.Errorf("at the end: ttl %s; it must say that it goes", ttl)
		}
	})
}

// told is what a store was told of us.
type told struct {
	script

	reports []string
	at      []time.Duration
	start   time.Time
}

func (s *told) Beat(ctx context.Context, me store.Replica, ttl time.Duration) ([]store.Replica, error) {
	s.mu.Lock()
	s.reports = append(s.reports, string(me.Report))
	s.at = append(s.at, time.Since(s.start))
	s.mu.Unlock()
	return s.script.Beat(ctx, me, ttl)
}

func (s *told) all() ([]string, []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reports), slices.Clone(s.at)
}

func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &told{start: time.Now()}
		count := 0
		r := New(Config{
			Store: s, Me: replica("m", 0, "k1"), Keys: "/data/keys", Log: slog.New(slog.DiscardHandler),
			Report: func() []byte { count++; return fmt.Append(nil, "report ", count) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		heard, stop := r.Subscribe()

		time.Sleep(300 * time.Millisecond)
		r.Nudge()
		synctest.Wait()
		if _, at := s.all(); len(at) != 1 || at[0] != 300*time.Millisecond {
			t.Errorf("a nudge beats at %v, want at once", at)
		}
		select {
		case <-heard:
		default:
			t.Error("who listens is not told")
		}
		for range 100 { // a storm of changes
			r.Nudge()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(nudgeWait)
		synctest.Wait()
		_, at := s.all()
		if len(at) < 3 || len(at) > 5 {
			t.Errorf("beats at %v", at)
		}
		for i := 1; i < len(at); i++ {
			if at[i]-at[i-1] < nudgeWait {
				t.Errorf("beats at %v are closer than %s", at, nudgeWait)
			}
		}
		time.Sleep(2*time.Second - time.Millisecond)
		synctest.Wait()
		reports, at := s.all()
		if reports[len(reports)-1] != fmt.Sprint("report ", len(reports)) {
			t.Errorf("reports %v", reports)
		}
		if last := at[len(at)-1]; last-at[len(at)-2] != beatEvery {
			t.Errorf("does not calm down: beats at %v", at)
		}
		stop()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if reports, _ := s.all(); reports[len(reports)-1] != "" {
			t.Error("reports although it goes")
		}
	})
}

func TestSilentReplicas(t *testing.T) {
	gone := replica("g", time.Hour, "x")
	gone.Silent, gone.Report = true, []byte("its last words")
	s := &script{live: []store.Replica{gone, replica("a", time.Hour, "k1")}}
	r, _ := newReplicas(s)
	if err := r.Join(t.Context()); err != nil {
		t.Errorf("a key ring that nobody uses any more stands in the way: %v", err)
	}
	live, _, known := r.Live()
	if len(live) != 2 || r.Count() != 2 || !known {
		t.Errorf("a silent one passes for live: %v", live)
	}
	if silent := r.Silent(); len(silent) != 1 || silent[0].ID != "g" || string(silent[0].Report) != "its last words" {
		t.Errorf("silent are %v", silent)
	}
}

// After a nudge beats follow that bring what the others say to it.
func TestEchoesAndEagerness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &told{start: time.Now()}
		var eager atomic.Bool
		r := New(Config{Store: s, Me: replica("m", 0, "k1"), Keys: "/data/keys", Log: slog.New(slog.DiscardHandler), Eager: eager.Load})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(100 * time.Millisecond)
		r.Nudge()
		time.Sleep(500 * time.Millisecond)
		ms := time.Millisecond
		if _, at := s.all(); !slices.Equal(at, []time.Duration{100 * ms, 150 * ms, 250 * ms, 450 * ms}) {
			t.Errorf("beats at %v", at)
		}
		eager.Store(true)
		r.Nudge()
		time.Sleep(time.Second)
		if _, at := s.all(); len(at) < 4+9 {
			t.Errorf("while somebody waits: beats at %v", at)
		}
		eager.Store(false)
		time.Sleep(200 * time.Millisecond)
		_, before := s.all()
		time.Sleep(3*time.Second + time.Millisecond)
		if _, at := s.all(); len(at) != len(before)+3 {
			t.Errorf("afterwards: beats at %v", at[len(before):])
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
