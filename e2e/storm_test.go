package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestAStormAfterARestartIsPaced: the realtime process of a server with 300 sockets of 12 databases
// restarts, and has forgotten them all. Every browser is told to come back and does so at once;
// Odoo sees one handshake of each database until that one is in memory, and no more in a second
// than it was said to take.
func TestAStormAfterARestartIsPaced(t *testing.T) {
	t.Parallel()
	const each, pace = 25, 150
	var databases []string
	for i := range 12 {
		databases = append(databases, fmt.Sprintf("d%d", i))
	}
	odoo := shared(t, "a", databases, "-registry-time", "100ms", "-websocket-idle", "10m")
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, sharedDocuments(
		sharedPool([]*harness.StandIn{odoo}, 4, fmt.Sprintf("realtime: {handshakes: %d/s}", pace)), databases))
	browsers := &reconnecting{t: t, addr: gateway.Web, codes: map[websocket.StatusCode]int{}}
	ctx, stop := context.WithCancel(t.Context())
	defer browsers.group.Wait()
	defer stop()
	for _, host := range hostsOf(databases) {
		for range each {
			browsers.group.Go(func() { browsers.run(ctx, host) })
		}
	}
	all := each * len(databases)
	browsers.await(all)
	wantPaced(t, odoo, databases, pace)
	odoo.Tell(t, `{"reset_load": true, "restart_gevent": 0.3}`)
	browsers.await(2 * all)
	wantPaced(t, odoo, databases, pace)
	browsers.mu.Lock()
	defer browsers.mu.Unlock()
	if len(browsers.codes) != 1 || browsers.codes[websocket.StatusServiceRestart] != all {
		t.Errorf("sockets were closed with %v, want 1012 for all %d", browsers.codes, all)
	}
}

// wantPaced: no database was met by a second handshake before it was in memory.
func wantPaced(t *testing.T, odoo *harness.StandIn, databases []string, pace int) {
	t.Helper()
	counters := odoo.Counters(t)
	for _, database := range databases {
		if r := counters.Registries["realtime"][database]; !r.Warm || r.Early != 1 {
			t.Errorf("database %s: %+v; want one handshake before it is in memory", database, r)
		}
	}
	if most := counters.Load.HandshakesPerSecond; most > pace*3/2 {
		t.Errorf("%d handshakes in one second, want about %d at most", most, pace)
	}
	t.Logf("%d handshakes, %d in one second, %d at once", counters.Load.Handshakes, counters.Load.HandshakesPerSecond, counters.Load.HandshakesAtOnce)
}

// reconnecting are browsers whose sockets are opened again as soon as they end.
type reconnecting struct {
	t     *testing.T
	addr  string
	group sync.WaitGroup

	mu     sync.Mutex
	opened int
	codes  map[websocket.StatusCode]int
}

func (r *reconnecting) run(ctx context.Context, host string) {
	for ctx.Err() == nil {
		conn, _, err := harness.WebSocket(ctx, r.addr, host, harness.EchoSocket("18.0"), nil)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		r.mu.Lock()
		r.opened++
		r.mu.Unlock()
		_, _, err = conn.Read(ctx)
		if ctx.Err() == nil {
			r.mu.Lock()
			r.codes[websocket.CloseStatus(err)]++
			r.mu.Unlock()
		}
		conn.CloseNow()
	}
}

func (r *reconnecting) await(want int) {
	r.t.Helper()
	harness.Eventually(r.t, 2*harness.Patience, fmt.Sprintf("%d sockets were opened", want), func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.opened < want {
			return fmt.Errorf("%d were; closed: %v", r.opened, r.codes)
		}
		return nil
	})
}
