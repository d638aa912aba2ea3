package upstream

import (
	"time"

	"sluicegate.dev/sluice/routing"
)

// turns are the bounds of a turnstile.
type turns struct {
	gap         time.Duration // between two handshakes
	concurrency int           // on their way at once
	cold        int           // of them, the first of their database
	wait        time.Duration
	queue       int // who can be served within wait; more need not begin to wait
}

// Defaults of a pool. One gevent process of Odoo answers a few hundred handshakes a second
// when nothing else happens; 50 leave it time for the sockets that are open.
const (
	defaultHandshakes  = 50
	defaultConcurrency = 32
	defaultCold        = 4                // loading a database takes the whole process
	defaultWait        = 15 * time.Second // Firefox gives up after 20 s
	defaultDrain       = time.Minute
)

// turnsOf is one replica's part of what a pool says: the port behind it is the same for all.
func turnsOf(r routing.Realtime, replicas int) turns {
	t := turns{concurrency: r.Concurrency, cold: r.ColdDatabases, wait: r.Wait}
	if t.concurrency <= 0 {
		t.concurrency = defaultConcurrency
	}
	if t.cold <= 0 {
		t.cold = defaultCold
	}
	if t.wait <= 0 {
		t.wait = defaultWait
	}
	t.concurrency = (t.concurrency + replicas - 1) / replicas
	t.cold = (t.cold + replicas - 1) / replicas
	rate := handshakeRate(r) / float64(replicas)
	t.gap = time.Duration(float64(time.Second) / rate)
	t.queue = max(1, int(rate*t.wait.Seconds()))
	return t
}

func handshakeRate(r routing.Realtime) float64 {
	if r.Handshakes > 0 {
		return r.Handshakes
	}
	return defaultHandshakes
}
