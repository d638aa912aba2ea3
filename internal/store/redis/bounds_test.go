package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// strict bounds are those of production, with a slower probe: what happens between two
// probes is what these tests look at.
func strict() Bounds {
	return Bounds{Call: 50 * time.Millisecond, Reply: 20 * time.Millisecond, Dial: time.Second, Probe: time.Minute}
}

// slack is what a loaded machine may add to a bound. As go-redis comes, it would be seconds.
const slack = time.Second

// lenient bounds let a loaded machine answer in time when Redis is well.
func lenient() Bounds {
	return Bounds{Call: 400 * time.Millisecond, Reply: 200 * time.Millisecond, Dial: time.Second, Probe: time.Minute}
}

// took runs a call and says how long it was.
func took(call func() error) (time.Duration, error) {
	start := time.Now()
	err := call()
	return time.Since(start), err
}

// ready waits until calls succeed.
func ready(t *testing.T, s *Store) {
	t.Helper()
	redistest.Eventually(t, 10*time.Second, "the store does not answer", func() bool {
		_, err := s.Pin(t.Context(), "acme", "ready")
		return err == nil && s.Healthy()
	})
}

func TestFrozenRedis(t *testing.T) {
	server := redistest.Start(t)
	s := running(t, Config{Address: server.Addr, Bounds: strict()})
	ready(t, s)
	get := func() error { _, err := s.Pin(t.Context(), "acme", "k"); return err }
	server.Freeze()
	for i := 0; i < 3 && s.Healthy(); i++ { // it may have failed on the way here, too
		if d, err := took(get); !errors.Is(err, store.ErrUnknown) || d > strict().Call+slack {
			t.Errorf("call %d: %s, %v; want ErrUnknown within the bound", i, d, err)
		}
	}
	redistest.Eventually(t, time.Second, "three failures do not cut calls off", func() bool { return !s.Healthy() })
	start := time.Now()
	const calls = 10_000
	for range calls {
		if err := get(); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("behind an open breaker: %v", err)
		}
	}
	if each := time.Since(start) / calls; each > time.Millisecond {
		t.Errorf("behind an open breaker a call takes %s", each)
	}
	server.Thaw()
	for range 100 {
		_ = get()
	}
	if s.Healthy() {
		t.Error("calls closed the breaker; only a probe may")
	}
}

func TestOnlyTheProbeBringsRedisBack(t *testing.T) {
	server := redistest.Start(t)
	bounds := strict()
	bounds.Probe = 100 * time.Millisecond
	s := running(t, Config{Address: server.Addr, Bounds: bounds})
	ready(t, s)
	server.Freeze()
	redistest.Eventually(t, 5*time.Second, "the probe does not notice a frozen server", func() bool { return !s.Healthy() })
	server.Thaw()
	ready(t, s)
	server.Stop()
	redistest.Eventually(t, 5*time.Second, "the probe does not notice a dead server", func() bool { return !s.Healthy() })
	server.Start()
	ready(t, s)
}

func TestDeadRedis(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", redistest.FreePort(t))
	s := running(t, Config{Address: address, Bounds: strict()})
	for i := range 5 {
		d, err := took(func() error { _, err := s.PutPin(t.Context(), "acme", "k", "v", 1, time.Minute); return err })
		if !errors.Is(err, store.ErrUnavailable) || d > strict().Call+slack {
			t.Errorf("call %d: %s, %v; want ErrUnavailable at once: nothing was sent", i, d, err)
		}
	}
	if err := s.TouchPins(t.Context(), []store.PinRef{{Tenant: "acme", Key: "k"}}, time.Minute); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("touch: %v", err)
	}
	if _, err := s.Beat(t.Context(), store.Replica{ID: "r"}, time.Minute); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("beat: %v", err)
	}
}

// A write whose answer did not come was done later. Sent twice it would be done twice.
func TestNothingIsSentTwice(t *testing.T) {
	server := redistest.Start(t)
	s := running(t, Config{Address: server.Addr, Bounds: lenient()})
	ready(t, s)
	if _, err := s.PutPin(t.Context(), "acme", "first", "v", 1, time.Minute); err != nil {
		t.Fatal(err) // Redis knows the script now
	}
	before := calls(server, "evalsha") + calls(server, "eval")
	server.Freeze()
	_, err := s.PutPin(t.Context(), "acme", "k", "v", 1, time.Minute)
	if !errors.Is(err, store.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	server.Thaw()
	redistest.Eventually(t, 5*time.Second, "the write that was sent was not done", func() bool {
		return server.Do("GET", pinKey("acme", "k")) == "1:v"
	})
	if got := calls(server, "evalsha") + calls(server, "eval") - before; got != 1 {
		t.Errorf("the script ran %d times", got)
	}
}

// calls is how often a server ran a command.
func calls(s *redistest.Server, command string) int {
	_, rest, _ := strings.Cut(s.Info("cmdstat_"+command), "calls=")
	n, _ := strconv.Atoi(strings.SplitN(rest, ",", 2)[0])
	return n
}

// Callers that wait for three milliseconds must not use up a connection each time that
// Redis takes five.
func TestImpatientCallersKeepTheirConnections(t *testing.T) {
	server := redistest.Start(t)
	s := running(t, Config{Address: server.Addr, Bounds: Bounds{Call: 5 * time.Second, Reply: 5 * time.Second, Probe: time.Minute}})
	ready(t, s)
	before := server.Info("total_connections_received")
	for range 10 {
		server.Do("CLIENT", "PAUSE", 50)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
		d, err := took(func() error { _, err := s.Pin(ctx, "acme", "k"); return err })
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || d > slack {
			t.Fatalf("%s, %v", d, err)
		}
		if _, err := s.Pin(t.Context(), "acme", "k"); err != nil { // waits for the pause to end
			t.Fatal(err)
		}
	}
	was, _ := strconv.Atoi(before)
	is, _ := strconv.Atoi(server.Info("total_connections_received"))
	if is > was+2 { // two calls were under way at once
		t.Errorf("%d new connections for 10 calls that were given up", is-was)
	}
	if !s.Healthy() {
		t.Error("callers that gave up count against Redis")
	}
}

func TestSickServers(t *testing.T) {
	for sickness, c := range map[string]struct{ fall, rise [][]any }{
		"a replica that takes no writes": {
			[][]any{{"REPLICAOF", "127.0.0.1", "1"}}, [][]any{{"REPLICAOF", "NO", "ONE"}},
		},
		"a full memory": {
			[][]any{{"CONFIG", "SET", "maxmemory", "1"}}, [][]any{{"CONFIG", "SET", "maxmemory", "0"}},
		},
		"too few replicas": {
			[][]any{{"CONFIG", "SET", "min-replicas-to-write", "3"}}, [][]any{{"CONFIG", "SET", "min-replicas-to-write", "0"}},
		},
		"a user who may not": {
			[][]any{{"ACL", "SETUSER", "default", "-set", "-evalsha", "-eval"}}, [][]any{{"ACL", "SETUSER", "default", "+@all"}},
		},
	} {
		t.Run(sickness, func(t *testing.T) {
			server := redistest.Start(t)
			bounds := patient()
			bounds.Probe = 100 * time.Millisecond
			s := running(t, Config{Address: server.Addr, Bounds: bounds})
			ready(t, s)
			for _, words := range c.fall {
				server.Do(words...)
			}
			put := func() error { _, err := s.PutPin(t.Context(), "acme", "k", "v", 1, time.Minute); return err }
			redistest.Eventually(t, 5*time.Second, "it counts as well", func() bool {
				if err := put(); err != nil && !errors.Is(err, store.ErrUnavailable) {
					t.Fatalf("got %v, want ErrUnavailable: the server refused", err)
				}
				return !s.Healthy()
			})
			for _, words := range c.rise {
				server.Do(words...)
			}
			ready(t, s)
			if err := put(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClosedStore(t *testing.T) {
	server := redistest.Start(t)
	s, stop := start(t, Config{Address: server.Addr})
	ready(t, s)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for {
				if _, err := s.Pin(t.Context(), "acme", "k"); err != nil {
					if !errors.Is(err, store.ErrUnavailable) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	stop()
	wg.Wait()
}
