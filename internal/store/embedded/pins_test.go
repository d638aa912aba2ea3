package embedded

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func get(t *testing.T, s *Store, key string) string {
	t.Helper()
	value, err := s.Pin(t.Context(), "acme", key)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func put(t *testing.T, s *Store, key, value string, epoch uint64, ttl time.Duration) {
	t.Helper()
	if _, err := s.PutPin(t.Context(), "acme", key, value, epoch, ttl); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const most = 64 * 50
	registry := prometheus.NewRegistry()
	s := running(t, Config{Dir: t.TempDir(), MaxPins: most, Metrics: registry})
	for i := range 3 * most {
		put(t, s, fmt.Sprint("k", i), "v", 1, time.Hour)
	}
	if n := s.count(); n > most {
		t.Errorf("%d pins are kept, %d may be", n, most)
	}
	if n := testutil.ToFloat64(s.gauges.evicted); n < most {
		t.Errorf("%v evictions were counted", n)
	}
}

func TestWhatExpiresFirstIsEvictedFirst(t *testing.T) {
	const most, kept = 64 * 100, 64 * 20
	s := running(t, Config{Dir: t.TempDir(), MaxPins: most})
	for i := range kept {
		put(t, s, fmt.Sprint("long", i), "v", 1, 24*time.Hour)
	}
	for i := range 2 * most {
		put(t, s, fmt.Sprint("short", i), "v", 1, time.Hour)
	}
	lost := 0
	for i := range kept {
		if get(t, s, fmt.Sprint("long", i)) == "" {
			lost++
		}
	}
	if lost > kept/20 {
		t.Errorf("%d of %d pins that live long were evicted before the others", lost, kept)
	}
}

func TestExpiredPinsAreSwept(t *testing.T) {
	s := New(Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	defer s.Release()
	now := time.Now()
	s.now = func() time.Time { return now }
	for i := range 1000 {
		put(t, s, fmt.Sprint("k", i), "v", 1, time.Minute)
	}
	s.flush()
	now = now.Add(2 * time.Minute)
	for i := range s.shards {
		s.shards[i].sweep(now.UnixMilli())
	}
	if n := s.count(); n != 0 {
		t.Errorf("%d expired pins are kept", n)
	}
	s.flush()
	if found, err := read(s.file.db); err != nil || len(found.pins) != 0 {
		t.Errorf("the file keeps %d of them (%v)", len(found.pins), err)
	}
}

func TestMetricsAreClean(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := running(t, Config{Dir: t.TempDir(), Metrics: registry})
	put(t, s, "k", "v", 1, time.Hour)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	want := "# HELP sluice_store_pins Pins that the embedded store keeps.\n# TYPE sluice_store_pins gauge\nsluice_store_pins 1\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "sluice_store_pins"); err != nil {
		t.Error(err)
	}
}

// A watcher that lags behind is told to start over; nobody waits for it.
func TestSlowWatcher(t *testing.T) {
	s := running(t, Config{Dir: t.TempDir()})
	told, block := make(chan struct{}, 100), make(chan struct{})
	done := make(chan error, 1)
	ctx := t.Context()
	go func() {
		done <- s.WatchPins(ctx, func(string, string, string) { <-block }, func() { told <- struct{}{} })
	}()
	<-told
	for i := range 10 * watchRoom {
		put(t, s, fmt.Sprint("k", i), "v", 1, time.Hour)
	}
	close(block)
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Error("nobody was told that changes were missed")
	}
}

// journal is a log to look into.
func journal() (*slog.Logger, *bytes.Buffer) {
	var text bytes.Buffer
	return slog.New(slog.NewTextHandler(&text, nil)), &text
}
