package shield

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"sluicegate.dev/sluice/routing"
)

const (
	askAtOnce = 32               // requests that ask another release
	askLimit  = 15 * time.Second // of one of them
	askMost   = 2                // releases for one file
)

func sortActiveFirst(releases []*routing.Release, active *routing.Release) {
	slices.SortFunc(releases, func(a, b *routing.Release) int {
		if (a == active) != (b == active) {
			if a == active {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
}

// askOthers asks other releases for what x's does not have, and passes on the first answer
// that has it; else the one that is held.
func (s *Shield) askOthers(t *tap, r *http.Request, x *routing.Exchange, others []*routing.Release) {
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	default: // a flood of files that nobody has must not become two
		t.letGo()
		return
	}
	for _, release := range others[:min(len(others), askMost)] {
		if s.askOne(t, r, x, release) {
			s.metrics.answers.WithLabelValues("other release").Inc()
			return
		}
	}
	if r.Context().Err() == nil {
		s.lost.note(x.Tenant.Name, x.Path, time.Now())
	}
	s.metrics.answers.WithLabelValues("nobody").Inc()
	t.letGo()
}

// askOne asks one release, as somebody without a session.
func (s *Shield) askOne(t *tap, r *http.Request, x *routing.Exchange, release *routing.Release) bool {
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	y := &routing.Exchange{
		Route: x.Route, RequestID: x.RequestID, Client: x.Client, Scheme: x.Scheme, EntryPoint: x.EntryPoint, PublicHost: x.PublicHost,
	}
	y.Release, y.Pool = release, release.Pool
	asked := r.Clone(routing.NewContext(ctx, y))
	for _, name := range [...]string{"Cookie", "Authorization", "Proxy-Authorization"} {
		asked.Header.Del(name)
	}
	asked.Body, asked.ContentLength = http.NoBody, 0
	again := t.again()
	s.upstream.ServeHTTP(again, asked)
	x.Attempts += y.Attempts
	if !again.passed {
		return false
	}
	t.took(again)
	x.Status, x.Outcome, x.Backend, x.Waited, x.Upstream, x.Cause = y.Status, y.Outcome, y.Backend, y.Waited, y.Upstream, nil
	return true
}

// lost remembers what no release has, so that somebody who asks for it all the time does not
// ask each of them each time.
type lost struct {
	mu    sync.Mutex
	until map[key]time.Time
}

const (
	lostFor  = 30 * time.Second
	lostMost = 4096
)

func (l *lost) lately(tenant, path string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.until[key{tenant, path}])
}

func (l *lost) note(tenant, path string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.until) >= lostMost {
		maps.DeleteFunc(l.until, func(_ key, until time.Time) bool { return now.After(until) })
	}
	if l.until == nil || len(l.until) >= lostMost {
		l.until = map[key]time.Time{}
	}
	l.until[key{tenant, path}] = now.Add(lostFor)
}
