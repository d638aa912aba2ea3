package upstream

import (
	"math/rand/v2"
	"time"
)

// settle is the pause between the first socket of a database and its others: a browser comes
// back after 1.5 to 2.5 s, and where it arrives the database has to be loaded.
const settle = 5 * time.Second

// pacing is how fast sockets are closed. Browsers come back as soon as they are cut, so the
// pace is what the other side takes; the window follows the number of sockets.
type pacing struct {
	rate   float64       // sockets a second; 0 closes all at once
	most   time.Duration // the longest window
	settle time.Duration
}

// farewell is when a socket is to be closed.
type farewell struct {
	socket *socket
	after  time.Duration
}

// plan gives each socket its moment, in order: one of each database first, so that the other
// side loads each database once and in peace, then the rest.
func (p pacing) plan(found []*socket) []farewell {
	if p.rate <= 0 {
		p.most = 0
	}
	rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	out := make([]farewell, 0, len(found))
	begun := map[string]bool{}
	var rest []*socket
	for _, s := range found {
		if begun[s.database] {
			rest = append(rest, s)
			continue
		}
		begun[s.database] = true
		out = append(out, farewell{socket: s})
	}
	firsts := len(out)
	for _, s := range rest {
		out = append(out, farewell{socket: s})
	}
	window, start := p.window(firsts, len(rest))
	for i := range out {
		if i < firsts {
			out[i].after = part(start-window.settle, i, firsts)
		} else {
			out[i].after = start + part(window.whole-start, i-firsts, len(rest))
		}
	}
	return out
}

// part is the i-th of n equal steps through d.
func part(d time.Duration, i, n int) time.Duration {
	return time.Duration(float64(d) * float64(i) / float64(n))
}

// span is a window with the pause in it.
type span struct{ whole, settle time.Duration }

// window is how long it takes, at most p.most, and when the rest begins.
func (p pacing) window(firsts, rest int) (w span, start time.Duration) {
	if p.most <= 0 {
		return span{}, 0
	}
	if rest > 0 {
		w.settle = p.settle
	}
	start = p.time(firsts) + w.settle
	w.whole = start + p.time(rest)
	if w.whole > p.most {
		squeeze := float64(p.most) / float64(w.whole)
		w = span{p.most, time.Duration(float64(w.settle) * squeeze)}
		start = time.Duration(float64(start) * squeeze)
	}
	return w, start
}

func (p pacing) time(n int) time.Duration {
	return time.Duration(float64(n) / p.rate * float64(time.Second))
}

// matching lists the open sockets that match.
func (s *sockets) matching(match func(*socket) bool) []*socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*socket
	for k := range s.live {
		if match(k) {
			found = append(found, k)
		}
	}
	return found
}

// closeAll closes the matching sockets with 1012, in their order; who does not match any more
// when the turn comes may stay. It returns when the last one was told, or at once when the
// gateway ends.
func (s *sockets) closeAll(match func(*socket) bool, reason string, at pacing) {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, f := range at.plan(s.matching(match)) {
		timer.Reset(time.Until(start.Add(f.after)))
		select {
		case <-timer.C:
		case <-s.cut:
		}
		if match(f.socket) {
			f.socket.close(closeRestart, reason)
		}
	}
}

// closeLater is closeAll in the background; Run waits for it.
func (s *sockets) closeLater(match func(*socket) bool, reason string, at pacing) {
	s.start(func() { s.closeAll(match, reason, at) })
}

// drained waits until no socket is left. Each ends within its farewell.
func (s *sockets) drained() {
	for {
		s.mu.Lock()
		left, changed := len(s.live), s.changed
		s.mu.Unlock()
		if left == 0 {
			return
		}
		<-changed
	}
}

// CloseSockets closes all WebSockets with 1012, at the pace that their backends take the
// handshakes which follow and within most, lets no new ones in, and returns when they have
// ended. It is for the graceful stop.
func (u *Upstream) CloseSockets(reason string, most time.Duration) {
	u.sockets.mu.Lock()
	u.sockets.refuse = true
	u.sockets.mu.Unlock()
	rate := 0.0
	for _, live := range *u.pools.Load() {
		backends := *live.backends.Load()
		rate += handshakeRate(live.conf.Load().Realtime) * float64(len(backends))
		for _, b := range backends {
			b.turnstile.close()
		}
	}
	u.sockets.closeAll(all, reason, pacing{rate: rate, most: most}) // the backends stay warm: no pause
	u.sockets.drained()
}

// CloseTenantSockets closes one tenant's WebSockets with 1012, one first and the others at a
// pace that one backend takes, within most, and returns when the last one was told. New ones
// may come.
func (u *Upstream) CloseTenantSockets(tenant, reason string, most time.Duration) {
	u.sockets.closeAll(func(s *socket) bool { return s.tenant == tenant }, reason,
		pacing{rate: defaultHandshakes, most: most, settle: settle})
}

// drain is how the sockets of a backend that is gone are closed: as fast as those that stay
// take the handshakes.
func (p *poolState) drain() pacing {
	conf := p.conf.Load().Realtime
	at := pacing{most: conf.Drain, settle: settle}
	if at.most <= 0 {
		at.most = defaultDrain
	}
	at.rate = handshakeRate(conf) * float64(max(1, p.serving()))
	return at
}

// serving is how many backends of the pool take what comes.
func (p *poolState) serving() int {
	n := 0
	for _, b := range *p.backends.Load() {
		if !b.rests() {
			n++
		}
	}
	return n
}
