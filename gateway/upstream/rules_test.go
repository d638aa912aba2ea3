package upstream

import (
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// The rule table: up and open, else fenced, else who was good last, else 503. Traefik's own
// balancer turned for ever where the only server that is up is fenced and the open one down.

// ill answers its health page with an error, and everything else well.
func ill(c wire) {
	r, _, err := readRequest(c)
	switch {
	case err != nil:
	case isProbe(r):
		io.WriteString(c.Conn, "HTTP/1.0 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
	default:
		io.WriteString(c.Conn, ok)
	}
}

func fenceByConf(g *rig) {
	g.replace(func(b *routing.Backend) { b.Weight = 0 })
}

func fenceByOperator(g *rig) { operate(g).say("b1", cutover.Draining) }

func TestTheOnlyUpServerIsFencedAndTheNewOneDown(t *testing.T) {
	for how, fence := range map[string]func(*rig){"by its weight": fenceByConf, "by an operator": fenceByOperator} {
		for who, pin := range map[string]struct{ session, backend string }{
			"who comes new":               {"", ""},
			"a session that nobody knows": {"s", ""},
			"a session of the fenced one": {"s", "b1"},
			"a session of the new one":    {"s", "b2"},
		} {
			t.Run(how+", "+who, func(t *testing.T) {
				down, _ := closedPort(t)
				up := startWorker(t, say(ok, false))
				g := newRig(t, []string{up.url(), "http://" + down}, withWorkers(8))
				fence(g)
				g.run()
				eventually(t, "the new one is down", func() bool { return g.backend(1).State == Down })
				g.change = func(x *routing.Exchange) { x.SessionKey, x.Pin = pin.session, pin.backend }
				if got := g.asked(30); got["b1"] != 30 || g.last.Load().Attempts != 1 {
					t.Errorf("served by %v with %d attempts", got, g.last.Load().Attempts)
				}
			})
		}
	}
}

// Fencing costs no processor: a crowd of requests takes what it takes when nobody is fenced,
// and while nobody asks nothing runs but probes.
func TestAFenceCostsNothing(t *testing.T) {
	crowd := func(fence func(*rig)) (busy, idle time.Duration) {
		down, _ := closedPort(t)
		g := newRig(t, []string{startWorker(t, say(ok, false)).url(), "http://" + down}, withWorkers(8))
		fence(g)
		g.run()
		eventually(t, "the new one is down", func() bool { return g.backend(1).State == Down })
		begun := processor(t)
		var clients sync.WaitGroup
		var failed atomic.Int64
		for range 8 {
			clients.Go(func() {
				for range 50 {
					if response, _, err := g.try("GET", "/web", ""); err != nil || response.StatusCode != 200 {
						failed.Add(1)
					}
				}
			})
		}
		clients.Wait()
		busy, begun = processor(t)-begun, processor(t)
		timer := time.NewTimer(500 * time.Millisecond)
		defer timer.Stop()
		<-timer.C
		if n := failed.Load(); n > 0 {
			t.Errorf("%d of 400 requests failed", n)
		}
		return busy, processor(t) - begun
	}
	plain, _ := crowd(func(*rig) {})
	fenced, idle := crowd(fenceByOperator)
	if fenced > 3*plain+200*time.Millisecond {
		t.Errorf("400 requests cost %v of processor with a fence and %v without", fenced, plain)
	}
	if idle > 250*time.Millisecond {
		t.Errorf("half a second without requests cost %v of processor", idle)
	}
}

func processor(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func TestTheLastResortServes(t *testing.T) {
	down, _ := closedPort(t)
	g := newRig(t, []string{startWorker(t, ill).url(), "http://" + down}, withWorkers(8))
	w := operate(g)
	w.say("b1", cutover.Draining)
	g.run()
	eventually(t, "both are down", func() bool { return g.backend(0).State == Down && g.backend(1).State == Down })
	if got := g.asked(30); got["b1"] != 30 {
		t.Errorf("fenced, and its health page fails, but nobody is better: served by %v", got)
	}
	w.say("b1", cutover.OutOfOrder)
	if got := g.asked(5); got[""] != 5 {
		t.Errorf("into maintenance goes nothing, whoever else is down: served by %v", got)
	}
}
