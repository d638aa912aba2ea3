package config

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ErrNotPending is returned for a confirmation of a removal that does not wait for one.
var ErrNotPending = errors.New("no removal with this digest waits for a confirmation")

// LiveConfig is what Live needs.
type LiveConfig struct {
	Listeners []string              // our own listen addresses; see Options
	Start     *Snapshot             // what is served until the first Apply; nil for nothing
	Metrics   prometheus.Registerer // may be nil
	Now       func() time.Time      // time.Now when nil
	Moved     func(string) string   // see Options; may be nil
}

// Live holds the current snapshot. Requests call Load; sources call Apply.
type Live struct {
	current atomic.Pointer[Snapshot]
	cfg     LiveConfig
	metrics *metrics
	wake    chan struct{}
	stirred atomic.Bool // a tenant that waits was moved

	mu          sync.Mutex // orders changes, and the calls of subscribers with them
	documents   []Document // the last of each source, by name
	confirmed   string
	versions    map[string]string // of pools that are declared with version auto
	subscribers []func(old, now *Snapshot)
}

// NewLive returns a Live that serves cfg.Start.
func NewLive(cfg LiveConfig) *Live {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Live{cfg: cfg, metrics: newMetrics(cfg.Metrics), wake: make(chan struct{}, 1)}
	start := cfg.Start
	if start == nil {
		start = emptySnapshot()
	}
	l.current.Store(start)
	if cfg.Start != nil {
		l.metrics.applied(start)
	}
	return l
}

// Load is the snapshot that a request keeps from its start to its end. It is never nil.
func (l *Live) Load() *Snapshot { return l.current.Load() }

// Apply makes doc current and returns what is wrong with it. What is wrong keeps its last
// good version; the rest is served when Apply returns.
func (l *Live) Apply(doc Document) Problems {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, found := slices.BinarySearchFunc(l.documents, doc.Source, func(d Document, name string) int {
		return strings.Compare(d.Source, name)
	})
	if found {
		l.documents[i] = doc
	} else {
		l.documents = slices.Insert(l.documents, i, doc)
	}
	return l.compile()
}

// Confirm lets the removal go through that waits under digest.
func (l *Live) Confirm(digest string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	pending := l.current.Load().Pending
	if pending == nil || pending.Digest != digest {
		return ErrNotPending
	}
	l.confirmed = digest
	l.compile()
	l.confirmed = "" // the word was for this removal, not for the next
	return nil
}

// Learn notes which Odoo version the servers of a pool run, for a pool that is declared
// with version auto. It tells whether that is news.
func (l *Live) Learn(pool, version string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.versions[pool] == version {
		return false
	}
	next := maps.Clone(l.versions)
	if next == nil {
		next = map[string]string{}
	}
	next[pool] = version
	l.versions = next
	if len(l.documents) > 0 { // before, it would look as if everything had vanished
		l.compile()
	}
	return true
}

// Subscribe calls f after every change, in order, never two at a time. f must be quick, and
// must not call Apply, Confirm or Subscribe.
func (l *Live) Subscribe(f func(old, now *Snapshot)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscribers = append(l.subscribers, f)
}

// Run compiles again when time or runtime has made a difference: a vanished tenant goes, one
// that waited moves. It ends with ctx.
func (l *Live) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(l.untilDue())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-l.wake:
			timer.Stop()
		case <-timer.C:
			l.again()
		}
	}
}

// Follow tells that something was decided at runtime about a tenant. Where its document waited
// to say the same, it waits no longer. It returns at once, and may be called by a subscriber.
func (l *Live) Follow(tenant string) {
	served := l.Load().tenants[tenant]
	if served == nil || !served.waits {
		return
	}
	l.stirred.Store(true)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *Live) untilDue() time.Duration {
	if l.stirred.Load() {
		return 0
	}
	due := l.Load().Due
	if due.IsZero() {
		return time.Hour
	}
	return max(0, due.Sub(l.cfg.Now()))
}

// again compiles the same documents at a later time.
func (l *Live) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := l.Load().Due
	if stirred := l.stirred.Swap(false); stirred || !due.IsZero() && !l.cfg.Now().Before(due) {
		l.compile()
	}
}

// compile is called with the lock held.
func (l *Live) compile() Problems {
	old := l.current.Load()
	now := Compile(l.merged(), old, Options{Now: l.cfg.Now(), Confirmed: l.confirmed, Listeners: l.cfg.Listeners, Versions: l.versions, Moved: l.cfg.Moved})
	l.current.Store(now)
	l.metrics.applies.Inc()
	l.metrics.applied(now)
	for _, f := range l.subscribers {
		f(old, now)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return now.Problems
}

func (l *Live) merged() Document {
	if len(l.documents) == 1 {
		return l.documents[0]
	}
	var all Document
	for _, d := range l.documents {
		all.Resources = append(all.Resources, d.Resources...)
		all.Torn = append(all.Torn, d.Torn...)
		all.Problems = append(all.Problems, d.Problems...)
	}
	return all
}
