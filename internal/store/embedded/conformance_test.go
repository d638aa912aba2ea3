package embedded

import (
	"context"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	s := running(t, Config{Dir: t.TempDir()})
	storetest.Run(t, func(*testing.T) storetest.Store { return s })
}

// running returns a store whose Run ends with the test.
func running(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, stop := start(t, cfg)
	t.Cleanup(stop)
	return s
}

// start returns a store and what ends it.
func start(t *testing.T, cfg Config) (s *Store, stop func()) {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = prometheus.NewRegistry()
	}
	s = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
