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
)

// Store passes on who lives.
type Store interface {
	Beat(ctx context.Context, me store.Replica, ttl time.Duration) (live []store.Replica, err error)
}

// Config says who we are. All but Metrics is required.
type Config struct {
	Store   Store
	Me      store.Replica
	Keys    string // path of the key ring, for people
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Replicas are the gateways that share our store.
type Replicas struct {
	store Store
	me    store.Replica
	keys  string
	log   *slog.Logger

	mu      sync.Mutex
	live    []store.Replica
	heard   time.Time // when the store last said who lives
	foreign error     // why our key ring does not fit theirs
}

// New returns the replicas, of which only we are known.
func New(cfg Config) *Replicas {
	r := &Replicas{store: cfg.Store, me: cfg.Me, keys: cfg.Keys, log: cfg.Log, live: []store.Replica{cfg.Me}}
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
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_, _ = r.store.Beat(context.WithoutCancel(ctx), r.me, time.Millisecond) // or they learn it in five seconds
			return nil
		case <-tick.C:
			r.tell(ctx)
		}
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
	live, err := r.store.Beat(ctx, r.me, silent)
	if err != nil {
		return nil, nil, false
	}
	now = fits(r.me, r.keys, live)
	r.mu.Lock()
	defer r.mu.Unlock()
	before = r.foreign
	r.live, r.heard, r.foreign = live, time.Now(), now
	return before, now, true
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

// Live are the replicas as the store knew them at a time, zero when it never said. known is
// false when that is too long ago to rely on.
func (r *Replicas) Live() (live []store.Replica, at time.Time, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.live), r.heard, time.Since(r.heard) < silent
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
