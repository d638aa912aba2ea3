package plugins_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/gateway/hold"
	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/plugins"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// patience is for a loaded machine; nothing here takes that long.
const patience = 30 * time.Second

// arrival is how long the front waits for a request; those that are held wait for longer.
const arrival = time.Second

var keys = routing.PinKeys{[]byte("key-key-key-key-key-key-key-key-")}

// side is a release's Odoo server, and what reached it.
type side struct {
	name    string
	server  *httptest.Server
	work    time.Duration
	workers chan struct{}

	mu    sync.Mutex
	paths []string
	bytes map[string]int64
}

func startSide(t *testing.T, name string, workers int) *side {
	s := &side{name: name, workers: make(chan struct{}, workers), bytes: map[string]int64{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *side) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case s.workers <- struct{}{}:
		defer func() { <-s.workers }()
	default:
		http.Error(w, "more requests than workers", http.StatusInternalServerError)
		return
	}
	n, err := io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.Path)
	s.bytes[r.URL.Path] += n
	s.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if s.work > 0 {
		<-time.After(s.work)
	}
	w.Header().Set("X-Side", s.name)
	io.WriteString(w, "served by "+s.name)
}

// reached are the paths that arrived, those that begin so.
func (s *side) reached(prefix string) (paths []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.paths {
		if strings.HasPrefix(p, prefix) {
			paths = append(paths, p)
		}
	}
	return paths
}

// noRecords is a store without any.
type noRecords struct{}

func (noRecords) Find(context.Context, string, string, bool) (routing.Pin, bool) {
	return routing.Pin{}, false
}
func (noRecords) Keep(_ context.Context, _, _ string, p routing.Pin) routing.Pin { return p }
func (noRecords) Leave(string, string)                                           {}

// night is a gateway's request path with real gates and real servers on both ends.
type night struct {
	t           *testing.T
	blue, green *side
	gates       *hold.Gates
	space       *spool.Space
	course      atomic.Pointer[routing.Course]
	stale       atomic.Bool
	front       *httptest.Server // HTTP/1
	front2      *httptest.Server // HTTP/2 too
}

func startNight(t *testing.T, workers int) *night {
	t.Helper()
	n := &night{t: t, blue: startSide(t, "blue", workers), green: startSide(t, "green", workers)}
	profile, _ := odoo.ProfileFor("18.0")
	tenant := &routing.Tenant{Name: "acme", Hosts: []string{"acme.test"}, Releases: map[string]*routing.Release{}}
	pools := map[string]*routing.Pool{}
	for _, s := range []*side{n.blue, n.green} {
		pools[s.name] = &routing.Pool{
			Name: s.name, Profile: profile, Sessions: routing.SessionsShared, Isolation: routing.IsolationSingle, MaxRequest: 256 << 20,
			Backends: []routing.Backend{{Name: "b", HTTP: s.server.URL, Workers: workers, Weight: 1}},
		}
		tenant.Releases[s.name] = &routing.Release{Name: s.name, Pool: pools[s.name], Database: "acme"}
	}
	tenant.Active = tenant.Releases["blue"]
	table, _ := routing.NewTable([]*routing.Tenant{tenant})
	space, err := spool.New(spool.Config{Dir: t.TempDir(), MaxBody: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	n.space = space
	n.gates = hold.New(hold.Config{
		Course: func(string) *routing.Course { return n.course.Load() }, Fresh: func(string) bool { return !n.stale.Load() },
		Pace: func(string) int { return 2 * workers },
	})
	last := upstream.New(upstream.Config{Space: space, Log: slog.New(slog.DiscardHandler)})
	last.Apply(pools)
	path := plugins.New(plugins.Deps{
		Table: func() *routing.Table { return table }, Upstream: last, Space: space, Log: slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry(), Pins: keys, Records: noRecords{},
		Courses: func(string) *routing.Course { return n.course.Load() }, Holds: n.gates,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	n.front, n.front2 = n.serve(path, false), n.serve(path, true)
	n.run(last)
	return n
}

// serve puts a server in front that gives requests little time to arrive.
func (n *night) serve(path *plugins.Path, two bool) *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admitted, ok := path.Admit(w, r, "web")
		if !ok {
			path.Unknown().ServeHTTP(w, r)
			return
		}
		path.ServeHTTP(w, admitted)
	}))
	s.Config.ReadTimeout = arrival
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if s.EnableHTTP2 = two; two {
		s.StartTLS()
	} else {
		s.Start()
	}
	n.t.Cleanup(s.Close)
	return s
}

// run has the parts run until the test ends, after the fronts.
func (n *night) run(last *upstream.Upstream) {
	ctx, stop := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = n.gates.Run(ctx) })
	n.t.Cleanup(func() {
		n.front.CloseClientConnections()
		n.front2.CloseClientConnections()
		n.course.Store(nil)
		n.gates.Changed("acme")
		n.front.Close()
		n.front2.Close()
		stop()
		parts.Wait()
		_ = last.Run(ctx)
	})
}

func (n *night) decide(c *routing.Course) {
	n.course.Store(c)
	n.gates.Changed("acme")
}

// held is a course that holds the tenant, which is on blue.
func held(h routing.Hold) *routing.Course {
	if h.ID == "" {
		h.ID = "c1"
	}
	if h.Wait == 0 {
		h.Wait = 2 * patience
	}
	return &routing.Course{Tenant: "acme", Epoch: 1, Legs: []routing.Leg{{Active: "blue"}}, Hold: &h}
}

// flipped is one that has moved it to green.
func flipped() *routing.Course {
	return &routing.Course{Tenant: "acme", Epoch: 2, Legs: []routing.Leg{{
		Active: "green", Closings: []routing.Closing{{Release: "blue", To: "green", Before: 2}},
	}}}
}

// until waits for something that must come true.
func (n *night) until(what string, is func() bool) {
	n.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			n.t.Fatalf("it never came true: %s", what)
		}
	}
}

func (n *night) waiting(count int) {
	n.t.Helper()
	n.until("requests wait", func() bool { return n.gates.Status("acme").Held == count })
}

// ask is one request of a client.
type ask struct {
	name, method, path, body string
	header                   []string // name, value, ...
}

func (n *night) request(ctx context.Context, front *httptest.Server, a ask, body io.Reader) *http.Request {
	n.t.Helper()
	if body == nil {
		body = strings.NewReader(a.body)
	}
	r, err := http.NewRequestWithContext(ctx, a.method, front.URL+a.path, body)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Host = "acme.test"
	for i := 0; i+1 < len(a.header); i += 2 {
		r.Header.Set(a.header[i], a.header[i+1])
	}
	return r
}

// client speaks HTTP/1 or 2 with connections of its own.
func (n *night) client() *http.Client {
	transport := &http.Transport{
		ForceAttemptHTTP2: true, ExpectContinueTimeout: patience, MaxIdleConnsPerHost: 64,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "acme.test"}, //nolint:gosec // a server of this test
	}
	n.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// answer is what a client got.
type answer struct {
	ask
	status int
	header http.Header
	body   string
	err    error
}

func (n *night) do(client *http.Client, r *http.Request, a ask) answer {
	response, err := client.Do(r)
	if err != nil {
		return answer{ask: a, err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{a, response.StatusCode, response.Header, string(body), err}
}

// send has all of them ask at once.
func (n *night) send(client *http.Client, front *httptest.Server, asks ...ask) <-chan answer {
	answers := make(chan answer, len(asks))
	for _, a := range asks {
		r := n.request(context.Background(), front, a, nil)
		go func() { answers <- n.do(client, r, a) }()
	}
	return answers
}

func (n *night) get(a ask) answer {
	return n.do(n.client(), n.request(context.Background(), n.front, a, nil), a)
}
