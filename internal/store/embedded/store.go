package embedded

import (
	"context"
	"hash/maphash"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store"
)

const (
	fileName  = "store.db"
	batchWait = 250 * time.Millisecond // what kill -9 may lose
	retryWait = time.Second            // until a file that is in use is tried again
	maxPins   = 500_000                // about 200 MB; beyond it the first to expire go
	shardBits = 6
)

// Config says where the store keeps its file. Log is required.
type Config struct {
	Dir     string
	Log     *slog.Logger
	Metrics prometheus.Registerer
	MaxPins int // in memory; a default when zero
}

// Store keeps pins, slots, replicas and records of one process.
type Store struct {
	log     *slog.Logger
	metrics *store.Metrics
	gauges  *gauges
	path    string
	now     func() time.Time

	seed   maphash.Seed
	shards [1 << shardBits]shard
	room   int // pins in one shard

	file    file
	leases  leases
	records records

	pinFeed    feed[change]
	recordFeed feed[store.Record]
}

// New opens the file and reads what it holds. It fails for no state of the file: see the
// package comment.
func New(cfg Config) *Store {
	most := cfg.MaxPins
	if most <= 0 {
		most = maxPins
	}
	s := &Store{
		log: cfg.Log, metrics: store.NewMetrics(cfg.Metrics, "embedded"),
		path: filepath.Join(cfg.Dir, fileName), now: time.Now,
		seed: maphash.MakeSeed(), room: max(1, most>>shardBits),
		records: newRecords(),
	}
	s.leases.slots = map[string]map[string]store.Holding{}
	s.leases.replicas = map[string]living{}
	for i := range s.shards {
		s.shards[i].pins = map[name]pin{}
		s.shards[i].dirty = map[name]struct{}{}
	}
	s.gauges = newGauges(cfg.Metrics, s)
	s.metrics.Up(true)
	s.tryOpen()
	return s
}

// Healthy implements the store's contract: memory always answers.
func (s *Store) Healthy() bool { return true }

// Run writes behind, sweeps what has expired and tries a file that was in use again. At the
// end it writes what is left and closes the file.
func (s *Store) Run(ctx context.Context) error {
	batch, retry, sweep := time.NewTicker(batchWait), time.NewTicker(retryWait), time.NewTicker(time.Second)
	defer batch.Stop()
	defer retry.Stop()
	defer sweep.Stop()
	next := 0
	for {
		select {
		case <-ctx.Done():
			s.Release()
			return nil
		case <-batch.C:
			s.flush()
			s.flushRecords()
		case <-retry.C:
			s.tryOpen()
		case <-sweep.C: // one shard a second: all of them in about a minute
			s.shards[next].sweep(s.now().UnixMilli())
			s.leases.sweep(s.now().UnixMilli())
			next = (next + 1) % len(s.shards)
		}
	}
}

// called records a call; memory does not fail.
func (s *Store) called(op string, start time.Time) { s.metrics.Called(op, time.Since(start), nil) }

// gauges tell how full the store is.
type gauges struct {
	evicted prometheus.Counter
	flushes *prometheus.CounterVec
	held    atomic.Bool // whether the file is ours
}

func newGauges(r prometheus.Registerer, s *Store) *gauges {
	g := &gauges{
		evicted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_store_pins_evicted_total", Help: "Pins dropped before their time because the embedded store was full.",
		}),
		flushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_store_flushes_total", Help: "Batches written to the file of the embedded store, by result.",
		}, []string{"result"}),
	}
	if r == nil {
		return g
	}
	r.MustRegister(g.evicted, g.flushes,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_store_pins", Help: "Pins that the embedded store keeps.",
		}, func() float64 { return float64(s.count()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sluice_store_file_open", Help: "1 while the file of the embedded store is ours: pins survive a restart.",
		}, func() float64 {
			if g.held.Load() {
				return 1
			}
			return 0
		}))
	return g
}
