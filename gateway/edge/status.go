package edge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	tmetrics "github.com/traefik/traefik/v3/pkg/observability/metrics"
)

// newStatus answers /metrics and /ready on the status entry point. /ping stays Traefik's.
func (e *Edge) newStatus() http.Handler {
	all := &mergedGatherer{ours: e.cfg.Registry}
	if m := e.cfg.Static.conf.Metrics; m != nil && m.Prometheus != nil {
		all.traefik = tmetrics.PrometheusHandler()
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(all, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /ready", e.serveReady)
	return mux
}

// serveReady says whether a load balancer should send requests here.
func (e *Edge) serveReady(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !e.Ready() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "not ready\n") // a probe that hung up has its answer
		return
	}
	_, _ = io.WriteString(w, "ready\n")
}

// statusBefore puts our status pages before Traefik's router of the status entry point.
func (f *front) statusBefore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics", "/ready":
			f.status.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// mergedGatherer is our registry, then Traefik's. Traefik exports its registry as a page
// only, so that page is read.
type mergedGatherer struct {
	ours    prometheus.Gatherer
	traefik http.Handler // nil without Traefik's Prometheus exporter
}

// Gather implements prometheus.Gatherer. What both have (process, Go runtime) is ours.
func (g *mergedGatherer) Gather() ([]*dto.MetricFamily, error) {
	families, err := g.ours.Gather()
	if g.traefik == nil {
		return families, err
	}
	known := map[string]bool{}
	for _, family := range families {
		known[family.GetName()] = true
	}
	theirs, theirErr := readPage(g.traefik)
	for _, family := range theirs {
		if !known[family.GetName()] {
			families = append(families, family)
		}
	}
	return families, errors.Join(err, theirErr)
}

// readPage asks for protobuf: it loses nothing and costs least to read.
func readPage(page http.Handler) ([]*dto.MetricFamily, error) {
	format := expfmt.NewFormat(expfmt.TypeProtoDelim)
	request, err := http.NewRequest(http.MethodGet, "/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("traefik's metrics: %w", err)
	}
	request.Header.Set("Accept", string(format))
	recorder := httptest.NewRecorder()
	page.ServeHTTP(recorder, request)
	decoder := expfmt.NewDecoder(bytes.NewReader(recorder.Body.Bytes()), expfmt.ResponseFormat(recorder.Header()))
	var families []*dto.MetricFamily
	for {
		family := &dto.MetricFamily{}
		if err := decoder.Decode(family); errors.Is(err, io.EOF) {
			return families, nil
		} else if err != nil {
			return families, fmt.Errorf("traefik's metrics: %w", err)
		}
		families = append(families, family)
	}
}
