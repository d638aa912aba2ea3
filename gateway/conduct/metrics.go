package conduct

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/routing/cutover"
)

// metrics label by configured tenant, and by words of ours.
type metrics struct {
	ended     *prometheus.CounterVec // strategy, result
	takeovers prometheus.Counter
	steps     *prometheus.CounterVec // step, result
	calls     *prometheus.CounterVec // kind, result
	waiting   *prometheus.GaugeVec   // tenant, reason
}

// warner is the part of a logger that says what went wrong.
type warner interface {
	Warn(msg string, args ...any)
}

func newMetrics(r prometheus.Registerer, c *Conductor) *metrics {
	m := &metrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_cutover_ended_total", Help: "Cutovers that ended while this gateway drove them, by strategy and result: completed, aborted.",
		}, []string{"strategy", "result"}),
		takeovers: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_cutover_takeovers_total", Help: "Cutovers that this gateway took over from one that was not heard of any more.",
		}),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_cutover_steps_total", Help: "Steps of cutovers that this gateway ran: preflight, external, verify, check, gates; ok, failed.",
		}, []string{"step", "result"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_cutover_webhook_calls_total", Help: "Calls to webhooks: external, notice, preflight, check; ok, refused (an answer that is no success), failed (no answer), dropped (too many waited).",
		}, []string{"kind", "result"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_failover_waiting",
			Help: "1 while a tenant's servers are down and its failover waits for a person: manual, no_check, second_opinion, check, running, aborted.",
		}, []string{"tenant", "reason"}),
	}
	if r != nil {
		r.MustRegister(m.ended, m.takeovers, m.steps, m.calls, m.waiting, &collector{c, runningDesc(), blockedDesc(), ownedDesc()})
	}
	return m
}

// refused is an answer that is no success.
type refusedError struct{ reply }

func refused(r reply) error { return &refusedError{r} }

func (e *refusedError) Error() string {
	return fmt.Sprintf("it answers %d: %s", e.status, brief(string(e.body)))
}

func (m *metrics) called(kind string, err error) {
	result := "ok"
	switch err.(type) { //nolint:errorlint // made one line above its only use
	case nil:
	case *refusedError:
		result = "refused"
	default:
		result = "failed"
	}
	m.calls.WithLabelValues(kind, result).Inc()
}

func (m *metrics) stepped(name step, r *cutover.Result) {
	result := "failed"
	if r.OK {
		result = "ok"
	}
	m.steps.WithLabelValues(string(name), result).Inc()
}

// collector shows cutovers as they are at a scrape, so that a series ends with its cutover.
type collector struct {
	*Conductor
	phase, blocked, owned *prometheus.Desc
}

func runningDesc() *prometheus.Desc {
	return prometheus.NewDesc("sluice_cutover_running", "1 for each cutover that runs, as this gateway knows it.", []string{"tenant", "strategy", "phase"}, nil)
}

func blockedDesc() *prometheus.Desc {
	return prometheus.NewDesc("sluice_cutover_blocked", "1 while a tenant's cutover does not go on: paused, or blocked by what its status says.", []string{"tenant"}, nil)
}

func ownedDesc() *prometheus.Desc {
	return prometheus.NewDesc("sluice_cutover_owned", "Cutovers that this gateway drives.", nil, nil)
}

// Describe implements prometheus.Collector.
func (r *collector) Describe(to chan<- *prometheus.Desc) {
	to <- r.phase
	to <- r.blocked
	to <- r.owned
}

// Collect implements prometheus.Collector.
func (r *collector) Collect(to chan<- prometheus.Metric) {
	owned := 0.0
	for _, rec := range r.cfg.Control.All() {
		c := rec.Cutover
		if c == nil || c.Phase.Ended() {
			continue
		}
		if c.Owner == r.cfg.Replica {
			owned++
		}
		blocked := 0.0
		if c.Paused || c.Blocked != "" {
			blocked = 1
		}
		to <- prometheus.MustNewConstMetric(r.phase, prometheus.GaugeValue, 1, rec.Tenant, string(c.Plan.Strategy), string(c.Phase))
		to <- prometheus.MustNewConstMetric(r.blocked, prometheus.GaugeValue, blocked, rec.Tenant)
	}
	to <- prometheus.MustNewConstMetric(r.owned, prometheus.GaugeValue, owned)
}
