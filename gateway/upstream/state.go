package upstream

import (
	"bytes"
	"strings"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// poolState is a pool as it lives: it stays the same value while the pool's name is
// configured, whatever else changes.
type poolState struct {
	name     string
	conf     atomic.Pointer[routing.Pool]
	backends atomic.Pointer[[]*backend] // replaced as a whole, never written
	hot      hot
	gates    *admission.Pool
	refusals refusals
	// adopted pools were asked for before Apply brought them, by a request that held a
	// newer or older table. They are not probed and end with the next Apply.
	adopted bool
}

// backend is a backend as it lives.
type backend struct {
	pool, name string
	owner      *poolState
	conf       atomic.Pointer[routing.Backend]

	http     *endpoint
	realtime *endpoint // http, where Odoo serves both on one port

	inflight atomic.Int64 // requests that hold a worker
	sockets  atomic.Int64
	gate     *admission.Gate // of the HTTP workers
	health   health
	order    atomic.Int32 // an operator's word, see states.go
	retired  atomic.Bool  // no longer configured; what it has finishes

	born      atomic.Int64 // UnixNano: a new server in its pool, which fades in; 0 once it has
	warmth    warmth
	turnstile turnstile

	// The schedule's, under its lock.
	due    time.Time // of the next probe
	probed time.Time // end of the last one
	index  int       // in the heap, -1 outside
}

func (u *Upstream) newBackend(owner *poolState, conf *routing.Backend) *backend {
	b := &backend{pool: owner.name, name: conf.Name, owner: owner, index: -1}
	b.conf.Store(conf)
	b.http = newEndpoint(u.dialer, conf.HTTP, conf.TLS, u.timing.KeepAlive)
	b.realtime = b.http
	if conf.Realtime != "" && conf.Realtime != conf.HTTP {
		b.realtime = newEndpoint(u.dialer, conf.Realtime, conf.TLS, u.timing.KeepAlive)
	}
	// Address and start tell the server from any other of its name, alike on all replicas.
	b.gate = owner.gates.Gate(b.name, b.http.host+conf.ID, conf.Workers)
	b.order.Store(int32(u.orderFor(b)))
	return b
}

// is says whether conf means the same server: name, start and addresses, and how it is
// verified.
func (b *backend) is(conf *routing.Backend) bool {
	old := b.conf.Load()
	return old.Name == conf.Name && old.ID == conf.ID && old.HTTP == conf.HTTP && old.Realtime == conf.Realtime && sameTLS(old.TLS, conf.TLS)
}

func sameTLS(a, b *routing.BackendTLS) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ServerName == b.ServerName && bytes.Equal(a.CA, b.CA) && bytes.Equal(a.Cert, b.Cert) && bytes.Equal(a.Key, b.Key)
}

// endpointFor is the port that serves x. The realtime port would serve any path, login and
// database manager too, so only what it is there for goes to it: sockets and their plain
// siblings, and long polling before version 16.
func (b *backend) endpointFor(x *routing.Exchange) *endpoint {
	if x.Class != odoo.Realtime {
		return b.http
	}
	profile := x.Pool.Profile
	if profile.Websocket && within(x.Path, "/websocket") || profile.Longpolling && within(x.Path, "/longpolling") {
		return b.realtime
	}
	return b.http
}

// retire ends what a removed backend has no more use for. Requests on their way finish.
func (u *Upstream) retire(b *backend) {
	b.retired.Store(true)
	u.schedule.remove(b)
	u.metrics.forget(b)
	b.http.idle.close()
	b.realtime.idle.close()
	b.turnstile.close()
	b.gate.Close()
	u.sockets.closeLater(func(s *socket) bool { return s.backend == b }, "backend removed", b.owner.drain())
}

// within says whether path is prefix or lies beneath it.
func within(path, prefix string) bool {
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}
