package embedded

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"
	"time"
)

// A pin as the gateway keeps it: an HMAC of 16 bytes names it, and its sealed text has 50.
func benchKey(i int) string { return fmt.Sprintf("%022d", i) }

func benchValue(i int) string {
	return fmt.Sprintf("2.0.Ymx1ZQBhY21lLWJsdWUAYjE.%022d", i)
}

func BenchmarkPin(b *testing.B) {
	s := New(Config{Dir: b.TempDir(), Log: slog.New(slog.DiscardHandler)})
	defer s.Release()
	_, _ = s.PutPin(b.Context(), "acme", benchKey(1), benchValue(1), 0, time.Hour)
	key := benchKey(1)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Pin(b.Context(), "acme", key)
	}
}

func BenchmarkPutPin(b *testing.B) {
	s := New(Config{Dir: b.TempDir(), Log: slog.New(slog.DiscardHandler)})
	defer s.Release()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = s.PutPin(b.Context(), "acme", benchKey(i%100_000), benchValue(i), uint64(i), time.Hour)
	}
}

// BenchmarkMemory says what 100 000 pins take in memory and on disk, how long they take to
// write behind, and to load at a start.
func BenchmarkMemory(b *testing.B) {
	const pins = 100_000
	for b.Loop() {
		dir := b.TempDir()
		before := heap()
		s := New(Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		for i := range pins {
			_, _ = s.PutPin(b.Context(), "acme", benchKey(i), benchValue(i), 0, time.Hour)
		}
		start := time.Now()
		s.flush()
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/write")
		b.ReportMetric(float64(heap()-before)/pins, "B/pin")
		s.Release()
		b.ReportMetric(float64(size(b, s.path))/pins, "B/pin(disk)")
		start = time.Now()
		s = New(Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/load")
		s.Release()
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func size(b *testing.B, path string) int64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
