package shield

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	answers *prometheus.CounterVec // from
}

func newMetrics(r prometheus.Registerer, k *kept) *metrics {
	m := &metrics{answers: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_shield_answers_total",
		Help: "Static files that the asset shield answered: kept, from another release, or nobody had them.",
	}, []string{"from"})}
	if r == nil {
		return m
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	r.MustRegister(m.answers,
		gauge("sluice_shield_bundles", "Asset bundles that are kept.", func() float64 { n, _ := k.load(); return float64(n) }),
		gauge("sluice_shield_bytes", "Memory of the asset bundles that are kept.", func() float64 { _, n := k.load(); return float64(n) }))
	return m
}
