package upstream

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// side is a backend as selection sees it.
type side struct {
	state     State
	weight    int
	reachable bool
	good      int // when it was healthy last
	busy      int64
	workers   int
}

func exchangeOf(key string, pool *routing.Pool) *routing.Exchange {
	x := &routing.Exchange{SessionKey: key}
	x.Tenant, x.Pool = &routing.Tenant{Name: "acme"}, pool
	return x
}

func poolOf(u *Upstream, sides ...side) *poolState {
	pool := &routing.Pool{Name: "pool"}
	for i, s := range sides {
		pool.Backends = append(pool.Backends, routing.Backend{Name: fmt.Sprintf("b%d", i+1), HTTP: "http://127.0.0.1:1", Weight: s.weight, Workers: s.workers})
	}
	live := u.newPool(pool)
	for i, b := range *live.backends.Load() {
		b.health.state.Store(int32(sides[i].state))
		b.health.reachable.Store(sides[i].reachable)
		b.health.lastGood = time.Unix(int64(sides[i].good), 0)
		b.inflight.Store(sides[i].busy)
	}
	return live
}

func TestSelectionTakesTheBestTier(t *testing.T) {
	up, fenced := side{state: Up, weight: 1}, side{state: Up}
	gone := side{state: Down, weight: 1}
	ill := func(good int) side { return side{state: Down, weight: 1, reachable: true, good: good} }
	nodb := side{state: DatabaseDown, weight: 1, reachable: true}
	for name, tc := range map[string]struct {
		sides []side
		class odoo.Class
		avoid int // 1-based, 0 for none
		want  string
		err   error
	}{
		"no backends":                              {nil, odoo.Web, 0, "", errEmptyPool},
		"the one that is up":                       {[]side{gone, up}, odoo.Web, 0, "b2", nil},
		"up goes before fenced":                    {[]side{fenced, up}, odoo.Web, 0, "b2", nil},
		"fenced goes before down":                  {[]side{gone, fenced}, odoo.Web, 0, "b2", nil},
		"fenced goes before one that fails probes": {[]side{ill(9), fenced}, odoo.Web, 0, "b2", nil},
		"all down: the one that was healthy last":  {[]side{ill(5), ill(9), gone}, odoo.Web, 0, "b2", nil},
		"all gone":                               {[]side{gone, gone}, odoo.Web, 0, "", routing.ErrNoBackend},
		"unknown counts as up":                   {[]side{gone, {weight: 1}}, odoo.Web, 0, "b2", nil},
		"saturated counts as up":                 {[]side{gone, {state: Saturated, weight: 1}}, odoo.Web, 0, "b2", nil},
		"the calm one goes before the saturated": {[]side{{state: Saturated, weight: 1}, {state: Up, weight: 1, busy: 50}}, odoo.Web, 0, "b2", nil},
		"the less busy one":                      {[]side{{state: Up, weight: 1, busy: 5}, {state: Up, weight: 1, busy: 2}}, odoo.Web, 0, "b2", nil},
		"busy counts by workers":                 {[]side{{state: Up, weight: 1, workers: 1, busy: 5}, {state: Up, weight: 1, workers: 4, busy: 8}}, odoo.Web, 0, "b2", nil},
		"no database, no page":                   {[]side{nodb}, odoo.Web, 0, "", errDatabaseDown},
		"no database, but files":                 {[]side{nodb}, odoo.Static, 0, "b1", nil},
		"another backend has its database":       {[]side{nodb, up}, odoo.Web, 0, "b2", nil},
		"the failed one is avoided":              {[]side{up, up}, odoo.Web, 1, "b2", nil},
		"avoided for a fenced one":               {[]side{up, fenced}, odoo.Web, 1, "b2", nil},
		"the failed one again when it is alone":  {[]side{up, gone}, odoo.Web, 1, "b1", nil},
	} {
		for _, session := range []string{"", "key"} {
			if session != "" && len(tc.sides) == 2 && tc.sides[0].busy+tc.sides[1].busy > 0 {
				continue // sessions stay where they are, however busy it is
			}
			t.Run(name+" "+session, func(t *testing.T) {
				u := New(Config{})
				live := poolOf(u, tc.sides...)
				x := exchangeOf(session, live.conf.Load())
				x.Class = tc.class
				var avoid *backend
				if tc.avoid > 0 {
					avoid = (*live.backends.Load())[tc.avoid-1]
				}
				for range 50 {
					b, err := u.choose(live, x, avoid)
					if !errors.Is(err, tc.err) || (b == nil) != (tc.want == "") || b != nil && b.name != tc.want {
						t.Fatalf("got %+v, %v; want %s, %v", b, err, tc.want, tc.err)
					}
				}
			})
		}
	}
}

func TestSessionsAreSpreadAndStay(t *testing.T) {
	u := New(Config{})
	up := side{state: Up, weight: 1}
	live := poolOf(u, up, up, up, up)
	where := func(key string) *backend {
		x := exchangeOf(key, live.conf.Load())
		b, err := u.choose(live, x, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	count, home := map[string]int{}, map[string]*backend{}
	for i := range 4000 {
		key := fmt.Sprintf("%042d", i)
		home[key] = where(key)
		count[home[key].name]++
	}
	for name, n := range count {
		if n < 850 || n > 1150 {
			t.Errorf("%s has %d of 4000 sessions", name, n)
		}
	}
	lost := (*live.backends.Load())[2]
	lost.health.state.Store(int32(Down))
	for key, was := range home {
		if got := where(key); was != lost && got != was {
			t.Fatalf("a session of %s moved to %s though %s is the one that died", was.name, got.name, lost.name)
		}
	}
}

func TestSharedSessionsGoWhereThereIsRoom(t *testing.T) {
	u := New(Config{})
	live := poolOf(u, side{state: Up, weight: 1, busy: 9}, side{state: Up, weight: 1})
	live.conf.Load().Sessions = routing.SessionsShared
	for i := range 100 {
		x := exchangeOf(fmt.Sprint(i), live.conf.Load())
		if b, err := u.choose(live, x, nil); err != nil || b.name != "b2" {
			t.Fatalf("got %v, %v", b, err)
		}
	}
}

func TestOnlyRealtimePathsGoToTheRealtimePort(t *testing.T) {
	u := New(Config{})
	pool := &routing.Pool{Name: "p", Backends: []routing.Backend{{Name: "b", HTTP: "http://127.0.0.1:1", Realtime: "http://127.0.0.1:2"}}}
	b := (*u.newPool(pool).backends.Load())[0]
	for name, tc := range map[string]struct {
		version, path string
		realtime      bool
	}{
		"the socket of 16":                     {"16.0", "/websocket", true},
		"what belongs to it has no need of it": {"18.0", "/websocket/peek_notifications", false},
		"polling before 16":                    {"15.0", "/longpolling/poll", true},
		"no polling from 16 on":                {"16.0", "/longpolling/poll", false},
		"no socket before 16":                  {"15.0", "/websocket", false},
		"the login":                            {"18.0", "/web/login", false},
		"a name that only begins alike":        {"18.0", "/websocketx", false},
		"the database manager":                 {"18.0", "/web/database/manager", false},
	} {
		t.Run(name, func(t *testing.T) {
			x := &routing.Exchange{}
			x.Pool = &routing.Pool{}
			x.Pool.Profile, _ = odoo.ProfileFor(tc.version)
			x.Path, x.Class = tc.path, x.Pool.Profile.Classify(tc.path, "GET")
			if got := b.endpointFor(x) == b.realtime; got != tc.realtime {
				t.Errorf("class %s: got %v", x.Class, got)
			}
		})
	}
}

func BenchmarkChoose(b *testing.B) {
	u := New(Config{})
	up := side{state: Up, weight: 1}
	live := poolOf(u, up, up, up, up)
	const session = "7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKm"
	for name, of := range map[string]struct{ key, pin string }{"pinned": {session, "b3"}, "session": {session, ""}, "none": {"", ""}} {
		b.Run(name, func(b *testing.B) {
			x := exchangeOf(of.key, live.conf.Load())
			x.Pin = of.pin
			b.ReportAllocs()
			for b.Loop() {
				if _, err := u.choose(live, x, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
