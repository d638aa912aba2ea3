package upstream

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func TestMain(m *testing.M) {
	if n := os.Getenv(peersEnv); n != "" {
		runPeers(n)
		return
	}
	goleak.VerifyTestMain(m)
}

// worker is a raw Odoo worker: what it says is written by hand, byte by byte.
type worker struct {
	net.Listener
	accepted atomic.Int64
	wg       sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]struct{}
}

// wire is one connection to a worker.
type wire struct {
	net.Conn
	*bufio.Reader
}

func (w wire) Read(p []byte) (int, error) { return w.Reader.Read(p) }

func newWire(c net.Conn) wire { return wire{c, bufio.NewReader(c)} }

// startWorker serves each connection with serve, one goroutine each.
func startWorker(t testing.TB, serve func(c wire)) *worker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{Listener: l, open: map[net.Conn]struct{}{}}
	w.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.accepted.Add(1)
			w.mu.Lock()
			w.open[c] = struct{}{}
			w.mu.Unlock()
			w.wg.Go(func() {
				defer func() {
					c.Close()
					w.mu.Lock()
					delete(w.open, c)
					w.mu.Unlock()
				}()
				serve(wire{c, bufio.NewReader(c)})
			})
		}
	})
	t.Cleanup(w.stop)
	return w
}

func (w *worker) stop() {
	w.Close()
	w.mu.Lock()
	for c := range w.open {
		c.Close()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

func (w *worker) url() string { return "http://" + w.Addr().String() }

// readRequest reads one request whole, body included.
func readRequest(c wire) (*http.Request, string, error) {
	r, err := http.ReadRequest(c.Reader)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(r.Body)
	return r, string(body), err
}

// say answers each request on a connection with the same raw text; the connection closes
// after it unless keep is set. Health probes are answered on their own.
func say(text string, keep bool) func(wire) {
	return func(c wire) {
		for {
			r, _, err := readRequest(c)
			if err != nil {
				return
			}
			if isProbe(r) {
				io.WriteString(c.Conn, healthy)
				return
			}
			io.WriteString(c.Conn, text)
			if !keep {
				return
			}
		}
	}
}

const healthy = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"status\": \"pass\", \"db_server_status\": true}"

func isProbe(r *http.Request) bool { return r.UserAgent() == "sluice-health" }

// rig is a gateway with one tenant in front of workers.
type rig struct {
	*Upstream
	t      testing.TB
	pool   *routing.Pool
	tenant *routing.Tenant
	front  *httptest.Server
	last   atomic.Pointer[routing.Exchange] // of the last request that ended
	change func(x *routing.Exchange)
	space  *spool.Space
}

type option func(*Config, *routing.Pool)

func withTiming(t Timing) option { return func(c *Config, _ *routing.Pool) { c.Timing = t } }

// newRig starts a gateway before backends given by URL. It does not probe; see run.
func newRig(t testing.TB, urls []string, options ...option) *rig {
	t.Helper()
	space, err := spool.New(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	profile, _ := odoo.ProfileFor("18.0")
	pool := &routing.Pool{
		Name: "pool", Profile: profile, Sessions: routing.SessionsLocal, Isolation: routing.IsolationHeader,
		Timeouts: routing.Timeouts{Response: 5 * time.Second},
		Health:   routing.Health{Interval: 20 * time.Millisecond, Timeout: 200 * time.Millisecond, Fall: 2, Rise: 2},
	}
	for i, u := range urls {
		pool.Backends = append(pool.Backends, routing.Backend{Name: fmt.Sprintf("b%d", i+1), HTTP: u, Workers: 2, Weight: 1})
	}
	cfg := Config{Space: space, Log: slog.New(slog.DiscardHandler), Timing: Timing{SocketFarewell: time.Second}}
	for _, o := range options {
		o(&cfg, pool)
	}
	g := &rig{Upstream: New(cfg), t: t, pool: pool, space: space, change: func(*routing.Exchange) {}}
	release := &routing.Release{Name: "blue", Pool: pool, Database: "acme.db"}
	g.tenant = &routing.Tenant{Name: "acme", Hosts: []string{"acme.test", "*.shop.test"}, Active: release}
	g.Apply(map[string]*routing.Pool{pool.Name: pool})
	g.front = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(func() {
		g.front.Close()
		g.CloseSockets("", 0)
		g.Apply(nil)
		g.sockets.wait()
	})
	return g
}

// serve does what the steps in front of upstream do.
func (g *rig) serve(w http.ResponseWriter, r *http.Request) {
	x := &routing.Exchange{RequestID: "req-1", Scheme: "https", PublicHost: "acme.test", Client: netip.MustParseAddr("192.0.2.7")}
	x.Route = routing.Route{Tenant: g.tenant, Host: "acme.test", Path: r.URL.Path, Release: g.tenant.Active, Pool: g.pool}
	x.Class = g.pool.Profile.Classify(r.URL.Path, r.Method)
	x.SessionKey = r.Header.Get("X-Test-Session")
	r.Header.Del("X-Test-Session")
	g.change(x)
	defer g.last.Store(x)
	ctx := deadline.NewContext(routing.NewContext(r.Context(), x), http.NewResponseController(w))
	g.ServeHTTP(hiding{w}, r.WithContext(ctx))
}

// hiding is a wrapper like Traefik's: it flushes and hijacks, and has no Unwrap.
type hiding struct{ http.ResponseWriter }

func (h hiding) Flush() { h.ResponseWriter.(http.Flusher).Flush() }

func (h hiding) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.ResponseWriter.(http.Hijacker).Hijack()
}

// run lets the gateway probe until the test ends.
func (g *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.runSchedule(ctx)
	}()
	g.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// ask sends one request on a connection of its own and returns the answer with its body.
func (g *rig) ask(method, path, body string, header ...string) (*http.Response, string) {
	g.t.Helper()
	response, content, err := g.try(method, path, body, header...)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response, content
}

func (g *rig) try(method, path, body string, header ...string) (*http.Response, string, error) {
	r, err := http.NewRequest(method, g.front.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response, string(content), err
}

// dial opens a raw connection to the gateway.
func (g *rig) dial() wire {
	g.t.Helper()
	c, err := net.Dial("tcp", g.front.Listener.Addr().String())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return wire{c, bufio.NewReader(c)}
}

func (g *rig) backend(i int) BackendStatus {
	s, _ := g.PoolStatus("pool")
	return s.Backends[i]
}

// eventually polls until ok, and fails after a while.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); <-tick.C {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
