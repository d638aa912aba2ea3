package redis

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

func TestForgedRecords(t *testing.T) {
	server := redistest.Start(t)
	key := recordsKey(store.KindTenant)
	for what, words := range map[string][]any{
		"no version":               {"HSET", key, "acme", "blue"},
		"an empty version":         {"HSET", key, "acme", ":blue"},
		"no value":                 {"HSET", key, "acme", "1:"},
		"a leading zero":           {"HSET", key, "acme", "01:blue"},
		"version zero":             {"HSET", key, "acme", "0:blue"},
		"a version beyond numbers": {"HSET", key, "acme", "1234567890123456:blue"},
		"a sign":                   {"HSET", key, "acme", "-1:blue"},
		"a list":                   {"RPUSH", key, "1:blue"},
		"a text":                   {"SET", key, "1:blue"},
	} {
		t.Run(what, func(t *testing.T) {
			server.Do("FLUSHALL")
			registry := prometheus.NewRegistry()
			s := running(t, Config{Address: server.Addr, Metrics: registry})
			server.Do(words...)

			if got, err := s.Record(t.Context(), store.KindTenant, "acme"); got.Version != 0 || err != nil {
				t.Errorf("read as %+v, %v", got, err)
			}
			if all, err := s.Records(t.Context(), store.KindTenant); len(all) != 0 || err != nil {
				t.Errorf("listed as %+v, %v", all, err)
			}
			if n := invalid(t, registry, "record"); n != 2 {
				t.Errorf("counted %v times on reading", n)
			}
			r := store.Record{Kind: store.KindTenant, Name: "acme", Value: []byte("mine")}
			got, err := s.PutRecord(t.Context(), r)
			if err != nil || got.Version == 0 {
				t.Errorf("stands in the way of a record: %+v, %v", got, err)
			}
			if n := invalid(t, registry, "record"); n != 3 {
				t.Errorf("counted %v times after writing", n)
			}
			if ttl := server.Do("PTTL", key); ttl != int64(-1) {
				t.Errorf("records expire in %v ms", ttl)
			}
		})
	}
}

func TestForgedRecordMessages(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	registry := prometheus.NewRegistry()
	s := running(t, Config{Address: server.Addr, Metrics: registry})
	ready(t, s)
	heard, lost := make(chan store.Record, 100), make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.WatchRecords(ctx, func(r store.Record) { heard <- r }, func() { lost <- struct{}{} })
	}()
	<-lost
	forged := []string{
		"", "tenant", "tenant acme", "tenant acme 1", "tenant acme 1 ", "tenant acme 0 value", "tenant acme x value",
		"tenant acme 01 value", " acme 1 value", "tenant  1 value", "tenant acme 1 " + strings.Repeat("x", store.MaxRecord+1),
	}
	for _, text := range forged {
		server.Do("PUBLISH", recordsChannel, text)
	}
	server.Do("PUBLISH", recordsChannel, "tenant acme 7 sound")
	select {
	case r := <-heard:
		if r.Name != "acme" || r.Version != 7 || string(r.Value) != "sound" {
			t.Errorf("heard %+v", r)
		}
	case <-time.After(10 * time.Second):
		t.Error("a message is not heard")
	}
	if n := invalid(t, registry, "message"); n != float64(len(forged)) {
		t.Errorf("%v messages were counted, of %d", n, len(forged))
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// FuzzOpenRecord holds what is read to what is written.
func FuzzOpenRecord(f *testing.F) {
	for _, text := range []string{"1:v", "0:v", "12:", ":v", "999999999999999:v", "1:v:w"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := openRecord("tenant", "acme", text)
		if !ok {
			return
		}
		if again := itoa(int64(r.Version)) + ":" + string(r.Value); again != text { //nolint:gosec // it has 15 digits
			t.Errorf("%q was read as %+v", text, r)
		}
	})
}
