package hold

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/routing"
)

// metrics are those of all gates; tenants that were never held have none.
type metrics struct {
	held    *prometheus.GaugeVec     // tenant
	seconds *prometheus.HistogramVec // tenant
	refused *prometheus.CounterVec   // tenant, reason

	mu     sync.Mutex
	totals map[string]Status // Longest and Shed
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_held", Help: "Requests that are held at the edge now, by tenant.",
		}, []string{"tenant"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_held_seconds", Help: "Time that requests were held at the edge while their tenant moved.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 25, 60},
		}, []string{"tenant"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_held_shed_total",
			Help: "Requests that were held and did not go on, by reason: too_long, too_many, too_large, lost (the hold lost its driver past the point of no return), gone (the client left).",
		}, []string{"tenant", "reason"}),
		totals: map[string]Status{},
	}
	if r != nil {
		r.MustRegister(m.held, m.seconds, m.refused)
	}
	return m
}

func (m *metrics) holds(tenant string, count int) { m.held.WithLabelValues(tenant).Set(float64(count)) }

func (m *metrics) waited(tenant string, took time.Duration) {
	m.seconds.WithLabelValues(tenant).Observe(took.Seconds())
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.totals[tenant]
	s.Longest = max(s.Longest, took)
	m.totals[tenant] = s
}

// shed counts a request that does not go on. Who has left was not refused.
func (m *metrics) shed(tenant string, err error) {
	why := reason(err)
	m.refused.WithLabelValues(tenant, why).Inc()
	if why == "gone" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.totals[tenant]
	s.Shed++
	m.totals[tenant] = s
}

func reason(err error) string {
	switch {
	case errors.Is(err, routing.ErrHeldTooLong):
		return "too_long"
	case errors.Is(err, routing.ErrHeldTooMany):
		return "too_many"
	case errors.Is(err, routing.ErrHeldTooLarge):
		return "too_large"
	case errors.Is(err, routing.ErrHoldLost):
		return "lost"
	}
	return "gone"
}

func (m *metrics) status(tenant string) Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.totals[tenant]
}
