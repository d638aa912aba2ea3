package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Toxic is a proxy between the gateways and one server, which can spoil the way.
type Toxic struct {
	Addr  string
	proxy *toxiproxy.Proxy
}

// StartToxic starts a proxy to the address that spoils nothing yet. It ends with the test.
func StartToxic(t testing.TB, upstream string) *Toxic {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &Toxic{Addr: FreeAddr(t)}
	p.proxy = toxiproxy.NewProxy(server, "redis", p.Addr, upstream)
	if err := p.proxy.Start(); err != nil {
		t.Fatalf("toxiproxy: %v", err)
	}
	t.Cleanup(p.proxy.Stop)
	return p
}

// Add spoils the way of the answers with a toxic of the kind ("latency", "timeout",
// "reset_peer", ...) until it is removed by its name.
func (p *Toxic) Add(t testing.TB, name, kind string, attributes map[string]int) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"name": name, "type": kind, "stream": "downstream", "attributes": attributes})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
		t.Fatalf("toxic %s: %v", kind, err)
	}
}

// Remove takes a toxic away.
func (p *Toxic) Remove(t testing.TB, name string) {
	t.Helper()
	if err := p.proxy.Toxics.RemoveToxic(context.Background(), name); err != nil {
		t.Fatalf("remove toxic %s: %v", name, err)
	}
}

// Refuse closes the port and every connection, or opens the port again.
func (p *Toxic) Refuse(t testing.TB, refuse bool) {
	t.Helper()
	p.update(t, p.proxy.Upstream, !refuse)
}

// Lead sends connections elsewhere, as a name does after a failover; those that are open end.
func (p *Toxic) Lead(t testing.TB, upstream string) {
	t.Helper()
	p.update(t, upstream, true)
}

func (p *Toxic) update(t testing.TB, upstream string, enabled bool) {
	t.Helper()
	if err := p.proxy.Update(&toxiproxy.Proxy{Listen: p.proxy.Listen, Upstream: upstream, Enabled: enabled}); err != nil {
		t.Fatalf("toxiproxy: %v", err)
	}
}
