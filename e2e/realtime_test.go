package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluicegate.dev/sluice/e2e/harness"
)

// switchboard is an Odoo server's realtime port that takes a while for the first socket of a
// database, as loading its registry does, and notes who came meanwhile.
type switchboard struct {
	addr string

	mu      sync.Mutex
	loading map[string]bool // databases whose first handshake is under way
	warm    map[string]bool
	early   []string // databases that were asked again while they loaded
	came    []time.Time
}

func openSwitchboard(t *testing.T) *switchboard {
	t.Helper()
	s := &switchboard{loading: map[string]bool{}, warm: map[string]bool{}}
	listener, err := net.Listen("tcp", harness.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	server := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return s
}

func (s *switchboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/websocket" {
		_, _ = io.WriteString(w, `{"status": "pass"}`)
		return
	}
	database := r.Host
	s.mu.Lock()
	s.came = append(s.came, time.Now())
	if s.loading[database] {
		s.early = append(s.early, database)
	}
	first := !s.warm[database]
	s.loading[database] = first
	s.mu.Unlock()
	if first {
		<-time.After(50 * time.Millisecond) // what takes long is the work, not a wait for the test
	}
	s.mu.Lock()
	s.warm[database], s.loading[database] = true, false
	s.mu.Unlock()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	for { // Odoo reads until the client goes
		if _, _, err := conn.Read(context.Background()); err != nil {
			return
		}
	}
}

// busiest is the most handshakes in any second.
func (s *switchboard) busiest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most, from := 0, 0
	for i, at := range s.came {
		for at.Sub(s.came[from]) > time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// TestAReconnectStormIsPaced: a server with 600 sockets of 20 databases is taken out. All
// are closed with 1012, one of each database first; the browsers come back at once, and the
// other server sees one first handshake of a database at a time, at the pace it was given.
func TestAReconnectStormIsPaced(t *testing.T) {
	t.Parallel()
	const databases, each, pace = 20, 30, 200
	one, two := openSwitchboard(t), openSwitchboard(t)
	pool := func(name, addr string) string {
		return harness.Pool("shared", []harness.Backend{{Name: name, HTTP: addr}},
			fmt.Sprintf("realtime: {handshakes: %d/s, drain: 4s}", pace))
	}
	documents := map[string]string{"pool.yaml": pool("one", one.addr)}
	for i := range databases {
		name := fmt.Sprintf("t%d", i)
		documents[name+".yaml"] = harness.Tenant(name, name, "shared", []string{name + ".test"})
	}
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, documents)

	var group sync.WaitGroup
	var mu sync.Mutex
	codes := map[websocket.StatusCode]int{}
	opened, back := make(chan struct{}, databases*each), make(chan struct{}, databases*each)
	for i := range databases {
		host := fmt.Sprintf("t%d.test", i)
		for range each {
			group.Go(func() {
				conn := knock(t, gateway.Web, host)
				if conn == nil {
					return
				}
				opened <- struct{}{}
				_, _, err := conn.Read(t.Context())
				mu.Lock()
				codes[websocket.CloseStatus(err)]++
				mu.Unlock()
				again := knock(t, gateway.Web, host) // browsers wait a second or two: worse here
				if again == nil {
					return
				}
				defer again.CloseNow()
				back <- struct{}{}
				<-t.Context().Done()
			})
		}
	}
	t.Cleanup(group.Wait)
	awaitAll(t, "open", opened, databases*each)
	gateway.Write(t, "tenants/pool.yaml", pool("two", two.addr))
	awaitAll(t, "back", back, databases*each)

	mu.Lock()
	defer mu.Unlock()
	if len(codes) != 1 || codes[websocket.StatusServiceRestart] != databases*each {
		t.Errorf("sockets were closed with %v, want 1012 for all %d", codes, databases*each)
	}
	for name, s := range map[string]*switchboard{"the first": one, "the second": two} {
		if len(s.early) > 0 {
			t.Errorf("%s server was asked by %d more while their database loaded: %v", name, len(s.early), s.early)
		}
		if len(s.warm) != databases {
			t.Errorf("%s server saw %d databases", name, len(s.warm))
		}
		// A burst of half a second's worth may come at once.
		if most := s.busiest(); most > pace*3/2 {
			t.Errorf("%s server got %d handshakes in one second, want about %d at most", name, most, pace)
		}
	}
}

// knock opens a socket; it comes again when it is sent away, as browsers do.
func knock(t *testing.T, addr, host string) *websocket.Conn {
	t.Helper()
	client := harness.Client(addr)
	defer client.CloseIdleConnections()
	for {
		conn, answer, err := websocket.Dial(t.Context(), "ws://"+host+"/websocket?version=18.0-5", &websocket.DialOptions{
			HTTPClient: client, HTTPHeader: http.Header{"Origin": {"http://" + host}},
		})
		switch {
		case err == nil:
			return conn
		case t.Context().Err() != nil || answer == nil || answer.StatusCode != http.StatusServiceUnavailable:
			t.Errorf("socket of %s: %v", host, err)
			return conn
		}
		<-time.After(100 * time.Millisecond)
	}
}

func awaitAll(t *testing.T, what string, done <-chan struct{}, count int) {
	t.Helper()
	late := time.After(2 * time.Minute)
	for i := range count {
		select {
		case <-done:
		case <-late:
			t.Fatalf("only %d of %d sockets are %s", i, count, what)
		}
	}
}

// TestATenantHasSoManySockets: what one tenant may hold open is bounded, another's is its own.
func TestATenantHasSoManySockets(t *testing.T) {
	t.Parallel()
	backend := harness.NewFast(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"pool.yaml": harness.Pool("shared", []harness.Backend{{HTTP: backend.Addr}}),
		"acme.yaml": harness.Tenant("acme", "acme", "shared", []string{"acme.test"}, "sockets: 3"),
		"beta.yaml": harness.Tenant("beta", "beta", "shared", []string{"beta.test"}),
	})
	open := func(host string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), "ws://"+host+"/websocket", &websocket.DialOptions{
			HTTPClient: harness.Client(gateway.Web), HTTPHeader: http.Header{"Origin": {"http://" + host}},
		})
	}
	var last *websocket.Conn
	for range 3 {
		conn, _, err := open("acme.test")
		if err != nil {
			t.Fatal(err)
		}
		last = conn
	}
	_, answer, err := open("acme.test")
	if err == nil || answer == nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a fourth socket: %v, %v", answer, err)
	}
	if _, _, err := open("beta.test"); err != nil {
		t.Errorf("another tenant's: %v", err)
	}
	last.CloseNow()
	harness.Eventually(t, harness.Patience, "a place is free again", func() error {
		_, _, err := open("acme.test")
		return err
	})
}
