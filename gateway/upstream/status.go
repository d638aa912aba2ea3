package upstream

import (
	"cmp"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// PoolStatus is what is known of a pool.
type PoolStatus struct {
	Name     string
	Backends []BackendStatus
}

// BackendStatus is what is known of a backend at one moment.
type BackendStatus struct {
	Name     string
	HTTP     string
	Realtime string
	Workers  int
	Weight   int
	State    State
	Order    cutover.BackendState // an operator's word
	Since    time.Time            // of the state; zero while unknown
	Reason   string               // of the last bad probe or connect, empty while all is well
	InFlight int64                // requests that hold a worker
	Waiting  int                  // requests that wait for one
	Slots    int                  // of the workers, that this replica may use; 0 where their number is unknown
	Sockets  int64
	Idle     int // connections kept for reuse

	Handshakes int     // that wait for their turn
	Cold       int     // databases that it has still to load
	Share      float64 // of its weight, below 1 while it fades in
}

// Serves says whether the backend gets requests.
func (b BackendStatus) Serves() bool { return b.State.serves() && b.Order != cutover.OutOfOrder }

// Status lists all pools by name.
func (u *Upstream) Status() []PoolStatus {
	pools := *u.pools.Load()
	all := make([]PoolStatus, 0, len(pools))
	for _, live := range pools {
		all = append(all, live.status())
	}
	slices.SortFunc(all, func(a, b PoolStatus) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// PoolStatus is Status for one pool.
func (u *Upstream) PoolStatus(name string) (PoolStatus, bool) {
	live, ok := (*u.pools.Load())[name]
	if !ok {
		return PoolStatus{}, false
	}
	return live.status(), true
}

func (p *poolState) status() PoolStatus {
	s, now, balance := PoolStatus{Name: p.name}, time.Now(), p.conf.Load().Balance
	for _, b := range *p.backends.Load() {
		conf := b.conf.Load()
		one := BackendStatus{
			Name: b.name, HTTP: conf.HTTP, Realtime: conf.Realtime, Workers: conf.Workers, Weight: conf.Weight,
			InFlight: b.inflight.Load(), Sockets: b.sockets.Load(), Idle: b.http.idle.count(),
		}
		_, one.Waiting, one.Slots = b.gate.Load()
		if b.realtime != b.http {
			one.Idle += b.realtime.idle.count()
		}
		one.Handshakes, one.Cold = b.turnstile.inLine(), int(b.warmth.count.Load())
		one.Order = order(b.order.Load()).state()
		one.Share = float64(b.share(balance, now)) / routing.Whole
		one.State, one.Since, one.Reason = b.health.facts()
		s.Backends = append(s.Backends, one)
	}
	return s
}
