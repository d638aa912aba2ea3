package upstream

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	probesAtOnce = 256         // each waits for its time-out at worst
	sweepEvery   = time.Second // of idle connections
	confirmAfter = 250 * time.Millisecond
	nudgeGap     = 100 * time.Millisecond
)

// schedule says which backend is probed when. One goroutine takes from it, so that ten
// thousand pools cost a heap and not ten thousand goroutines.
type schedule struct {
	perSecond float64

	mu    sync.Mutex
	queue queue
	wake  chan struct{} // something is due earlier than the runner thinks
}

func (s *schedule) init(perSecond int) {
	s.perSecond = float64(perSecond)
	s.wake = make(chan struct{}, 1)
}

// add has b probed at once, or a little later when very many wait.
func (s *schedule) add(b *backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.index >= 0 {
		return
	}
	b.due = time.Now()
	if n := float64(len(s.queue)); n > s.perSecond {
		b.due = b.due.Add(time.Duration(rand.Float64() * n / s.perSecond * float64(time.Second)))
	}
	heap.Push(&s.queue, b)
	s.wakeUp()
}

func (s *schedule) remove(b *backend) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.index >= 0 {
		heap.Remove(&s.queue, b.index)
	}
	b.index = removed
}

// nudge has b probed at once. A backend that is being probed is not in the queue.
func (s *schedule) nudge(b *backend, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	soon := now
	if earliest := b.probed.Add(nudgeGap); earliest.After(now) {
		soon = earliest // many requests fail at once; one probe tells enough
	}
	if b.index >= 0 && b.due.After(soon) {
		b.due = soon
		heap.Fix(&s.queue, b.index)
		s.wakeUp()
	}
}

// again puts b back after a probe.
func (s *schedule) again(b *backend, interval time.Duration, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.index == removed {
		return
	}
	b.probed = now
	if least := time.Duration(float64(len(s.queue)+1) / s.perSecond * float64(time.Second)); interval < least {
		interval = least
	}
	jitter := 0.9 + 0.2*rand.Float64() // so that backends do not march in step
	b.due = now.Add(time.Duration(jitter * float64(interval)))
	heap.Push(&s.queue, b)
	s.wakeUp()
}

// next takes a backend that is due, or says how long until one is.
func (s *schedule) next(now time.Time) (*backend, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return nil, sweepEvery
	}
	if wait := s.queue[0].due.Sub(now); wait > 0 {
		return nil, min(wait, sweepEvery)
	}
	return heap.Pop(&s.queue).(*backend), 0
}

func (s *schedule) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already
	}
}

// runSchedule probes until ctx ends and the last probe is back.
func (u *Upstream) runSchedule(ctx context.Context) {
	var probes sync.WaitGroup
	defer u.warmers.Wait()
	defer probes.Wait()
	slots := make(chan struct{}, probesAtOnce)
	swept := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		if now.Sub(swept) >= sweepEvery {
			u.sweep(now)
			swept = now
		}
		b, wait := u.schedule.next(now)
		if b == nil {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-u.schedule.wake:
			case <-ctx.Done():
			}
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		probes.Go(func() {
			defer func() { <-slots }()
			u.probe(ctx, b)
			u.schedule.again(b, u.pause(b), time.Now())
		})
	}
}

// pause is the time until the next probe. What a single probe said of the database is
// confirmed soon: until then browsers lose their sessions.
func (u *Upstream) pause(b *backend) time.Duration {
	interval := rulesOf(b.owner.conf.Load()).interval
	if b.health.databaseInDoubt() {
		return min(interval, confirmAfter)
	}
	return interval
}

func (u *Upstream) sweep(now time.Time) {
	minute := int64(now.Sub(u.started) / time.Minute)
	later := u.minute.Swap(minute) != minute
	for _, live := range *u.pools.Load() {
		if later {
			live.hot.list(minute) // forgets who is gone
		}
		u.follow(live)
		for _, b := range *live.backends.Load() {
			b.http.idle.sweep(now)
			if b.realtime != b.http {
				b.realtime.idle.sweep(now)
			}
		}
	}
}

// removed is the index of a backend that must not come back into the queue.
const removed = -2

// queue is a heap by due.
type queue []*backend

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	b := x.(*backend)
	b.index = len(*q)
	*q = append(*q, b)
}

func (q *queue) Pop() any {
	old := *q
	last := len(old) - 1
	b := old[last]
	old[last] = nil
	*q = old[:last]
	b.index = -1
	return b
}
