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
	seconds *prometheus.HistogramVec // tenant
	shed    *prometheus.CounterVec   // tenant, reason

	mu     sync.Mutex
	totals map[string]Status // Longest and Shed
}

func newMetrics(r prometheus.Registerer, g *Gates) *metrics {
	m := &metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_held_seconds", Help: "Time that requests were held at the edge while their tenant moved.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 25, 60},
		}, []string{"tenant"}),
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_held_shed_total",
			Help: "Requests that were held and then refused, by reason: too_long, too_many, too_large, lost (the hold lost its driver past the point of no return), gone (the client left).",
		}, []string{"tenant", "reason"}),
		totals: map[string]Status{},
	}
	if r != nil {
		r.MustRegister(m.seconds, m.shed, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_held", Help: "Requests that are held at the edge now.",
		}, func() float64 {
			g.mu.Lock()
			defer g.mu.Unlock()
			held := 0
			for _, one := range g.gates {
				held += one.waiting.Len()
			}
			return float64(held)
		}))
	}
	return m
}

func (m *metrics) waited(tenant string, took time.Duration, err error) {
	m.seconds.WithLabelValues(tenant).Observe(took.Seconds())
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.totals[tenant]
	s.Longest = max(s.Longest, took)
	if err != nil {
		s.Shed++
		m.shed.WithLabelValues(tenant, reason(err)).Inc()
	}
	m.totals[tenant] = s
}

func reason(err error) string {
	for text, kind := range map[string]error{"too_long": routing.ErrHeldTooLong, "too_many": routing.ErrHeldTooMany, "too_large": routing.ErrHeldTooLarge, "lost": routing.ErrHoldLost} {
		if errors.Is(err, kind) {
			return text
		}
	}
	return "gone"
}

func (m *metrics) status(tenant string) Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.totals[tenant]
}
