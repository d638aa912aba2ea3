package upstream

import "github.com/prometheus/client_golang/prometheus"

// metrics are the counters; what can be read from live state is collected at each scrape, so
// that a series ends with its backend.
type metrics struct {
	connectErrors *prometheus.CounterVec
	retries       prometheus.Counter
	truncated     prometheus.Counter
	socketsClosed *prometheus.CounterVec
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
	}
	if r != nil {
		r.MustRegister(m.connectErrors, m.retries, m.truncated, m.socketsClosed, newCollector(u))
	}
	return m
}

// forget drops the series of a backend that is gone.
func (m *metrics) forget(b *backend) { m.connectErrors.DeleteLabelValues(b.pool, b.name) }

// collector reads the live state.
type collector struct {
	upstream                        *Upstream
	up, state, inflight, idle, open *prometheus.Desc
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
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.state, c.inflight, c.idle, c.open} {
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
			if b.State.serves() {
				up = 1
			}
			send(c.up, up)
			send(c.state, float64(b.State))
			send(c.inflight, float64(b.InFlight))
			send(c.idle, float64(b.Idle))
			send(c.open, float64(b.Sockets))
		}
	}
}
