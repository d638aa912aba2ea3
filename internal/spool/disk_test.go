package spool

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A disk that fails refuses a request, for which there is no other place, and makes an
// answer go at the reader's speed.
func TestADiskThatFails(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := newSpace(t, Config{PipeMemory: 2 * chunkSize, Metrics: registry})
	if err := os.RemoveAll(s.cfg.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadBody(bytes.NewReader(make([]byte, 2<<20)), -1); !errors.Is(err, ErrNoSpace) {
		t.Errorf("request: got %v", err)
	}
	want := randomBytes(1 << 20)
	p := s.Pipe()
	wait := fill(p, bytes.NewReader(want))
	got, err := drain(p)
	if werr := wait(); err != nil || werr != nil || !bytes.Equal(got, want) {
		t.Errorf("answer: %d of %d bytes; reader %v, writer %v", len(got), len(want), err, werr)
	}
	p.Close()
	if memory, disk := s.InUse(), s.disk.used.Load(); memory != 0 || disk != 0 {
		t.Errorf("still counted: %d, %d", memory, disk)
	}
	counted := `
# HELP sluice_spool_refused_total Request bodies refused, by reason.
# TYPE sluice_spool_refused_total counter
sluice_spool_refused_total{reason="no_space"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(counted), "sluice_spool_refused_total"); err != nil {
		t.Error(err)
	}
	if n := testutil.ToFloat64(s.metrics.waits); n == 0 {
		t.Error("no wait was counted")
	}
}
