package limits

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what the limiter's own do not: the reasons that are no policy's. The label
// tenant is a configured one, or the name of a route.
type metrics struct {
	refused *prometheus.CounterVec // tenant, reason
	guesses *prometheus.CounterVec // tenant
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_limit_refused_total",
			Help: "Requests that were answered 429, 503 or 403 by a limit, by reason.",
		}, []string{"tenant", "reason"}),
		guesses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_limit_bad_credentials_total",
			Help: "Requests whose password or API key Odoo has refused.",
		}, []string{"tenant"}),
	}
	if r != nil {
		r.MustRegister(m.refused, m.guesses)
	}
	return m
}
