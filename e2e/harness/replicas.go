package harness

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Replicas are gateways that share a store, a key ring and their configuration.
type Replicas []*Gateway

// StartReplicas starts so many gateways at once and waits until all are ready. The settings
// name the store; the key ring is made here and copied to each, as an operator does.
func StartReplicas(t testing.TB, count int, c GatewayConfig, documents map[string]string) Replicas {
	t.Helper()
	all := NewReplicas(t, count, c, documents)
	all.Start(t)
	return all
}

// NewReplicas is StartReplicas without the start.
func NewReplicas(t testing.TB, count int, c GatewayConfig, documents map[string]string) Replicas {
	t.Helper()
	ring := KeyLine("k1")
	all := make(Replicas, count)
	for i := range all {
		all[i] = NewGateway(t, c, documents)
		all[i].WriteKeys(t, ring)
	}
	return all
}

// Start launches all of them, then waits for each.
func (r Replicas) Start(t testing.TB) {
	t.Helper()
	for _, g := range r {
		g.Launch(t)
	}
	for _, g := range r {
		g.WaitReady(t)
	}
}

// Write puts a file of the configuration folder in place on each.
func (r Replicas) Write(t testing.TB, name, text string) {
	t.Helper()
	for _, g := range r {
		g.Write(t, name, text)
	}
}

// Sum adds a metric over all replicas that run.
func (r Replicas) Sum(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	total := 0.0
	for _, g := range r {
		if g.Process == nil || !g.Running() {
			continue
		}
		group.Go(func() {
			m, err := Scrape("http://" + g.Admin + "/metrics")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("metrics: %v", err)
			}
			total += m.Sum(name, labels...)
		})
	}
	group.Wait()
	return total
}

// WriteKeys makes the key ring of a gateway that has not started: lines of KeyLine.
func (g *Gateway) WriteKeys(t testing.TB, lines string) {
	t.Helper()
	path := g.Path("data/keys")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
}

// KeyLine is a new key for a ring.
func KeyLine(name string) string {
	secret := make([]byte, 32)
	rand.Read(secret)
	return fmt.Sprintf("%s %s\n", name, base64.StdEncoding.EncodeToString(secret))
}
