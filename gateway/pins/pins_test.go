package pins

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/embedded"
	"sluicegate.dev/sluice/routing"
)

var keys = routing.PinKeys{[]byte("key-key-key-key-key-key-key-key-")}

const session = "7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKm"

func at(backend string, epoch uint64) routing.Pin {
	return routing.Pin{Release: "blue", Pool: "p", Backend: backend, Epoch: epoch, Lot: 4711}
}

// ledger is a store in memory that can be away, slow, or tell nobody.
type ledger struct {
	mu      sync.Mutex
	values  map[string]string
	epochs  map[string]uint64
	watch   []func(tenant, key, value string)
	lost    []func()
	down    atomic.Bool
	mute    atomic.Bool
	hold    chan struct{} // calls wait for it to close
	calls   atomic.Int64
	touched atomic.Int64
}

func newLedger() *ledger { return &ledger{values: map[string]string{}, epochs: map[string]uint64{}} }

func (l *ledger) enter() error {
	l.calls.Add(1)
	if l.hold != nil {
		<-l.hold
	}
	if l.down.Load() {
		return store.ErrUnavailable
	}
	return nil
}

func (l *ledger) Pin(_ context.Context, tenant, key string) (string, error) {
	if err := l.enter(); err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.values[tenant+" "+key], nil
}

func (l *ledger) PutPin(_ context.Context, tenant, key, value string, epoch uint64, _ time.Duration) (string, error) {
	if err := l.enter(); err != nil {
		return "", err
	}
	l.mu.Lock()
	k := tenant + " " + key
	if old, ok := l.values[k]; ok && l.epochs[k] >= epoch {
		l.mu.Unlock()
		return old, nil
	}
	l.values[k], l.epochs[k] = value, epoch
	watch := l.watch
	l.mu.Unlock()
	if !l.mute.Load() {
		for _, heard := range watch {
			heard(tenant, key, value)
		}
	}
	return value, nil
}

func (l *ledger) OverwritePin(_ context.Context, tenant, key, value string, _ time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values[tenant+" "+key], l.epochs[tenant+" "+key] = value, 0
	return nil
}

func (l *ledger) ExpirePin(context.Context, string, string, time.Duration) error { return l.enter() }

func (l *ledger) TouchPins(_ context.Context, refs []store.PinRef, _ time.Duration) error {
	l.touched.Add(int64(len(refs)))
	return nil
}

func (l *ledger) WatchPins(ctx context.Context, heard func(tenant, key, value string), lost func()) error {
	l.mu.Lock()
	l.watch, l.lost = append(l.watch, heard), append(l.lost, lost)
	l.mu.Unlock()
	lost()
	<-ctx.Done()
	return nil
}
func (l *ledger) Healthy() bool { return !l.down.Load() }

func (l *ledger) empty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.values)
	clear(l.epochs)
}

// replica returns Pins that run, over a store.
func replica(t *testing.T, s Store, ring routing.PinKeys) (*Pins, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	p, err := New(Config{Store: s, Keys: ring, Log: slog.New(slog.DiscardHandler), Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	view := p.view.Load()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "it watches", func() bool { return p.view.Load() != view })
	return p, registry
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatal("not so: " + what)
		}
		<-time.After(time.Millisecond)
	}
}

// found asks until the answer is the one that is wanted: a busy machine may take longer than
// a request waits.
func found(t *testing.T, p *Pins, want routing.Pin) {
	t.Helper()
	eventually(t, fmt.Sprintf("the pin is %v", want), func() bool {
		got, ok := p.Find(t.Context(), "acme", session, true)
		return got == want && ok == (want != routing.Pin{})
	})
}

func TestWhatOneReplicaKeepsTheOthersFind(t *testing.T) {
	for name, s := range map[string]Store{"told": newLedger(), "asked": mute(newLedger()), "embedded": embeddedStore(t)} {
		t.Run(name, func(t *testing.T) {
			a, _ := replica(t, s, keys)
			b, _ := replica(t, s, keys)
			if name != "asked" { // who knows that there is none, and is not told, goes on believing it
				found(t, b, routing.Pin{})
			}
			if got := a.Keep(t.Context(), "acme", session, at("b1", 0)); got != at("b1", 0) {
				t.Errorf("kept %v", got)
			}
			found(t, a, at("b1", 0))
			found(t, b, at("b1", 0))
			if _, ok := b.Find(t.Context(), "beta", session, true); ok {
				t.Error("another tenant's session of the same id has the pin")
			}
		})
	}
}

func mute(l *ledger) *ledger {
	l.mute.Store(true)
	return l
}

func embeddedStore(t *testing.T) Store {
	t.Helper()
	s := embedded.New(embedded.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return s
}

func TestTwoReplicasThatPinAtOnceAgree(t *testing.T) {
	s := newLedger()
	a, _ := replica(t, s, keys)
	b, _ := replica(t, s, keys)
	var first, second routing.Pin
	var both sync.WaitGroup
	both.Go(func() { first = a.Keep(t.Context(), "acme", session, at("b1", 0)) })
	both.Go(func() { second = b.Keep(t.Context(), "acme", session, at("b2", 0)) })
	both.Wait()
	winner, _ := keys.Open(routing.RecordOf("acme", keys.SessionName(0, "acme", session)), s.values["acme "+keys.SessionName(0, "acme", session)])
	found(t, a, winner)
	found(t, b, winner)
	_, _ = first, second // one of them may have been too late to hear of the winner
}

func TestAKnownSessionCostsNoTrip(t *testing.T) {
	s := newLedger()
	p, _ := replica(t, s, keys)
	p.Keep(t.Context(), "acme", session, at("b1", 0))
	found(t, p, at("b1", 0))
	const other = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	eventually(t, "the unknown one is known to be unknown", func() bool {
		before := s.calls.Load()
		_, ok := p.Find(t.Context(), "acme", other, true)
		return !ok && s.calls.Load() == before
	})
	before := s.calls.Load()
	for range 1000 {
		p.Find(t.Context(), "acme", session, true)
		p.Find(t.Context(), "acme", other, true)
	}
	if trips := s.calls.Load() - before; trips != 0 {
		t.Errorf("%d trips for 2000 requests of known sessions", trips)
	}
}

func TestALookupIsSharedAndBounded(t *testing.T) {
	s := newLedger()
	s.hold = make(chan struct{})
	p, registry := replica(t, s, keys)
	start := time.Now()
	for range 20 {
		if _, ok := p.Find(t.Context(), "acme", session, true); ok {
			t.Fatal("found without an answer")
		}
	}
	if calls := s.calls.Load(); calls != 1 {
		t.Errorf("%d calls for one session", calls)
	}
	t.Logf("20 requests waited %v", time.Since(start))
	close(s.hold)
	if n, err := testutil.GatherAndCount(registry, "sluice_pin_lookups_total"); err != nil || n == 0 {
		t.Error("nothing was counted", err)
	}
}

func TestAnEmptiedOrRestoredStoreLearnsAgain(t *testing.T) {
	s := newLedger()
	p, _ := replica(t, s, keys)
	p.Keep(t.Context(), "acme", session, at("b1", 0))
	old := map[string]string{}
	for k, v := range s.values {
		old[k] = v
	}
	p.Keep(t.Context(), "acme", session, at("b2", 1))
	found(t, p, at("b2", 1))
	for what, ruin := range map[string]func(){
		"emptied":  s.empty,
		"restored": func() { s.mu.Lock(); defer s.mu.Unlock(); s.values, s.epochs = old, map[string]uint64{} },
	} {
		ruin()
		p.missed()
		found(t, p, at("b2", 1))
		eventually(t, what+": the record is back", func() bool {
			other, _ := New(Config{Store: s, Keys: keys, Log: slog.New(slog.DiscardHandler)})
			got, ok := other.Find(t.Context(), "acme", session, true)
			return ok && got == at("b2", 1)
		})
	}
}

func TestWithoutTheStoreWhatIsKnownHolds(t *testing.T) {
	s := newLedger()
	p, _ := replica(t, s, keys)
	p.Keep(t.Context(), "acme", session, at("b1", 0))
	found(t, p, at("b1", 0))
	s.down.Store(true)
	p.missed()
	before := s.calls.Load()
	if got, ok := p.Find(t.Context(), "acme", session, true); !ok || got != at("b1", 0) {
		t.Errorf("got %v, %v", got, ok)
	}
	const next = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	p.Keep(t.Context(), "acme", next, at("b2", 0))
	if got, ok := p.Find(t.Context(), "acme", next, true); !ok || got != at("b2", 0) {
		t.Errorf("pinned meanwhile: got %v, %v", got, ok)
	}
	if s.calls.Load() != before {
		t.Error("a store that is known to be away was asked")
	}
	s.down.Store(false)
	p.missed()
	eventually(t, "what was pinned meanwhile reaches the store", func() bool {
		p.Find(t.Context(), "acme", next, true)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.values["acme "+keys.SessionName(0, "acme", next)] != ""
	})
}

func TestForgedRecordsDoNotCount(t *testing.T) {
	n := keys.SessionName(0, "acme", session)
	sealed := keys.Seal(routing.RecordOf("acme", n), at("b1", 9))
	for rule, value := range map[string]string{
		"made up":               "2.zzzz.AAAA.AAAA",
		"cut":                   sealed[:len(sealed)-3],
		"of another session":    keys.Seal(routing.RecordOf("acme", "other"), at("b1", 9)),
		"of another tenant":     keys.Seal(routing.RecordOf("beta", n), at("b1", 9)),
		"a cookie":              keys.Seal(routing.CookieOf("acme"), at("b1", 9)),
		"of somebody's own key": routing.PinKeys{[]byte("theirs")}.Seal(routing.RecordOf("acme", n), at("b1", 9)),
	} {
		t.Run(rule, func(t *testing.T) {
			s := newLedger()
			s.values["acme "+n], s.epochs["acme "+n] = value, 1<<40
			p, registry := replica(t, s, keys)
			found(t, p, routing.Pin{})
			for _, heard := range s.watch {
				heard("acme", n, value)
			}
			found(t, p, routing.Pin{})
			p.Keep(t.Context(), "acme", session, at("b2", 0))
			eventually(t, "ours replaces it", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				got, ok := keys.Open(routing.RecordOf("acme", n), s.values["acme "+n])
				return ok && got == at("b2", 0)
			})
			if n, err := testutil.GatherAndCount(registry, "sluice_pin_records_invalid_total"); err != nil || n != 2 {
				t.Errorf("counted in %d places, want the record and the message: %v", n, err)
			}
		})
	}
}

// Who can write to the store can put a larger epoch before a sound value. No later move
// must fail by that.
func TestTheStoresOwnEpochDecidesNothing(t *testing.T) {
	s := newLedger()
	n := keys.SessionName(0, "acme", session)
	s.values["acme "+n], s.epochs["acme "+n] = keys.Seal(routing.RecordOf("acme", n), at("b1", 0)), 1<<40
	p, _ := replica(t, s, keys)
	found(t, p, at("b1", 0))
	p.Keep(t.Context(), "acme", session, at("b2", 1))
	found(t, p, at("b2", 1))
	eventually(t, "the move is recorded", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		got, _ := keys.Open(routing.RecordOf("acme", n), s.values["acme "+n])
		return got == at("b2", 1)
	})
}

func TestWhatWasPinnedHereIsKnownBeforeTheStoreAnswers(t *testing.T) {
	s := newLedger()
	s.hold = make(chan struct{})
	p, _ := replica(t, s, keys)
	defer close(s.hold)
	p.Keep(t.Context(), "acme", session, at("b1", 0))
	if got, ok := p.Find(t.Context(), "acme", session, true); !ok || got != at("b1", 0) {
		t.Errorf("got %v, %v", got, ok)
	}
}

func TestARecordOutlivesTheKeyThatNamedIt(t *testing.T) {
	s := newLedger()
	old, _ := replica(t, s, keys)
	old.Keep(t.Context(), "acme", session, at("b1", 3))
	rotated := routing.PinKeys{[]byte("new-new-new-new-new-new-new-new-"), keys[0]}
	p, _ := replica(t, s, rotated)
	found(t, p, at("b1", 3))
	eventually(t, "it is recorded under the new key", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.values["acme "+rotated.SessionName(0, "acme", session)] != ""
	})
}

func TestMemoryIsBounded(t *testing.T) {
	s := newLedger()
	p, err := New(Config{Store: s, Keys: keys, Log: slog.New(slog.DiscardHandler), Memory: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		p.Find(t.Context(), "acme", fmt.Sprintf("%040d", i), true)
	}
	p.running.Wait()
	if n := p.known.Len(); n > 10 {
		t.Errorf("%d sessions are known, want 10 at most", n)
	}
}

func TestLiveSessionsAreTouchedOnceInAWhile(t *testing.T) {
	s := newLedger()
	p, _ := replica(t, s, keys)
	n := name{"acme", keys.SessionName(0, "acme", session)}
	k := p.asKnown(at("b1", 0), true)
	k.touched -= int64(2 * visits / time.Second)
	p.known.Add(n, k)
	for range 50 {
		p.Find(t.Context(), "acme", session, true)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.alive) != 1 {
		t.Errorf("%d touches of one session, want 1", len(p.alive))
	}
}

func BenchmarkFindKnown(b *testing.B) {
	s := newLedger()
	p, err := New(Config{Store: s, Keys: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	p.Keep(b.Context(), "acme", session, at("b1", 0))
	b.ReportAllocs()
	for b.Loop() {
		p.Find(b.Context(), "acme", session, true)
	}
}
