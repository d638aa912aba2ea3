package spool

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	spilled prometheus.Counter
	waits   prometheus.Counter
	refused *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, s *Space) *metrics {
	m := &metrics{
		spilled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_spool_spilled_total", Help: "Bodies that outgrew memory and went to disk.",
		}),
		waits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_spool_waits_total", Help: "Times a backend had to wait because memory and disk for its answer were full.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_spool_refused_total", Help: "Request bodies refused, by reason.",
		}, []string{"reason"}),
	}
	if r == nil {
		return m
	}
	inUse := func(where string, a *account) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_spool_bytes", Help: "Bytes of bodies in hand.",
			ConstLabels: prometheus.Labels{"where": where},
		}, func() float64 { return float64(a.used.Load()) })
	}
	r.MustRegister(m.spilled, m.waits, m.refused, inUse("memory", &s.memory), inUse("disk", &s.disk))
	return m
}
