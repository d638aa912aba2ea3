package redis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// A pin as the gateway keeps it: an HMAC of 16 bytes names it, and its sealed text has 50.
func benchKey(i int) string { return fmt.Sprintf("%022d", i) }

const benchValue = "2.0.Ymx1ZQBhY21lLWJsdWUAYjE.AAAAAAAAAAAAAAAAAAAAAA"

func benchStore(b *testing.B) (*Store, *redistest.Server) {
	b.Helper()
	server := redistest.Start(b)
	s := running(b, Config{Address: server.Addr})
	if _, err := s.PutPin(b.Context(), "acme", "warm", benchValue, 0, time.Hour); err != nil {
		b.Fatal(err)
	}
	return s, server
}

func each(b *testing.B, do func(i int) error) {
	b.Helper()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := do(i); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkPin(b *testing.B) {
	s, _ := benchStore(b)
	each(b, func(int) error { _, err := s.Pin(b.Context(), "acme", "warm"); return err })
}

func BenchmarkPutPin(b *testing.B) {
	s, _ := benchStore(b)
	each(b, func(i int) error {
		_, err := s.PutPin(b.Context(), "acme", benchKey(i), benchValue, 0, time.Hour)
		return err
	})
}

func BenchmarkTouch1000(b *testing.B) {
	s, _ := benchStore(b)
	refs := make([]store.PinRef, 1000)
	for i := range refs {
		refs[i] = store.PinRef{Tenant: "acme", Key: benchKey(i)}
	}
	each(b, func(int) error { return s.TouchPins(b.Context(), refs, time.Hour) })
}

func BenchmarkLease100(b *testing.B) {
	s, _ := benchStore(b)
	claims := make([]store.SlotClaim, 100)
	for i := range claims {
		claims[i] = store.SlotClaim{Backend: fmt.Sprintf("pool%d/b1@10.0.0.1:8069", i), Workers: 6, Busy: 2, Demand: 5}
	}
	each(b, func(i int) error {
		_, err := s.LeaseSlots(b.Context(), fmt.Sprint("replica", i%3), claims, 3*time.Second)
		return err
	})
}

func BenchmarkOpenBreaker(b *testing.B) {
	s := running(b, Config{Address: "127.0.0.1:1", Bounds: Bounds{Probe: time.Hour}})
	for s.Healthy() {
		_, _ = s.Pin(b.Context(), "acme", "warm")
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Pin(b.Context(), "acme", "warm")
	}
}

// BenchmarkMemory says what 100 000 pins take in Redis.
func BenchmarkMemory(b *testing.B) {
	const pins, batch = 100_000, 500
	s, server := benchStore(b)
	for b.Loop() {
		server.Do("FLUSHALL")
		before := number(server.Info("used_memory"))
		for from := 0; from < pins; from += batch {
			requests := make([]request, batch)
			for i := range requests {
				key := benchKey(from + i)
				requests[i] = s.scripts.putPin.call([]string{pinKey("acme", key)}, "0", benchValue, time.Hour.Milliseconds(), pinsChannel, message("acme", key, benchValue), maxValue, "older")
			}
			if _, err := s.do(b.Context(), "put_pin", requests...); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(number(server.Info("used_memory"))-before)/pins, "B/pin")
		b.ReportMetric(float64(server.Do("MEMORY", "USAGE", pinKey("acme", benchKey(7))).(int64)), "B/key(MEMORY_USAGE)")
	}
}

func number(text string) (n int) {
	_, _ = fmt.Sscan(strings.TrimSpace(text), &n)
	return n
}
