package pins

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	lookups *prometheus.CounterVec
	records *prometheus.CounterVec
	invalid *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, count func() int) *metrics {
	m := &metrics{
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_pin_lookups_total",
			Help: "Sessions looked up: found in memory, in the store, put back there (restored), none; or the store was late or unavailable.",
		}, []string{"result"}),
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_pin_records_total",
			Help: "Records written: kept, adopted from another replica, failed; or the store was late or unavailable.",
		}, []string{"result"}),
		invalid: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_pin_records_invalid_total",
			Help: "Records and messages about them that nobody of ours signed, or that were cut.",
		}, []string{"where"}),
	}
	if r != nil {
		r.MustRegister(m.lookups, m.records, m.invalid, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_pins_known", Help: "Sessions of which this process knows whether they have a record.",
		}, func() float64 { return float64(count()) }))
	}
	return m
}

func (m *metrics) found(result string) { m.lookups.WithLabelValues(result).Inc() }
func (m *metrics) kept(result string)  { m.records.WithLabelValues(result).Inc() }
