package replicas

import (
	"github.com/prometheus/client_golang/prometheus"
)

func (r *Replicas) register(to prometheus.Registerer) {
	if to == nil {
		return
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	to.MustRegister(
		gauge("sluice_replicas", "Gateways that share the store, this one included, as last known.", func() float64 { return float64(r.Count()) }),
		gauge("sluice_replicas_known", "1 while the store says who they are.", func() float64 {
			if _, _, known := r.Live(); known {
				return 1
			}
			return 0
		}),
		gauge("sluice_replica_key_ring_fits", "0 when this gateway's key ring is not that of the others: it must not serve beside them.", func() float64 {
			if r.Fits() != nil {
				return 0
			}
			return 1
		}),
	)
}
