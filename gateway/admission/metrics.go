package admission

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what has happened; what is now is collected at each scrape, so that a
// series ends with its backend. Only tenants that ever had to wait have series here.
type metrics struct {
	wait    *prometheus.HistogramVec // tenant, lane
	refusal *prometheus.CounterVec   // tenant, lane, reason
	left    *prometheus.CounterVec   // tenant, lane
	trips   prometheus.Counter
}

func newMetrics(r prometheus.Registerer, l *Leases) *metrics {
	m := &metrics{
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sluice_admission_wait_seconds",
			Help:    "Time that requests waited for a worker; those that found one free are not counted.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 30},
		}, []string{"tenant", "lane"}),
		refusal: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_admission_refused_total",
			Help: "Requests that got no worker: full (the queue), aged (waited too long), down or retired (the backend went; they tried another).",
		}, []string{"tenant", "lane", "reason"}),
		left: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_admission_left_total", Help: "Requests whose client left the queue; Odoo never saw them.",
		}, []string{"tenant", "lane"}),
		trips: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_admission_store_trips_total", Help: "Round trips to the store to share workers among replicas.",
		}),
	}
	if r != nil {
		r.MustRegister(m.wait, m.refusal, m.left, m.trips, newCollector(l))
	}
	return m
}

// waited counts a wait that has ended, one way or the other.
func (m *metrics) waited(v *visit, err error) {
	tenant, lane := v.line.tenant.name, v.lane.String()
	m.wait.WithLabelValues(tenant, lane).Observe(time.Since(v.since).Seconds())
	var r *Refused
	switch {
	case err == nil:
	case errors.As(err, &r):
		m.refused(r)
	default:
		m.left.WithLabelValues(tenant, lane).Inc()
	}
}

func (m *metrics) refused(r *Refused) {
	m.refusal.WithLabelValues(r.Tenant, r.Lane.String(), string(r.Reason)).Inc()
}

// collector reads the gates.
type collector struct {
	leases                           *Leases
	waiting, busy, slots, age, local *prometheus.Desc
}

func newCollector(l *Leases) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &collector{
		leases:  l,
		busy:    desc("sluice_admission_busy", "Workers that requests of this replica hold.", "pool", "backend"),
		slots:   desc("sluice_admission_slots", "Workers that this replica may use now.", "pool", "backend"),
		waiting: desc("sluice_admission_waiting", "Requests that wait for a worker; appears once one had to.", "pool", "backend", "lane"),
		age:     desc("sluice_admission_queue_age_seconds", "How long the oldest request has waited for a worker; appears once one had to.", "pool", "backend"),
		local:   desc("sluice_admission_local_share", "1 while the store is away and this replica uses its part of the workers."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.waiting, c.busy, c.slots, c.age, c.local} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	local := 0.0
	if c.leases.lost.Load() {
		local = 1
	}
	send(c.local, local)
	for _, g := range c.leases.all() {
		s := g.sight(time.Now())
		if s.workers == 0 {
			continue
		}
		send(c.slots, float64(s.slots), g.pool.name, g.backend)
		send(c.busy, float64(s.busy), g.pool.name, g.backend)
		if !s.queued {
			continue
		}
		send(c.age, s.age.Seconds(), g.pool.name, g.backend)
		for _, lane := range Lanes() {
			send(c.waiting, float64(s.waiting[lane]), g.pool.name, g.backend, lane.String())
		}
	}
}

// sight is what a scrape sees of a gate.
type sight struct {
	workers, slots, busy int
	queued               bool // somebody had to wait, now or before
	waiting              [lanes]int
	age                  time.Duration
}

func (g *Gate) sight(now time.Time) sight {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	g.settle(now)
	s := sight{workers: g.workers, slots: g.slots, busy: g.busy, queued: g.delayed, waiting: g.inQueue}
	for _, l := range g.queued {
		for i := range l.queues {
			if first := l.queues[i].first; first != nil {
				s.age = max(s.age, now.Sub(first.since))
			}
		}
	}
	return s
}
