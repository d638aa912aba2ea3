package edge

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/internal/answer"
)

const challengePath = "/.well-known/acme-challenge/"

// front stands before Traefik's routers on every entry point. A tenant's request leaves
// Traefik here; every other goes on to the routers unchanged.
type front struct {
	edge   *Edge
	status http.Handler
	chains map[string]http.Handler // by entry point: the tenants' path with Traefik's signals around it
	guests guestBook
	tls    map[string]*tls.Config // by entry point, the last usable; for the goroutine that applies configurations

	streams atomic.Int64 // requests in flight over HTTP/3
	ended   atomic.Int64 // when the last of them ended, in Unix nanoseconds
	closed  atomic.Bool  // no new ones over HTTP/3
}

func newFront(e *Edge) *front {
	f := &front{edge: e, chains: map[string]http.Handler{}, tls: map[string]*tls.Config{}}
	f.status = e.newStatus()
	return f
}

// build prepares one chain for each entry point. They outlive reloads.
func (f *front) build(p *parts) error {
	for name, ep := range p.conf.EntryPoints {
		chain, err := f.chain(p, name, ep)
		if err != nil {
			return err
		}
		f.chains[name] = chain
	}
	return nil
}

// before returns the handler of an entry point: the front, then Traefik's handler.
func (f *front) before(entryPoint string, next http.Handler) http.Handler {
	if next == nil {
		next = http.NotFoundHandler()
	}
	next = f.untilLive(next)
	if entryPoint == statusEntryPoint {
		return f.statusBefore(next)
	}
	if f.showsMetrics(entryPoint) {
		next = f.statusBefore(next)
	}
	tenants := f.chains[entryPoint]
	return f.counted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, challengePath) {
			f.challenge(w, r, next)
			return
		}
		allowPauses(w, r)
		if admitted, ok := f.edge.cfg.Path.Admit(w, r, entryPoint); ok {
			tenants.ServeHTTP(w, admitted)
			return
		}
		next.ServeHTTP(w, withProgress(w, r))
	}))
}

// showsMetrics tells whether the operator put Traefik's metrics on this entry point: ours
// then stand there too, behind the tenants.
func (f *front) showsMetrics(entryPoint string) bool {
	m := f.edge.cfg.Static.conf.Metrics
	return m != nil && m.Prometheus != nil && !m.Prometheus.ManualRouting && m.Prometheus.EntryPoint == entryPoint
}

// challenge lets our issuer answer for the tokens it knows; the rest is Traefik's, on
// tenants' hosts too.
func (f *front) challenge(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if f.edge.cfg.Challenges != nil && f.edge.cfg.Challenges(w, r) {
		return
	}
	next.ServeHTTP(w, r)
}

// untilLive answers for Traefik's routers while there are none yet: 404 would tell a
// client, or a crawler, that a site is gone.
func (f *front) untilLive(next http.Handler) http.Handler {
	if f.edge.live.Load() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.edge.live.Load() {
			next.ServeHTTP(w, r)
			return
		}
		answer.Write(w, r, nil, answer.Refusal{
			Status: http.StatusServiceUnavailable, Code: "starting", Title: "Starting",
			Detail: "The gateway is starting. Try again in a moment.", RetryAfter: time.Second,
		})
	})
}

// counted keeps account of HTTP/3 requests: Traefik ends their connections at once on a
// stop, so the edge has to wait for them itself.
func (f *front) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 3 {
			next.ServeHTTP(w, r)
			return
		}
		f.streams.Add(1)
		defer func() {
			f.ended.Store(time.Now().UnixNano())
			f.streams.Add(-1)
		}()
		if f.closed.Load() {
			w.Header().Set("Alt-Svc", "clear")
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}
