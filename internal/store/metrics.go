package store

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are those of one store, whichever it is.
type Metrics struct {
	up       prometheus.Gauge
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	openings prometheus.Counter
	invalid  *prometheus.CounterVec
}

// NewMetrics registers the metrics of the store that is in use; kind is embedded or redis.
func NewMetrics(r prometheus.Registerer, kind string) *Metrics {
	m := &Metrics{
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_store_up", Help: "1 while the store answers.",
			ConstLabels: prometheus.Labels{"store": kind},
		}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_store_calls_total",
			Help: "Calls to the store, by operation and result: ok, unavailable (nothing was done), unknown (no answer in time), given_up (the caller stopped waiting), error.",
		}, []string{"op", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_store_call_seconds", Help: "Time that calls to the store took.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1},
		}, []string{"op"}),
		openings: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_store_breaker_openings_total", Help: "Times that calls were cut off because the store failed; a background probe lets them through again.",
		}),
		invalid: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_store_invalid_values_total", Help: "Values in the store that were not ours to read (forged, cut short, of a wrong type): ignored and overwritten.",
		}, []string{"kind"}),
	}
	if r != nil {
		r.MustRegister(m.up, m.calls, m.seconds, m.openings, m.invalid)
	}
	return m
}

// Up says whether the store answers.
func (m *Metrics) Up(yes bool) {
	if yes {
		m.up.Set(1)
		return
	}
	m.up.Set(0)
}

// Called records one call.
func (m *Metrics) Called(op string, took time.Duration, err error) {
	m.calls.WithLabelValues(op, result(err)).Inc()
	m.seconds.WithLabelValues(op).Observe(took.Seconds())
}

// GivenUp records a caller that stopped waiting for a call that goes on.
func (m *Metrics) GivenUp(op string) { m.calls.WithLabelValues(op, "given_up").Inc() }

// Opened records that calls were cut off.
func (m *Metrics) Opened() { m.openings.Inc() }

// Invalid records values that did not pass; kind is pin, slots, replica, report, record, message or limit.
func (m *Metrics) Invalid(kind string, count int) {
	if count > 0 {
		m.invalid.WithLabelValues(kind).Add(float64(count))
	}
}

func result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrUnavailable):
		return "unavailable"
	case errors.Is(err, ErrUnknown), errors.Is(err, context.DeadlineExceeded):
		return "unknown"
	default:
		return "error"
	}
}
