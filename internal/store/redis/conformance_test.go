package redis

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store/storetest"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

func TestConformance(t *testing.T) {
	for where, settings := range map[string]func(t *testing.T) Config{
		"one server":         func(t *testing.T) Config { return Config{Address: redistest.Start(t).Addr} },
		"a cluster of three": func(t *testing.T) Config { return Config{Cluster: redistest.StartCluster(t).Addrs()[:1]} },
		"behind sentinels":   sentinels,
	} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t)
			storetest.Run(t, func(t *testing.T) storetest.Store { return running(t, cfg) })
		})
	}
}

func sentinels(t *testing.T) Config {
	s := redistest.StartSentinels(t)
	return Config{Sentinel: Sentinel{Master: s.Master, Addresses: s.Addrs()}}
}

// patient bounds suit a machine that does other things too. Tests of the bounds set their own.
func patient() Bounds {
	return Bounds{Call: 3 * time.Second, Reply: 2 * time.Second, Dial: 5 * time.Second, Probe: 250 * time.Millisecond}
}

// running returns a store whose Run ends with the test.
func running(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, stop := start(t, cfg)
	t.Cleanup(stop)
	return s
}

// start returns a store and what ends it.
func start(t testing.TB, cfg Config) (s *Store, stop func()) {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if cfg.Metrics == nil {
		cfg.Metrics = prometheus.NewRegistry()
	}
	if cfg.Bounds == (Bounds{}) {
		cfg.Bounds = patient()
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
