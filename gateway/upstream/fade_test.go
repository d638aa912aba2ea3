package upstream

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/routing"
)

func TestShareGrowsWithAge(t *testing.T) {
	for name, tc := range map[string]struct {
		balance routing.Balance
		age     time.Duration
		want    int
	}{
		"at once":                      {routing.Balance{}, 0, 1},
		"a third":                      {routing.Balance{}, 10 * time.Second, 333},
		"old enough":                   {routing.Balance{}, 30 * time.Second, routing.Whole},
		"a minute is asked for":        {routing.Balance{FadeIn: time.Minute}, 30 * time.Second, 500},
		"it begins slowly":             {routing.Balance{Exponent: 2}, 15 * time.Second, 250},
		"no fading":                    {routing.Balance{FadeIn: -1}, 0, routing.Whole},
		"a clock that was turned back": {routing.Balance{}, -time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var b backend
			now := time.Unix(1_800_000_000, 0)
			b.born.Store(now.Add(-tc.age).UnixNano())
			if got := b.share(tc.balance, now); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

// portions are the parts of a thousand new sessions that each backend gets.
func portions(t *testing.T, u *Upstream, live *poolState) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range 1000 {
		b, err := u.choose(live, exchangeOf("", live.conf.Load()), nil)
		if err != nil {
			t.Fatal(err)
		}
		got[b.name]++
	}
	return got
}

func TestNewAndRecoveredBackendsFadeIn(t *testing.T) {
	pool := func(names ...string) *routing.Pool {
		p := &routing.Pool{Name: "pool", Digest: fmt.Sprint(names)}
		for _, n := range names {
			p.Backends = append(p.Backends, routing.Backend{Name: n, HTTP: "http://127.0.0.1:1", Weight: 1})
		}
		return p
	}
	set := func(u *Upstream, live *poolState, name string, to State) {
		for _, b := range *live.backends.Load() {
			if b.name == name {
				before := b.health.now()
				b.health.state.Store(int32(to))
				u.turned(b, before, time.Now())
			}
		}
	}
	for name, tc := range map[string]struct {
		happens func(u *Upstream, live *poolState)
		b1, b2  int // of a thousand sessions, ten seconds later
	}{
		"nothing":                       {func(*Upstream, *poolState) {}, 500, 500},
		"b2 was down":                   {func(u *Upstream, l *poolState) { set(u, l, "b2", Down); set(u, l, "b2", Up) }, 750, 250},
		"b2 was only slow":              {func(u *Upstream, l *poolState) { set(u, l, "b2", Saturated); set(u, l, "b2", Up) }, 500, 500},
		"b2's database server was away": {func(u *Upstream, l *poolState) { set(u, l, "b2", DatabaseDown); set(u, l, "b2", Up) }, 500, 500},
		"both were down: nobody can take more": {func(u *Upstream, l *poolState) {
			set(u, l, "b1", Down)
			set(u, l, "b2", Down)
			set(u, l, "b1", Up)
			set(u, l, "b2", Up)
		}, 500, 500},
		"b2 has just come": {func(u *Upstream, l *poolState) {
			u.update(l, pool("b1"))
			u.update(l, pool("b1", "b2"))
			set(u, l, "b2", Up)
		}, 750, 250},
		"both are new": {func(u *Upstream, l *poolState) {
			u.update(l, pool("b3", "b4"))
			u.update(l, pool("b1", "b2"))
			set(u, l, "b1", Up)
			set(u, l, "b2", Up)
		}, 500, 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := New(Config{})
				live := u.newPool(pool("b1", "b2"))
				set(u, live, "b1", Up)
				set(u, live, "b2", Up)
				tc.happens(u, live)
				time.Sleep(10 * time.Second)
				got := portions(t, u, live)
				if d := got["b1"] - tc.b1; d < -60 || d > 60 || got["b1"]+got["b2"] != 1000 {
					t.Errorf("after ten seconds: %v, want about %d and %d", got, tc.b1, tc.b2)
				}
				time.Sleep(20 * time.Second)
				if got := portions(t, u, live); got["b1"] < 440 || got["b1"] > 560 {
					t.Errorf("after thirty seconds: %v", got)
				}
				u.Apply(nil)
				u.sockets.wait()
			})
		})
	}
}

// A rolling restart: the last old server must not take what the new ones have room for.
func TestTheLastOldServerIsNotOverloaded(t *testing.T) {
	u := New(Config{})
	up := side{state: Up, weight: 1, workers: 4}
	live := poolOf(u, up, up, up)
	backends := *live.backends.Load()
	for _, b := range backends[:2] {
		b.born.Store(time.Now().UnixNano())
	}
	backends[2].inflight.Store(4)
	if got := portions(t, u, live); got["b3"] > 0 {
		t.Errorf("a full server got %d of 1000 sessions while two idle ones fade in", got["b3"])
	}
}

func TestAnotherStartIsAnotherServer(t *testing.T) {
	u := New(Config{})
	pool := func(id string) *routing.Pool {
		return &routing.Pool{Name: "pool", Digest: id, Backends: []routing.Backend{
			{Name: "b1", HTTP: "http://127.0.0.1:1", Weight: 1, ID: id}, {Name: "b2", HTTP: "http://127.0.0.1:2", Weight: 1},
		}}
	}
	u.Apply(map[string]*routing.Pool{"pool": pool("a")})
	before := (*u.pool(pool("a")).backends.Load())[0]
	before.health.state.Store(int32(Saturated))
	u.Apply(map[string]*routing.Pool{"pool": pool("b")})
	after := (*u.pool(pool("b")).backends.Load())[0]
	if after == before || !before.retired.Load() || after.health.now() != Unknown || after.born.Load() == 0 {
		t.Errorf("same %v, old one retired %v, state %v, born %d", after == before, before.retired.Load(), after.health.now(), after.born.Load())
	}
	u.Apply(nil)
	u.sockets.wait()
}
