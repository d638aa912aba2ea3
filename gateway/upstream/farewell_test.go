package upstream

import (
	"fmt"
	"io"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

func crowdOf(databases, each int) []*socket {
	var out []*socket
	for i := range databases {
		for range each {
			out = append(out, &socket{database: fmt.Sprint("db", i)})
		}
	}
	return out
}

func TestTheWindowFollowsTheNumberOfSockets(t *testing.T) {
	for name, tc := range map[string]struct {
		at              pacing
		databases, each int
		last, rest      time.Duration // when the last is told, when the first of the rest is
	}{
		"none":                          {pacing{rate: 50, most: time.Minute, settle: settle}, 0, 0, 0, 0},
		"one":                           {pacing{rate: 50, most: time.Minute, settle: settle}, 1, 1, 0, 0},
		"one of each database":          {pacing{rate: 50, most: time.Minute, settle: settle}, 100, 1, 1980 * time.Millisecond, 0},
		"the others come after a pause": {pacing{rate: 50, most: time.Minute, settle: settle}, 10, 10, 6980 * time.Millisecond, 5200 * time.Millisecond},
		"as long as it takes":           {pacing{rate: 50, most: time.Minute, settle: settle}, 20, 100, 44980 * time.Millisecond, 5400 * time.Millisecond},
		"and no longer than it may":     {pacing{rate: 50, most: time.Minute, settle: settle}, 20, 1000, 59997 * time.Millisecond, 800 * time.Millisecond},
		"at once":                       {pacing{most: time.Minute}, 3, 3, 0, 0},
		"with no time left":             {pacing{rate: 50}, 3, 3, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			plan := tc.at.plan(crowdOf(tc.databases, tc.each))
			if len(plan) != tc.databases*tc.each {
				t.Fatalf("%d of %d are told", len(plan), tc.databases*tc.each)
			}
			seen := map[string]bool{}
			for i, f := range plan {
				if i > 0 && f.after < plan[i-1].after {
					t.Fatal("out of order")
				}
				if i < tc.databases && seen[f.socket.database] {
					t.Fatalf("number %d is the second of %s before all had one", i, f.socket.database)
				}
				seen[f.socket.database] = true
			}
			if len(plan) == 0 {
				return
			}
			near(t, "the last", plan[len(plan)-1].after, tc.last)
			if len(plan) > tc.databases {
				near(t, "the first of the rest", plan[tc.databases].after, tc.rest)
			}
		})
	}
}

func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if d := got - want; d < -20*time.Millisecond || d > 20*time.Millisecond {
		t.Errorf("%s at %v, want about %v", what, got, want)
	}
}

// Whatever we end a socket for, the browser comes back: 1012 makes it, 1000 never would, and
// 4002 is Odoo's own word.
func TestWhoeverIsSentAwayComesBack(t *testing.T) {
	for name, end := range map[string]func(g *rig){
		"the gateway stops":                 func(g *rig) { g.CloseSockets("restart", 0) },
		"the tenant moves":                  func(g *rig) { g.CloseTenantSockets("acme", "restart", 0) },
		"the pool goes":                     func(g *rig) { g.Apply(nil) },
		"the server is replaced by another": func(g *rig) { g.replace(func(b *routing.Backend) { b.ID = "another" }) },
		"the server gets another address":   func(g *rig) { g.replace(func(b *routing.Backend) { b.HTTP = "http://127.0.0.1:1" }) },
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan message, 1)
			g := realtime(t, func(c wire) {
				accept(c)
				m, _ := next(c)
				heard <- m
				io.Copy(io.Discard, c)
			}, func(_ *Config, p *routing.Pool) { p.Realtime.Drain = time.Millisecond })
			c := g.open()
			eventually(t, "the socket is open", func() bool { return g.backend(0).Sockets == 1 })
			go end(g)
			if m, err := next(c); err != nil || m.op != opClose || m.code() != closeRestart {
				t.Errorf("the browser got %v, %v; want %d", m, err, closeRestart)
			}
			if m := <-heard; m.op != opClose || m.code() != closeGoingAway {
				t.Errorf("Odoo got %v", m)
			}
		})
	}
}

// replace changes the first backend of the pool.
func (g *rig) replace(change func(*routing.Backend)) {
	next := *g.pool
	next.Digest = "changed"
	next.Backends = append([]routing.Backend(nil), next.Backends...)
	change(&next.Backends[0])
	g.Apply(map[string]*routing.Pool{"pool": &next})
}
