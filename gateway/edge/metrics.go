package edge

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	panics   prometheus.Counter
	reloads  *prometheus.CounterVec
	rejected *prometheus.CounterVec
	disabled prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_edge_panics_total",
			Help: "Requests of tenants that ended in a panic, answered with 500.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_edge_reloads_total",
			Help: "Reloads of Traefik's own configuration, by result.",
		}, []string{"result"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_edge_rejected_configurations_total",
			Help: "Messages of Traefik's providers that would have stopped all further reloads, and were dropped.",
		}, []string{"provider"}),
		disabled: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_edge_disabled_tenants",
			Help: "Tenants whose Traefik middlewares cannot be built; their requests get 503.",
		}),
	}
	registry.MustRegister(m.panics, m.reloads, m.rejected, m.disabled)
	return m
}
