package pins

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// unsureLedger does what it is told and says that it does not know.
type unsureLedger struct {
	*ledger
	unsure atomic.Bool
	puts   atomic.Int64
}

func (l *unsureLedger) PutPin(ctx context.Context, tenant, key, value string, epoch uint64, ttl time.Duration) (string, error) {
	l.puts.Add(1)
	winner, err := l.ledger.PutPin(ctx, tenant, key, value, epoch, ttl)
	if l.unsure.Load() {
		return "", store.ErrUnknown
	}
	return winner, err
}

func sessionOf(i int) string { return fmt.Sprintf("%040d", i) }

// Those who signed in while the store was away may come to another replica next: the one that
// served them does not wait for them to come back.
func TestWhatTheStoreMissedIsBroughtToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLedger()
		p, _ := replica(t, s, keys)
		other, _ := replica(t, s, keys)
		const logins = 100
		s.down.Store(true)
		for i := range logins {
			p.Keep(t.Context(), "acme", sessionOf(i), at("b1", uint64(i)))
			if _, ok := other.Find(t.Context(), "acme", sessionOf(i), false); ok {
				t.Fatal("known without the store")
			}
		}
		time.Sleep(10 * payday)
		if calls := s.calls.Load(); calls > 0 {
			t.Errorf("%d calls to a store that is known to be away", calls)
		}
		s.down.Store(false)
		time.Sleep(2 * payday)
		for i := range logins {
			if pin, ok := other.Find(t.Context(), "acme", sessionOf(i), false); !ok || pin != at("b1", uint64(i)) {
				t.Fatalf("login %d: found %v, %v", i, pin, ok)
			}
		}
		before := s.calls.Load()
		time.Sleep(10 * payday)
		if calls := s.calls.Load() - before; calls > 0 {
			t.Errorf("%d calls after all was brought", calls)
		}
	})
}

// A write of which nobody knows whether it was done is asked about, and not sent again.
func TestAnUnansweredWriteIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &unsureLedger{ledger: newLedger()}
		p, _ := replica(t, s, keys)
		s.unsure.Store(true)
		p.Keep(t.Context(), "acme", session, at("b1", 0))
		s.unsure.Store(false)
		time.Sleep(3 * payday)
		if puts := s.puts.Load(); puts != 1 {
			t.Errorf("written %d times", puts)
		}
		n := name{"acme", keys.SessionName(0, "acme", session)}
		if k, ok := p.known.Get(n); !ok || !p.sure(k, time.Now()) || k.pin() != at("b1", 0) {
			t.Errorf("known: %v, %v", k.pin(), ok)
		}
	})
}
