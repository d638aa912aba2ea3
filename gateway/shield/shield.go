package shield

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// DefaultBytes is how much is kept.
const DefaultBytes = 64 << 20

// Config is what a Shield needs. Upstream is required.
type Config struct {
	Upstream http.Handler
	Bytes    int64 // of all bundles together; 0 takes the default, below 0 keeps none
	Metrics  prometheus.Registerer
}

// Shield is the step in front of upstream.
type Shield struct {
	upstream http.Handler
	kept     *kept
	lost     lost
	asking   chan struct{} // bounds the requests that ask another release
	metrics  *metrics
}

// New returns a Shield that keeps nothing yet.
func New(cfg Config) *Shield {
	if cfg.Bytes == 0 {
		cfg.Bytes = DefaultBytes
	}
	s := &Shield{upstream: cfg.Upstream, kept: newKept(cfg.Bytes), asking: make(chan struct{}, askAtOnce)}
	s.metrics = newMetrics(cfg.Metrics, s.kept)
	return s
}

// ServeHTTP serves static files with what it keeps and what other releases have, and passes
// everything else on.
func (s *Shield) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := routing.FromContext(r.Context())
	if x == nil || x.Class != odoo.Static || x.Tenant == nil || x.Pool == nil || x.Release == nil ||
		r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.upstream.ServeHTTP(w, r)
		return
	}
	bundle := x.Pool.Profile.Bundle(x.Path)
	name := key{x.Tenant.Name, x.Path}
	if bundle && r.URL.RawQuery == "" {
		if e := s.kept.find(name); e != nil {
			s.metrics.answers.WithLabelValues("kept").Inc()
			e.serve(w, r, x)
			return
		}
	} else {
		name = key{} // of the same path, another query may mean another content
	}
	others := othersOf(x, bundle)
	if len(others) == 0 && name == (key{}) {
		s.upstream.ServeHTTP(w, r)
		return
	}
	t := newTap(w, r)
	t.hold = len(others) > 0 && !s.lost.lately(x.Tenant.Name, x.Path, time.Now())
	t.keep = name != key{} && r.Method == http.MethodGet
	s.upstream.ServeHTTP(t, r)
	if t.held() {
		s.askOthers(t, r, x, others)
	}
	if t.keep && t.whole() {
		s.kept.put(name, t.entry())
	}
}

// othersOf are the releases that may have what x's does not, the active one first. Bundles are
// in the database, files on the servers.
func othersOf(x *routing.Exchange, bundle bool) []*routing.Release {
	if len(x.Tenant.Releases) < 2 || x.Pool != x.Release.Pool {
		return nil
	}
	var others []*routing.Release
	for _, r := range x.Tenant.Releases {
		if r == x.Release || r.Pool == x.Release.Pool && (!bundle || r.Database == x.Release.Database) {
			continue
		}
		others = append(others, r)
	}
	sortActiveFirst(others, x.Tenant.Active)
	return others
}
