package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fast are turns that no test waits for unless it means to.
func fast() turns {
	return turns{gap: 10 * time.Millisecond, concurrency: 100, cold: 100, wait: time.Minute, queue: 10_000}
}

// crowd sends handshakes through a turnstile inside a bubble of synctest and notes when each
// went in and out.
type crowd struct {
	*turnstile
	by      turns
	start   time.Time
	wg      sync.WaitGroup
	mu      sync.Mutex
	entered []entry
	refused []error
}

type entry struct {
	database string
	at, left time.Duration
}

func newCrowd(by turns) *crowd { return &crowd{turnstile: &turnstile{}, by: by, start: time.Now()} }

// send lets n handshakes of a database come, each of which takes a while and then opens a
// socket, or fails.
func (c *crowd) send(n int, database string, takes time.Duration, answered bool) {
	for range n {
		c.wg.Go(func() { c.one(context.Background(), database, takes, answered) })
		synctest.Wait() // so that they come in order
	}
}

func (c *crowd) one(ctx context.Context, database string, takes time.Duration, answered bool) {
	p, err := c.enter(ctx, database, c.by)
	if err != nil {
		c.mu.Lock()
		c.refused = append(c.refused, err)
		c.mu.Unlock()
		return
	}
	at := time.Since(c.start)
	time.Sleep(takes)
	c.leave(p, answered)
	if answered {
		c.opened(database)
	}
	c.mu.Lock()
	c.entered = append(c.entered, entry{database, at, time.Since(c.start)})
	c.mu.Unlock()
}

// times are when handshakes of a database went through, in order; of all without one.
func (c *crowd) times(database string) []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []time.Duration
	for _, e := range c.entered {
		if database == "" || e.database == database {
			out = append(out, e.at)
		}
	}
	slices.Sort(out)
	return out
}

// most is the largest number of handshakes that were on their way at once, at most one of a
// database counted when each is set.
func (c *crowd) most(of func(entry) bool) int {
	most := 0
	for _, e := range c.entered {
		n := 0
		for _, other := range c.entered {
			if of(other) && other.at <= e.at && e.at < other.left {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestHandshakesKeepTheirPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(fast())
		c.opened("acme")
		c.send(50, "acme", time.Millisecond, true)
		c.wg.Wait()
		for i, at := range c.times("") {
			if want := time.Duration(i) * c.by.gap; at != want {
				t.Fatalf("number %d went at %v, want %v", i, at, want)
			}
		}
	})
}

func TestTheFirstOfADatabaseGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(fast())
		c.opened("warm")
		c.send(20, "cold", 2*time.Second, true) // as long as Odoo loads it
		c.send(3, "warm", time.Millisecond, true)
		c.wg.Wait()
		cold := c.times("cold")
		if cold[0] != 0 || cold[1] < 2*time.Second || cold[1] > 2*time.Second+c.by.gap {
			t.Errorf("the first went at %v, the second at %v", cold[0], cold[1])
		}
		if last := cold[len(cold)-1]; last > 2*time.Second+20*c.by.gap {
			t.Errorf("the last went at %v: the others do not follow at the pace", last)
		}
		if warm := c.times("warm"); warm[2] > 4*c.by.gap {
			t.Errorf("another database waited: %v", warm)
		}
	})
}

func TestWhenTheFirstFailsTheNextGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(fast())
		c.send(3, "acme", time.Second, false)
		c.send(2, "acme", time.Second, true)
		c.send(2, "acme", time.Second, true)
		c.wg.Wait()
		want := []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}
		if got := c.times("acme")[:5]; !slices.Equal(got, want) {
			t.Errorf("went at %v, want %v", got, want)
		}
		if got := c.times("acme")[6]; got > 4*time.Second+2*c.by.gap {
			t.Errorf("the last went at %v", got)
		}
	})
}

func TestBoundsOfHandshakes(t *testing.T) {
	for name, tc := range map[string]struct {
		change    func(*turns)
		databases int
		most      int
	}{
		"so many on their way":              {func(b *turns) { b.concurrency = 7 }, 1, 7},
		"so many databases loaded at once":  {func(b *turns) { b.cold = 3 }, 30, 3},
		"the smaller of both":               {func(b *turns) { b.cold, b.concurrency = 9, 2 }, 30, 2},
		"one by one, and still all of them": {func(b *turns) { b.cold, b.concurrency = 1, 1 }, 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				by := fast()
				tc.change(&by)
				c := newCrowd(by)
				if tc.databases == 1 {
					c.opened("db0")
				}
				for i := range 30 {
					c.send(1, fmt.Sprint("db", i%tc.databases), time.Second, true)
				}
				c.wg.Wait()
				if len(c.entered) != 30 {
					t.Errorf("%d of 30 went through", len(c.entered))
				}
				if n := c.most(func(entry) bool { return true }); n != tc.most {
					t.Errorf("%d at once, want %d", n, tc.most)
				}
			})
		})
	}
}

func TestDatabasesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(fast())
		c.opened("large")
		c.opened("small")
		c.send(100, "large", time.Millisecond, true)
		c.send(2, "small", time.Millisecond, true)
		c.wg.Wait()
		if small := c.times("small"); small[1] > 6*c.by.gap {
			t.Errorf("the small one waited behind the large one: %v", small)
		}
	})
}

func TestWaitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		by := fast()
		by.wait = 3 * time.Second
		c := newCrowd(by)
		c.send(1, "acme", 10*time.Second, true)
		c.send(2, "acme", time.Second, true) // wait for the first, in vain
		ctx, cancel := context.WithCancelCause(context.Background())
		left := errors.New("the client left")
		c.wg.Go(func() { c.one(ctx, "acme", time.Second, true) })
		time.Sleep(time.Second)
		cancel(left)
		synctest.Wait()
		if n := c.inLine(); n != 2 {
			t.Errorf("%d wait after one has left, want 2", n)
		}
		c.wg.Wait()
		if !slices.Equal(c.refused, []error{left, errLate, errLate}) {
			t.Errorf("refused: %v", c.refused)
		}
		if n := c.inLine(); n != 0 || len(c.line) != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

func TestAFullQueueLeavesRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		by := fast()
		by.queue = 10
		c := newCrowd(by)
		c.send(12, "large", time.Second, true) // one goes, ten wait, one is too many
		if !slices.Equal(c.refused, []error{errCrowded}) {
			t.Fatalf("refused %v", c.refused)
		}
		c.send(5, "small", time.Second, true) // each takes the place of the large one's last
		if n := len(c.lanes["small"].waiters); n != 5 || c.inLine() != 10 {
			t.Errorf("%d of the small one wait, %d of all", n, c.inLine())
		}
		c.wg.Wait()
		if n := len(c.times("small")); n != 5 {
			t.Errorf("%d of 5 of the small one went through", n)
		}
		if n := len(c.times("large")) + len(c.refused); n != 12 {
			t.Errorf("%d of 12 of the large one were heard", n)
		}
	})
}

func TestWhatTheBackendForgets(t *testing.T) {
	for name, tc := range map[string]struct {
		happens func(*turnstile, int)
		alone   bool
	}{
		"nothing happens":                       {func(*turnstile, int) {}, false},
		"one of its sockets ends":               {func(s *turnstile, w int) { s.closed("acme", w, false) }, false},
		"all of its sockets end":                {func(s *turnstile, w int) { s.closed("acme", w, false); s.closed("acme", w, false) }, true},
		"one breaks: all will":                  {func(s *turnstile, w int) { s.closed("acme", w, true) }, true},
		"one of an earlier time breaks at last": {func(s *turnstile, w int) { s.closed("acme", w-1, true) }, false},
		"another database's sockets break":      {func(s *turnstile, _ int) { s.closed("other", s.opened("other"), true) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(fast())
				c.opened("acme")
				tc.happens(c.turnstile, c.opened("acme"))
				c.send(3, "acme", time.Second, true)
				c.wg.Wait()
				if alone := c.times("acme")[1] >= time.Second; alone != tc.alone {
					t.Errorf("went at %v", c.times("acme"))
				}
			})
		})
	}
}

func TestAReplacedBackendSendsEverybodyAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(fast())
		c.send(5, "acme", 10*time.Second, true)
		c.close()
		c.send(1, "acme", time.Second, true)
		time.Sleep(time.Second)
		if !slices.Equal(c.refused, slices.Repeat([]error{errReplaced}, 5)) {
			t.Errorf("refused %v", c.refused)
		}
		c.wg.Wait()
	})
}

// Whatever comes and goes, nobody waits for ever, and nothing is left behind.
func TestATurnstileForgetsWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		by := turns{gap: time.Millisecond, concurrency: 5, cold: 2, wait: time.Second, queue: 50}
		c := newCrowd(by)
		for i := range 2000 {
			chance := rand.New(rand.NewPCG(7, uint64(i)))
			c.wg.Go(func() {
				time.Sleep(time.Duration(chance.IntN(4000)) * time.Millisecond)
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(chance.IntN(1500))*time.Millisecond)
				defer cancel()
				database := fmt.Sprint(chance.IntN(20))
				p, err := c.enter(ctx, database, by)
				if err != nil {
					return
				}
				time.Sleep(time.Duration(chance.IntN(20)) * time.Millisecond)
				opens := chance.IntN(3) > 0
				c.leave(p, opens)
				if opens {
					warmth := c.opened(database)
					time.Sleep(time.Duration(chance.IntN(100)) * time.Millisecond)
					c.closed(database, warmth, chance.IntN(10) == 0)
				}
			})
		}
		c.wg.Wait()
		if c.flying != 0 || c.turnstile.cold != 0 || c.waiting != 0 || len(c.lanes) != 0 || len(c.line) != 0 {
			t.Errorf("left: %d on their way, %d cold, %d waiting, %d databases, %d in line", c.flying, c.turnstile.cold, c.waiting, len(c.lanes), len(c.line))
		}
	})
}
