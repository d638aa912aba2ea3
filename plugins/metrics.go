package plugins

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests by configured tenant. Hosts that are no tenant's share one
// counter: a client must not be able to make series.
type metrics struct {
	requests *prometheus.CounterVec   // tenant, class, release, code, outcome
	seconds  *prometheus.HistogramVec // tenant, class
	inFlight *prometheus.GaugeVec     // tenant
	unknown  prometheus.Counter
	moves    *prometheus.CounterVec // tenant, reason
	invalid  *prometheus.CounterVec // where
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_requests_total",
			Help: "Requests answered, by tenant, route class, release, status code and outcome (what the answer meant).",
		}, []string{"tenant", "class", "release", "code", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sluice_request_duration_seconds",
			Help:    "Time from the request's head to the end of the answer.",
			Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
		}, []string{"tenant", "class"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_requests_in_flight", Help: "Requests being served, by tenant.",
		}, []string{"tenant"}),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_unknown_host_requests_total", Help: "Requests for hosts that are no tenant's and no router's.",
		}),
		moves: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_pin_moves_total",
			Help: "Answers to a session from elsewhere than where it lives, by reason: its server is gone from the configuration, down, or failed; its release is gone or has another pool; a cutover has sent it elsewhere.",
		}, []string{"tenant", "reason"}),
		invalid: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_pin_invalid_total", Help: "Pins in cookies and testers' passes that are not ours, or another tenant's.",
		}, []string{"where"}),
	}
	r.MustRegister(m.requests, m.seconds, m.inFlight, m.unknown, m.moves, m.invalid)
	return m
}

// measure counts the request once it is over. It runs its count in a defer because an
// aborted answer unwinds as a panic.
func (p *Path) measure(next http.Handler) http.Handler {
	return withExchange(func(w http.ResponseWriter, r *http.Request, x *exchange) {
		start := time.Now()
		inFlight := p.metrics.inFlight.WithLabelValues(x.Tenant.Name)
		inFlight.Inc()
		defer func() {
			inFlight.Dec()
			p.metrics.count(x, time.Since(start))
		}()
		next.ServeHTTP(w, r)
	})
}

func (m *metrics) count(x *exchange, took time.Duration) {
	release := ""
	if x.Release != nil {
		release = x.Release.Name
	}
	m.requests.WithLabelValues(x.Tenant.Name, string(x.Class), release, statusText(x.Status), string(x.Outcome)).Inc()
	m.seconds.WithLabelValues(x.Tenant.Name, string(x.Class)).Observe(took.Seconds())
}

func statusText(code int) string {
	if code == http.StatusOK {
		return "200"
	}
	return strconv.Itoa(code)
}
