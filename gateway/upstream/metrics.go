package upstream

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters; what can be read from live state is collected at each scrape, so
// that a series ends with its backend.
type metrics struct {
	connectErrors *prometheus.CounterVec
	retries       prometheus.Counter
	truncated     prometheus.Counter
	socketsClosed *prometheus.CounterVec

	handshakesRefused *prometheus.CounterVec
	warmUps           *prometheus.CounterVec
	warmUpSeconds     prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, u *Upstream) *metrics {
	m := &metrics{
		connectErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_backend_connect_errors_total", Help: "Connections to a backend that failed.",
		}, []string{"pool", "backend"}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_upstream_retries_total", Help: "Requests that were sent a second time.",
		}),
		truncated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_upstream_truncated_total", Help: "Answers that a backend broke off after some of it had reached the client.",
		}),
		socketsClosed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_sockets_closed_total", Help: "WebSockets that ended, by close code; 1006 without one.",
		}, []string{"code"}),
		handshakesRefused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_handshakes_refused_total", Help: "WebSocket handshakes that were told to come back later: queue is full, or wait is over.",
		}, []string{"pool", "backend", "reason"}),
		warmUps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_warmups_total", Help: "Databases that a new backend was made to load.",
		}, []string{"pool", "backend", "result"}),
		warmUpSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_warmup_seconds", Help: "Time that a new backend took to load a database.",
			Buckets: []float64{0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 120},
		}),
	}
	if r != nil {
		r.MustRegister(m.connectErrors, m.retries, m.truncated, m.socketsClosed,
			m.handshakesRefused, m.warmUps, m.warmUpSeconds, newCollector(u))
	}
	return m
}

// warmed counts a warm-up.
func (m *metrics) warmed(b *backend, err error, took time.Duration) {
	result := "done"
	if err != nil {
		result = "failed"
	}
	m.warmUps.WithLabelValues(b.pool, b.name, result).Inc()
	m.warmUpSeconds.Observe(took.Seconds())
}

// forget drops the series of a backend that is gone.
func (m *metrics) forget(b *backend) {
	of := prometheus.Labels{"pool": b.pool, "backend": b.name}
	m.connectErrors.Delete(of)
	m.handshakesRefused.DeletePartialMatch(of)
	m.warmUps.DeletePartialMatch(of)
}

// collector reads the live state.
type collector struct {
	upstream                        *Upstream
	up, state, inflight, idle, open *prometheus.Desc
	waiting, cold, share, order     *prometheus.Desc
}

func newCollector(u *Upstream) *collector {
	labels := []string{"pool", "backend"}
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, labels, nil) }
	return &collector{
		upstream: u,
		up:       desc("sluice_backend_up", "1 while a backend gets requests."),
		state:    desc("sluice_backend_state", "0 unknown, 1 up, 2 saturated, 3 database down, 4 down."),
		inflight: desc("sluice_backend_in_flight", "Requests that hold a worker of the backend."),
		idle:     desc("sluice_backend_idle_connections", "Connections kept for reuse."),
		open:     desc("sluice_sockets", "Open WebSockets."),
		waiting:  desc("sluice_handshakes_waiting", "WebSocket handshakes that wait for their turn."),
		cold:     desc("sluice_backend_cold_databases", "Databases that a new backend has still to load."),
		order:    desc("sluice_backend_order", "What operators say of a backend: 0 ready, 1 drain, 2 maintenance."),
		share:    desc("sluice_backend_share", "Part of its weight that a backend takes of new sessions: below 1 while it fades in."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.state, c.inflight, c.idle, c.open, c.waiting, c.cold, c.share, c.order} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	for _, p := range c.upstream.Status() {
		for _, b := range p.Backends {
			send := func(d *prometheus.Desc, v float64) {
				to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, p.Name, b.Name)
			}
			up := 0.0
			if b.Serves() {
				up = 1
			}
			send(c.up, up)
			send(c.state, float64(b.State))
			send(c.inflight, float64(b.InFlight))
			send(c.idle, float64(b.Idle))
			send(c.open, float64(b.Sockets))
			send(c.waiting, float64(b.Handshakes))
			send(c.cold, float64(b.Cold))
			send(c.share, b.Share)
			send(c.order, float64(orderOf(b.Order)))
		}
	}
}
