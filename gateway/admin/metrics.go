package admin

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what the API does. Labels are operations and statuses: bounded.
type metrics struct {
	requests *prometheus.CounterVec
	logins   *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_admin_requests_total",
			Help: "Requests to the admin API by operation and status.",
		}, []string{"operation", "status"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_admin_failed_logins_total",
			Help: "Requests with a wrong token, those that had to wait after too many, and those that Entra ID could not be asked about.",
		}, []string{"result"}),
	}
	if r != nil {
		r.MustRegister(m.requests, m.logins)
	}
	return m
}
