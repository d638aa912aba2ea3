package pins

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// slowLedger answers every call after a while.
type slowLedger struct {
	*ledger
	takes time.Duration
}

func (l slowLedger) Pin(ctx context.Context, tenant, key string) (string, error) {
	time.Sleep(l.takes)
	return l.ledger.Pin(ctx, tenant, key)
}

func (l slowLedger) PutPin(ctx context.Context, tenant, key, value string, epoch uint64, ttl time.Duration) (string, error) {
	time.Sleep(l.takes)
	return l.ledger.PutPin(ctx, tenant, key, value, epoch, ttl)
}

// TestWhoWaitsForASlowStore: nobody is signed out for the sake of a few milliseconds, and who
// carries a pin loses nothing by not waiting.
func TestWhoWaitsForASlowStore(t *testing.T) {
	for name, row := range map[string]struct {
		takes   time.Duration
		carried bool
		found   bool
		waited  time.Duration
	}{
		"a client with a pin, 2 ms":      {2 * time.Millisecond, true, true, 2 * time.Millisecond},
		"a client with a pin, 15 ms":     {15 * time.Millisecond, true, false, patience},
		"a client without a pin, 15 ms":  {15 * time.Millisecond, false, true, 15 * time.Millisecond},
		"a client without a pin, 100 ms": {100 * time.Millisecond, false, false, concern},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := slowLedger{newLedger(), row.takes}
				s.mute.Store(true)
				login, _ := replica(t, s, keys)
				other, _ := replica(t, s, keys)
				start := time.Now()
				login.Keep(t.Context(), "acme", session, at("b1", 0))
				if took, most := time.Since(start), min(row.takes, concern); took != most {
					t.Errorf("the login waited %v, want %v", took, most)
				}
				time.Sleep(time.Second)
				start = time.Now()
				_, ok := other.Find(t.Context(), "acme", session, row.carried)
				if took := time.Since(start); ok != row.found || took != row.waited {
					t.Errorf("found %v after %v, want %v after %v", ok, took, row.found, row.waited)
				}
				time.Sleep(time.Second)
				if _, ok := other.Find(t.Context(), "acme", session, row.carried); !ok {
					t.Error("what came too late for one request does not count for the next")
				}
			})
		})
	}
}

// TestALoginDuringAnOutageReachesTheStoreLater: the replica that served it brings it there at
// the session's next request.
func TestALoginDuringAnOutageReachesTheStoreLater(t *testing.T) {
	s := newLedger()
	p, _ := replica(t, s, keys)
	other, _ := replica(t, s, keys)
	s.down.Store(true)
	p.Keep(t.Context(), "acme", session, at("b1", 0))
	s.down.Store(false)
	found(t, p, at("b1", 0))
	found(t, other, at("b1", 0))
}
