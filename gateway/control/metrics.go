package control

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/routing/cutover"
)

type metrics struct {
	forged, merges, conflicts *prometheus.CounterVec
	drifted                   *prometheus.GaugeVec
	diskErrors                prometheus.Counter
	sick                      atomic.Bool
}

func newMetrics(r prometheus.Registerer, c *Control) *metrics {
	vec := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"kind"})
	}
	m := &metrics{
		forged:    vec("sluice_control_forged_records_total", "Records of runtime decisions that were not sealed with our key ring, or made no sense: ignored. By kind: tenant or pool."),
		merges:    vec("sluice_control_merges_total", "Records on which gateways had decided apart while they could not talk, and that were merged."),
		conflicts: vec("sluice_control_conflicts_total", "Changes that started over because another gateway was faster."),
		drifted: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_tenant_drifted", Help: "1 while a tenant is where a completed cutover left it, and its declared state says otherwise: commit the new active release.",
		}, []string{"tenant"}),
		diskErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_control_disk_errors_total", Help: "Times that runtime decisions could not be written to this gateway's disk.",
		}),
	}
	if r == nil {
		return m
	}
	r.MustRegister(m.forged, m.merges, m.conflicts, m.drifted, m.diskErrors,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_control_unshared_records", Help: "Records of runtime decisions that the store does not hold yet: they hold on this gateway only.",
		}, c.unshared))
	return m
}

func (c *Control) unshared() float64 {
	own := c.tenants.names(func(e *entry[cutover.Record]) bool { return !e.shared })
	pools := c.pools.names(func(e *entry[cutover.Pool]) bool { return !e.shared })
	return float64(len(own) + len(pools))
}

// diskSick says whether that is news.
func (m *metrics) diskSick() bool {
	m.diskErrors.Inc()
	return !m.sick.Swap(true)
}

func (m *metrics) diskWell() { m.sick.Store(false) }
