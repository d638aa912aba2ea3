package upstream

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"sluicegate.dev/sluice/routing"
)

// sockets is the register of open WebSockets and the owner of their goroutines.
type sockets struct {
	upstream  *Upstream
	perTenant int
	moves     moves

	mu      sync.Mutex
	live    map[*socket]struct{}
	tenants map[string]int // open and reserved
	refuse  bool           // the gateway stops
	over    bool           // it has stopped: nothing may start any more
	changed chan struct{}  // closed and replaced when a socket ends
	cut     chan struct{}  // closed by shut: no more waiting

	running sync.WaitGroup // of sockets and closers
}

func (s *sockets) init(u *Upstream, perTenant int) {
	s.upstream, s.perTenant = u, perTenant
	s.live = map[*socket]struct{}{}
	s.tenants = map[string]int{}
	s.changed = make(chan struct{})
	s.cut = make(chan struct{})
}

// reserve takes a place for one more socket of a tenant; open uses it, giveBack returns it.
func (s *sockets) reserve(tenant *routing.Tenant) error {
	limit := tenant.Sockets
	if limit == 0 {
		limit = s.perTenant
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.refuse && (limit == 0 || s.tenants[tenant.Name] < limit) {
		s.tenants[tenant.Name]++
		return nil
	}
	return &refusal{refusalOf(http.StatusServiceUnavailable, "too_many_sockets", "No more connections",
		"This site has too many live connections, or the gateway is restarting.", 5*time.Second)}
}

func (s *sockets) giveBack(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(tenant)
}

// leave counts a socket out; the caller holds the lock.
func (s *sockets) leave(tenant string) {
	if s.tenants[tenant]--; s.tenants[tenant] == 0 {
		delete(s.tenants, tenant)
	}
}

// open registers a socket and starts to carry its frames.
func (s *sockets) open(x *routing.Exchange, b *backend, client, server taken, compressed bool) {
	k := &socket{upstream: s.upstream, backend: b, tenant: x.Tenant.Name, database: databaseOf(x), opened: time.Now()}
	if x.Release != nil {
		k.release = x.Release.Name
	}
	stall := s.upstream.timing.SocketStall
	k.client = leg{conn: client.conn, stall: stall, limit: &k.limit, boundary: true}
	k.server = leg{conn: server.conn, stall: stall, limit: &k.limit, boundary: true}
	k.ways.Store(2)
	up := &direction{from: &k.client, to: &k.server, frames: frames{masked: true, compressed: compressed}, ahead: client.ahead}
	down := &direction{from: &k.server, to: &k.client, frames: frames{compressed: compressed}, ahead: server.ahead}

	b.sockets.Add(1)
	k.warmth = b.turnstile.opened(k.database)
	s.mu.Lock()
	s.live[k] = struct{}{}
	late := s.refuse || s.moves.running(place{k.tenant, k.release})
	s.mu.Unlock()
	if x.Visit != nil {
		k.ended = x.Visit.Socket(func() { s.start(func() { k.close(closeRestart, "moved") }) })
	}
	if !s.start(func() { k.run(up) }, func() { k.run(down) }) {
		_, _ = client.conn.Close(), server.conn.Close() // nobody is left to carry it
		s.remove(k)
		return
	}
	if late || b.retired.Load() || b.rests() {
		k.close(closeRestart, "restart") // it was opened while all others were being closed
	}
}

// start runs goroutines that wait waits for, while there still is a wait to come.
func (s *sockets) start(run ...func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	for _, f := range run {
		s.running.Go(f)
	}
	return true
}

func (s *sockets) remove(k *socket) {
	k.depart(false)
	k.backend.sockets.Add(-1)
	s.mu.Lock()
	delete(s.live, k)
	s.leave(k.tenant)
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	if k.ended != nil {
		k.ended()
	}
	code := int(k.code.Load())
	s.upstream.metrics.socketsClosed.WithLabelValues(codeLabel(code)).Inc()
	s.upstream.log.Debug("socket ended", "tenant", k.tenant, "backend", k.backend.name,
		"code", code, "seconds", int(time.Since(k.opened).Seconds()))
}

// codeLabel keeps the label bounded: a peer may send any code.
func codeLabel(code int) string {
	if code >= 1000 && code <= 1015 || code >= 4001 && code <= 4004 {
		return strconv.Itoa(code)
	}
	return "other"
}

// count is the open sockets of one tenant.
func (s *sockets) count(tenant string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tenants[tenant]
}

// shut lets no more sockets in, tells the open ones and cuts short who is waiting to.
func (s *sockets) shut() {
	s.mu.Lock()
	s.refuse = true
	select {
	case <-s.cut:
	default:
		close(s.cut)
	}
	s.mu.Unlock()
	s.closeAll(all, "restart", pacing{})
}

func all(*socket) bool { return true }

// wait returns when nothing of any socket runs any more.
func (s *sockets) wait() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.running.Wait()
}

// TenantSockets is how many WebSockets a tenant has open.
func (u *Upstream) TenantSockets(tenant string) int { return u.sockets.count(tenant) }
