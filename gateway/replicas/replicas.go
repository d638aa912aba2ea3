package replicas

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store"
)

const (
	beatEvery = time.Second
	silent    = 5 * time.Second        // a replica that has not been heard of for so long is gone
	joinFor   = time.Second            // a start waits so long for the store to say who is there
	joinEvery = 100 * time.Millisecond // and asks so often
	nudgeWait = 50 * time.Millisecond  // between two beats, however often Nudge is called
	eagerWait = 100 * time.Millisecond // between two beats while somebody waits for what they say
	echoes    = 3                      // beats after a nudge, each twice as late: they bring what the others say to it
)

// Store passes on who lives.
type Store interface {
	Beat(ctx context.Context, me store.Replica, ttl time.Duration) (all []store.Replica, err error)
}

// Config says who we are. All but Report, Eager, Dir and Metrics is required.
type Config struct {
	Store   Store
	Me      store.Replica
	Keys    string        // path of the key ring, for people
	Report  func() []byte // what we say of ourselves with each beat; may be nil
	Eager   func() bool   // whether somebody waits for what beats bring, so that they come every 100 ms
	Dir     string        // of this gateway alone, so that one that was killed is not waited for
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Replicas are the gateways that share our store.
type Replicas struct {
	store  Store
	me     store.Replica
	keys   string
	report func() []byte
	eager  func() bool
	log    *slog.Logger
	nudge  chan struct{}

	home     home // of whoever beats: Join, then Run
	homeless bool

	mu        sync.Mutex
	live      []store.Replica
	silent    []store.Replica // not heard of, and have not said that they go
	heard     time.Time       // when the store last said who lives
	foreign   error           // why our key ring does not fit theirs
	listeners map[chan struct{}]struct{}
}

// New returns the replicas, of which only we are known.
func New(cfg Config) *Replicas {
	r := &Replicas{
		store: cfg.Store, me: cfg.Me, keys: cfg.Keys, report: cfg.Report, eager: cfg.Eager, log: cfg.Log, live: []store.Replica{cfg.Me},
		nudge: make(chan struct{}, 1), home: home{dir: cfg.Dir}, listeners: map[chan struct{}]struct{}{},
	}
	r.register(cfg.Metrics)
	return r
}

// Join waits until the store has said who else serves, for a moment at most: a gateway must
// start while its store is down. It fails when we may not serve beside them.
func (r *Replicas) Join(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, joinFor)
	defer cancel()
	tick := time.NewTicker(joinEvery)
	defer tick.Stop()
	for {
		if _, _, answered := r.beat(ctx); answered {
			return r.Fits()
		}
		select {
		case <-ctx.Done():
			r.log.WarnContext(ctx, "the store is not there: this gateway serves without knowing its replicas")
			return nil
		case <-tick.C:
		}
	}
}

// Run says that we live, and hears who else does, until ctx ends. Then it says that we go.
func (r *Replicas) Run(ctx context.Context) error {
	next, calm := time.NewTimer(beatEvery), time.NewTimer(0)
	defer next.Stop()
	defer calm.Stop()
	nudge := (<-chan struct{})(nil) // while a beat is too young for another
	echo := echoes                  // beats since the last nudge
	for {
		select {
		case <-ctx.Done():
			_, _ = r.store.Beat(context.WithoutCancel(ctx), r.me, 0) // or they wait for us until an operator says otherwise
			r.home.leave()
			return nil
		case <-calm.C:
			nudge = r.nudge
			continue
		case <-nudge:
			echo = 0
		case <-next.C:
			echo = min(echo+1, echoes)
		}
		r.tell(ctx)
		nudge = nil
		calm.Reset(nudgeWait)
		next.Reset(r.pause(echo))
	}
}

// pause is how long to wait for the next beat, unless Nudge is called.
func (r *Replicas) pause(echo int) time.Duration {
	switch {
	case echo < echoes:
		return nudgeWait << echo
	case r.eager != nil && r.eager():
		return eagerWait
	default:
		return beatEvery
	}
}

// Nudge has us beat now, because what we report has changed, and a few times soon after, for
// what the others say to that. It never waits.
func (r *Replicas) Nudge() {
	select {
	case r.nudge <- struct{}{}:
	default:
	}
}

// tell beats, and logs what has changed.
func (r *Replicas) tell(ctx context.Context) {
	switch before, now, answered := r.beat(ctx); {
	case !answered: // the store says in its own log that it is away
	case now != nil && (before == nil || before.Error() != now.Error()):
		r.log.ErrorContext(ctx, "this gateway must not serve beside the others, and is not ready", "err", now)
	case now == nil && before != nil:
		r.log.InfoContext(ctx, "no other gateway with another key ring is left")
	}
}

// beat says that we live, and whether our key ring fitted before and does now.
func (r *Replicas) beat(ctx context.Context) (before, now error, answered bool) {
	r.signOff(ctx)
	me := r.me
	if r.report != nil {
		me.Report = r.report()
	}
	all, err := r.store.Beat(ctx, me, silent)
	if err != nil {
		return nil, nil, false
	}
	live, gone := split(all)
	now = fits(r.me, r.keys, live)
	r.mu.Lock()
	defer r.mu.Unlock()
	before = r.foreign
	r.live, r.silent, r.heard, r.foreign = live, gone, time.Now(), now
	for l := range r.listeners {
		select {
		case l <- struct{}{}:
		default: // it has not looked yet, and will see this too
		}
	}
	return before, now, true
}

func split(all []store.Replica) (live, silent []store.Replica) {
	for _, one := range all {
		if one.Silent {
			silent = append(silent, one)
		} else {
			live = append(live, one)
		}
	}
	return live, silent
}

// Fits says why our key ring does not fit that of the replicas that were here before us, as
// far as is known.
func (r *Replicas) Fits() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.foreign
}

// Count is how many replicas there are, us included, as far as was ever known.
func (r *Replicas) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(1, len(r.live))
}

// Live are the replicas as the store knew them at a time with what they reported, zero when it
// never said. known is false when that is too long ago to rely on.
func (r *Replicas) Live() (live []store.Replica, at time.Time, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.live), r.heard, time.Since(r.heard) < silent
}

// Silent are those that were not heard of for five seconds, in the last ten minutes, and have
// not said that they go: they may serve on without the store.
func (r *Replicas) Silent() []store.Replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.silent)
}

// Subscribe returns a channel that has a value after each answer of the store; one answer may
// stand for many. stop ends it.
func (r *Replicas) Subscribe() (heard <-chan struct{}, stop func()) {
	l := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners[l] = struct{}{}
	return l, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listeners, l)
	}
}

// Me is this replica.
func (r *Replicas) Me() store.Replica { return r.me }

// fits fails when some were here before us and none of them shares a key with us.
func fits(me store.Replica, keys string, live []store.Replica) error {
	var before []string
	for _, other := range live {
		if !isBefore(other, me) {
			continue
		}
		if slices.ContainsFunc(other.KeyIDs, func(id string) bool { return slices.Contains(me.KeyIDs, id) }) {
			return nil
		}
		before = append(before, other.Host)
	}
	if len(before) == 0 {
		return nil
	}
	slices.Sort(before)
	return fmt.Errorf("%w: %s shares no key with that of %s, so each would refuse what the other signed and users would be signed out. "+
		"Stop this gateway, copy the key ring (spec.secretsFile) of %s over %s, keep its mode 0600, and start again; on Kubernetes mount one secret in all replicas",
		ErrForeignKeys, keys, strings.Join(slices.Compact(before), ", "), before[0], keys)
}

// ErrForeignKeys means that our key ring is not that of the other replicas.
var ErrForeignKeys = errors.New("the key ring is not the one of the gateways that already use this store")

// isBefore orders replicas by their start. The id decides between two of one moment.
func isBefore(a, b store.Replica) bool {
	if a.Started.Equal(b.Started) {
		return a.ID < b.ID
	}
	return a.Started.Before(b.Started)
}
