package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/gateway/replicas"
	"sluicegate.dev/sluice/internal/store"
)

// makeReplicas makes what knows the other gateways at our store.
func (g *Gateway) makeReplicas(cfg Config) error {
	keys, err := g.keyIDs()
	if err != nil {
		return err
	}
	path := string(g.install.SecretsFile)
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	g.replicas = replicas.New(replicas.Config{
		Store: g.store, Keys: path, Report: g.says, Dir: string(g.install.DataDir),
		Eager: func() bool { return g.control != nil && g.control.Urgent() },
		Log:   g.log, Metrics: g.registry,
		Me: store.Replica{ID: rand.Text(), Host: hostName(), Version: cfg.Version, Started: time.Now().UTC(), KeyIDs: keys},
	})
	return nil
}

// keyIDs name the keys of the ring without telling them, so that others can compare theirs.
func (g *Gateway) keyIDs() ([]string, error) {
	derived, err := g.keys.For("replicas")
	if err != nil {
		return nil, fmt.Errorf("spec.secretsFile: %w", err)
	}
	ids := make([]string, 0, len(derived))
	for _, k := range derived {
		sum := sha256.Sum256(k.Secret)
		ids = append(ids, hex.EncodeToString(sum[:8]))
	}
	return ids, nil
}

// hostName is where this process runs, for people.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "a machine without a name"
	}
	return name
}

// admission shares workers with the other replicas, if there can be any.
func (g *Gateway) admission() admission.Config {
	c := admission.Config{Log: g.log, Metrics: g.registry}
	if g.redis != nil {
		c.Store, c.Replica, c.Replicas = g.redis, g.replicas.Me().ID, g.replicas.Count
	}
	return c
}
