package config

import "github.com/prometheus/client_golang/prometheus"

// metrics say which configuration is served. None carries a tenant's name.
type metrics struct {
	revision  *prometheus.GaugeVec
	success   prometheus.Gauge
	timestamp prometheus.Gauge
	applies   prometheus.Counter
	tenants   *prometheus.GaugeVec
	problems  *prometheus.GaugeVec
	pending   prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	vector := func(name, help, label string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		revision:  vector("sluice_config_revision_info", "The revision that is served, as a label; always 1, one series.", "revision"),
		success:   gauge("sluice_config_last_apply_success", "1 when everything declared was applied, 0 when something is broken."),
		timestamp: gauge("sluice_config_last_apply_timestamp_seconds", "When configuration was last applied."),
		applies:   prometheus.NewCounter(prometheus.CounterOpts{Name: "sluice_config_applies_total", Help: "How often configuration was applied."}),
		tenants:   vector("sluice_config_tenants", "Tenants that are served: current, stale (last good version) or vanished.", "state"),
		problems:  vector("sluice_config_problems", "Problems of the configuration.", "severity"),
		pending:   gauge("sluice_config_pending_removals", "Tenants whose removal waits for a confirmation."),
	}
	if registry != nil {
		registry.MustRegister(m.revision, m.success, m.timestamp, m.applies, m.tenants, m.problems, m.pending)
	}
	return m
}

func (m *metrics) applied(s *Snapshot) {
	m.revision.Reset()
	m.revision.WithLabelValues(s.Revision).Set(1)
	errors := len(s.Problems.Errors())
	m.success.Set(0)
	if errors == 0 {
		m.success.Set(1)
	}
	m.timestamp.Set(float64(s.AppliedAt.Unix()))
	m.problems.WithLabelValues("error").Set(float64(errors))
	m.problems.WithLabelValues("warning").Set(float64(len(s.Problems) - errors))
	m.pending.Set(0)
	if s.Pending != nil {
		m.pending.Set(float64(len(s.Pending.Tenants)))
	}
	current := len(s.tenants)
	for _, state := range []State{StateStale, StateVanished} {
		m.tenants.WithLabelValues(string(state)).Set(float64(s.states[state]))
		current -= s.states[state]
	}
	m.tenants.WithLabelValues(string(StateCurrent)).Set(float64(current))
}
