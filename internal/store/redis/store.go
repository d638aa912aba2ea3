package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store"
)

// Keys and channels of ours. The version changes with what they hold.
const (
	prefix         = "sluice:v1:"
	pinsChannel    = prefix + "pins"
	replicasKey    = prefix + "replicas"
	recordsPrefix  = prefix + "control:"
	recordsChannel = prefix + "control"
)

// Config says where Redis is and how to sign in. One of Address, Sentinel and Cluster is set;
// Log is required.
type Config struct {
	Address  string
	Sentinel Sentinel
	Cluster  []string // some of its nodes

	TLS         *tls.Config // none when nil
	Credentials Credentials

	Log     *slog.Logger
	Metrics prometheus.Registerer
	Bounds  Bounds
}

// Sentinel finds the primary.
type Sentinel struct {
	Master    string
	Addresses []string
}

// Bounds are how long things may take. The zero value has good ones.
type Bounds struct {
	Call  time.Duration // one call with all it needs: 50 ms
	Reply time.Duration // one write or one read of it: 20 ms
	Dial  time.Duration // a connection, in the background: 1 s
	Probe time.Duration // between probes of a server that answers: 1 s. Five times as often while it does not
}

func (b Bounds) filled() Bounds {
	or := func(d *time.Duration, fallback time.Duration) {
		if *d <= 0 {
			*d = fallback
		}
	}
	or(&b.Call, 50*time.Millisecond)
	or(&b.Reply, 20*time.Millisecond)
	or(&b.Dial, time.Second)
	or(&b.Probe, time.Second)
	return b
}

// Store keeps pins, slots and replicas in Redis.
type Store struct {
	log     *slog.Logger
	metrics *store.Metrics
	bounds  Bounds
	servers servers
	scripts scripts
	conns   *connections
	refresh func(ctx context.Context) // keeps credentials fresh; may be nil

	life   sync.RWMutex
	closed bool
	calls  sync.WaitGroup
}

// New makes a store. It connects to nothing: a gateway must start while Redis is down.
func New(cfg Config) (*Store, error) {
	s := &Store{
		log: cfg.Log, metrics: store.NewMetrics(cfg.Metrics, "redis"),
		bounds: cfg.Bounds.filled(), refresh: cfg.Credentials.Run, scripts: newScripts(),
	}
	s.conns = newConnections(cfg, s.bounds.Dial)
	made, err := s.connectTo(cfg)
	if err != nil {
		return nil, err
	}
	s.servers = made
	return s, nil
}

func (s *Store) connectTo(cfg Config) (servers, error) {
	o := options{bounds: s.bounds, credentials: cfg.Credentials, conns: s.conns}
	switch {
	case cfg.Address != "":
		return newSingle(o.client(cfg.Address), s.server(cfg.Address)), nil
	case cfg.Sentinel.Master != "" && len(cfg.Sentinel.Addresses) > 0:
		return newSingle(o.failover(cfg.Sentinel), s.server(cfg.Sentinel.Master)), nil
	case len(cfg.Cluster) > 0:
		return newCluster(cfg.Cluster, s.server("the whole cluster"), func(address string) *server {
			one := s.server(address)
			one.client = o.client(address)
			return one
		}), nil
	default:
		return nil, errors.New("redis: no address, sentinel or cluster is given")
	}
}

// server makes what is known of one server.
func (s *Store) server(name string) *server {
	return &server{name: name, breaker: breaker{
		opened: func(cause error) {
			s.metrics.Opened()
			s.log.Warn("redis does not answer as it should: it is left alone until a probe succeeds, and the gateway serves without it", "server", name, "err", cause)
		},
		closed: func() { s.log.Info("redis answers again", "server", name) },
	}}
}

// Run probes, and keeps the credentials fresh, until ctx ends. Then it waits for calls in
// flight and closes every connection.
func (s *Store) Run(ctx context.Context) error {
	var background sync.WaitGroup
	if s.refresh != nil {
		background.Go(func() { s.refresh(ctx) })
	}
	s.probe(ctx)
	background.Wait()

	s.life.Lock()
	s.closed = true
	s.life.Unlock()
	s.calls.Wait()
	if err := s.servers.close(); err != nil {
		return fmt.Errorf("redis: close: %w", err)
	}
	return nil
}

// Healthy says whether calls are let through, to every server.
func (s *Store) Healthy() bool { return s.servers.healthy() }
