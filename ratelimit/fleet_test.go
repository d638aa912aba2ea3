package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

// link is one replica's way to the ledger, with what can go wrong on it.
type link struct {
	ratelimit.Ledger

	mu    sync.Mutex
	delay time.Duration
	lose  int // so many answers get lost after the call was done
	late  int // so many take longer than a request waits
	dead  bool
	away  bool // known to be
	calls int
}

var errLost = errors.New("no answer")

func (l *link) Do(ctx context.Context, calls []*ratelimit.Call) {
	l.mu.Lock()
	delay, lose, dead, away := l.delay, l.lose > 0, l.dead, l.away
	if l.late > 0 {
		delay += 80 * time.Millisecond
	}
	l.lose--
	l.late--
	l.calls += len(calls)
	l.mu.Unlock()
	time.Sleep(delay / 2)
	if !dead && !away {
		l.Ledger.Do(ctx, calls)
	}
	time.Sleep(delay - delay/2)
	for _, c := range calls {
		switch {
		case away:
			c.Err = ratelimit.ErrNotSent
		case lose, dead:
			c.Err = errLost
		}
	}
}

func (l *link) Healthy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.away
}

func (l *link) Post(ctx context.Context, o ratelimit.Order) error {
	if !l.Healthy() {
		return ratelimit.ErrNotSent
	}
	return l.Ledger.Post(ctx, o)
}

func (l *link) set(change func(*link)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// replica is a limiter that runs.
type replica struct {
	*ratelimit.Limiter
	link  *link
	stop  context.CancelFunc
	ended chan struct{}
}

func run(ledger ratelimit.Ledger, name string, alive int, skew, delay time.Duration) *replica {
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{link: &link{Ledger: ledger, delay: delay}, stop: cancel, ended: make(chan struct{})}
	r.Limiter = ratelimit.New(ratelimit.Config{
		Ledger: r.link, Replica: name, Replicas: func() int { return alive }, Now: func() time.Time { return time.Now().Add(skew) },
	})
	go func() {
		defer close(r.ended)
		_ = r.Run(ctx)
	}()
	return r
}

func (r *replica) end() {
	r.stop()
	<-r.ended
}

// fleet is some replicas over one ledger, in a bubble of virtual time.
func fleet(t *testing.T, n int, delay time.Duration, test func(t *testing.T, replicas []*replica)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ledger := ratelimit.NewMemory(nil)
		var all []*replica
		for i := range n {
			// One of them has a wrong clock, always.
			skew := time.Duration(0)
			if i == n-1 {
				skew = 5 * time.Minute
			}
			all = append(all, run(ledger, fmt.Sprint("r", i), n, skew, delay))
		}
		test(t, all)
		for _, r := range all {
			r.end()
		}
	})
}

// offer sends a steady load to a limiter and returns how many requests passed.
func offer(l *ratelimit.Limiter, p *ratelimit.Policy, key string, perSecond int, span time.Duration) int {
	var all sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	gap := time.Second / time.Duration(perSecond)
	for range int(span / gap) {
		time.Sleep(gap)
		all.Go(func() {
			if take(l, p, key, 1).Allowed {
				mu.Lock()
				passed++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return passed
}
