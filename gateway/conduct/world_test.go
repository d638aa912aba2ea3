package conduct

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/control"
	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
	"sluicegate.dev/sluice/routing/odoo"
)

// world is some gateways around one store, in a bubble: no network, no clock of the machine.
// The model, the conductors and HTTP are real.
type world struct {
	t      *testing.T
	tenant *routing.Tenant

	mu      sync.Mutex
	rec     cutover.Record // in the store
	nodes   map[string]*node
	wake    []chan struct{}
	phases  []cutover.Phase // as entered
	begun   time.Time
	onPhase func(w *world, p cutover.Phase) // called without the lock

	hooks    chan net.Conn
	status   int // that webhooks answer
	answer   string
	heard    []heard
	writable string // what the standby's check answers
	standby  Standby
	spoil    func(report.Counts) report.Counts
}

type heard struct {
	path, key string
	body      map[string]any
}

// node is one gateway.
type node struct {
	*world
	id        string
	conductor *Conductor
	cancel    context.CancelFunc
	done      chan struct{}
	log       logged

	// Under the world's lock.
	dead, alone bool
	died        time.Time
	local       *cutover.Record // while it is alone
	down        []string
	lapsed      string        // the last hold that let requests go on for want of news
	stall       time.Duration // its next write is late
}

func newWorld(t *testing.T, names ...string) *world {
	profile, _ := odoo.ProfileFor("18.0")
	release := func(name string) *routing.Release {
		return &routing.Release{Name: name, Database: "acme", Pool: &routing.Pool{
			Name: "acme-" + name, Profile: profile, Isolation: routing.IsolationSingle, Sessions: routing.SessionsShared,
			Backends: []routing.Backend{{Name: "b1"}, {Name: "b2"}},
		}}
	}
	w := &world{
		t: t, tenant: acme(release("blue"), release("green")), nodes: map[string]*node{}, begun: time.Now(),
		hooks: make(chan net.Conn), status: http.StatusOK, writable: `{"writable": true, "lagSeconds": 0.2}`,
		rec: cutover.Record{Tenant: "acme"},
	}
	w.tenant.Releases["standby"] = release("standby")
	w.standby = Standby{Tenant: "acme", Automatic: true, After: 10 * time.Second, Plan: cutover.Plan{
		To: "standby", Watch: 5 * time.Second, Check: &cutover.Check{URL: "http://standby.example/check", MaxLag: time.Second},
	}}
	w.serveHooks()
	for _, name := range names {
		w.start(name)
	}
	return w
}

func (w *world) start(name string) *node {
	n := &node{world: w, id: name, done: make(chan struct{})}
	n.conductor = New(Config{
		Replica: name, Control: n, View: n.view, Ask: n, Log: n.log.logger(), Dial: w.dial, Webhooks: []byte("secret"),
		Tenant:   func(string) *routing.Tenant { return w.tenant },
		Reports:  NewReports(w.t.TempDir(), testKeys()),
		Down:     func(pool string) bool { w.mu.Lock(); defer w.mu.Unlock(); return slices.Contains(n.down, pool) },
		Standbys: func() []Standby { w.mu.Lock(); defer w.mu.Unlock(); return []Standby{w.standby} },
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	n.cancel = cancel
	w.mu.Lock()
	w.nodes[name] = n
	w.mu.Unlock()
	go func() {
		defer close(n.done)
		_ = n.conductor.Run(ctx)
	}()
	return n
}

// kill is SIGKILL: nothing of it reaches anybody any more.
func (w *world) kill(name string) {
	w.mu.Lock()
	n := w.nodes[name]
	n.dead, n.died = true, time.Now()
	w.mu.Unlock()
	n.cancel()
}

// stop is SIGTERM for all, at the end.
func (w *world) stop() {
	for _, n := range w.nodes {
		n.cancel()
		<-n.done
	}
	time.Sleep(2 * time.Second) // webhooks finish what they do
	close(w.hooks)
}

var errDead = errors.New("the process is dead")

// Tenant implements Control.
func (n *node) Tenant(string) (cutover.Record, string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.record(), ""
}

func (n *node) record() cutover.Record {
	if n.local != nil {
		return *n.local
	}
	return n.rec
}

func (n *node) All() []cutover.Record {
	rec, _ := n.Tenant("")
	return []cutover.Record{rec}
}

func (n *node) Shared(string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.alone
}

func (n *node) Subscribe() (<-chan struct{}, func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := make(chan struct{}, 1)
	n.wake = append(n.wake, c)
	return c, func() {}
}

func (n *node) Change(ctx context.Context, _ string, decide func(cutover.Record) (cutover.Record, error)) (control.Result, error) {
	n.mu.Lock()
	late := n.stall
	n.stall = 0
	n.mu.Unlock()
	if late > 0 {
		time.Sleep(late) // its process stood still between looking and writing
	}
	n.mu.Lock()
	if n.dead {
		n.mu.Unlock()
		return control.Result{}, errDead
	}
	base := n.record()
	next, err := decide(base)
	if err != nil {
		n.mu.Unlock()
		return control.Result{Record: base, Shared: !n.alone}, err
	}
	if n.alone {
		n.local = &next
		n.mu.Unlock()
		return control.Result{Record: next}, nil
	}
	n.rec = next
	entered := phaseOf(next) != phaseOf(base)
	if entered {
		n.phases = append(n.phases, phaseOf(next))
	}
	for _, c := range n.wake {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	tell := n.onPhase
	n.mu.Unlock()
	if entered && tell != nil {
		tell(n.world, phaseOf(next))
	}
	return control.Result{Record: next, Shared: true}, nil
}

func phaseOf(r cutover.Record) cutover.Phase {
	switch {
	case r.Cutover != nil:
		return r.Cutover.Phase
	case r.Last != nil:
		return r.Last.Phase
	}
	return ""
}

// view is what all report. The work on blue goes down with time.
func (n *node) view() report.View {
	n.mu.Lock()
	defer n.mu.Unlock()
	age := int(time.Since(n.begun).Seconds())
	v := report.View{Known: !n.alone}
	for _, name := range slices.Sorted(maps.Keys(n.nodes)) {
		o := n.nodes[name]
		blue := report.Counts{InFlight: max(0, 3-age), Sockets: max(0, 8-age), Requests: uint64(100 * age)}
		blue.Seen[0] = max(0, 10-age)
		green := report.Counts{Requests: uint64(100 * age)}
		if n.spoil != nil {
			green = n.spoil(green)
		}
		v.Replicas = append(v.Replicas, report.Replica{
			ID: name, Host: name, Silent: o.dead && time.Since(o.died) > 5*time.Second,
			Report: report.Report{
				Sequences: map[string]uint64{"acme": n.rec.Sequence}, Down: o.down,
				Tenants: map[string]report.Tenant{"acme": {Lapsed: o.lapsed, Releases: map[string]report.Counts{"blue": blue, "green": green}}},
			},
		})
	}
	return v
}

// Ask implements Asker: servers that are well.
func (n *node) Ask(ctx context.Context, q upstream.Question) (upstream.Reply, error) {
	if !pause(ctx, 50*time.Millisecond) {
		return upstream.Reply{}, ctx.Err()
	}
	r := upstream.Reply{Status: http.StatusOK, Header: http.Header{}}
	switch {
	case q.Socket:
		r.Status = http.StatusSwitchingProtocols
	case q.Path == "/web/webclient/version_info":
		r.Body = []byte(`{"result": {"server_version": "18.0"}}`)
	case q.Path == "/web/database/list":
		r.Body = []byte(`{"result": ["acme"]}`)
	}
	return r, nil
}

// dial reaches the webhooks, by pipes: they count as idle in a bubble, sockets do not.
func (w *world) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if strings.HasPrefix(address, "away.") {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	}
	here, there := net.Pipe()
	select {
	case w.hooks <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept, Close and Addr make the world a net.Listener.
func (w *world) Accept() (net.Conn, error) {
	if c, ok := <-w.hooks; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (w *world) Close() error   { return nil }
func (w *world) Addr() net.Addr { return &net.TCPAddr{} }

func (w *world) serveHooks() {
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := heard{path: r.URL.Path, key: r.Header.Get(KeyHeader)}
		w.mu.Lock()
		status, text := w.status, w.answer
		if r.Host == "standby.example" {
			status, text = http.StatusOK, w.writable
		} else {
			if json.Unmarshal(body, &h.body) != nil || r.Header.Get(SignatureHeader) != Sign(hookSecret(), body) {
				w.t.Errorf("webhook %s got a body that is not signed: %s", r.URL, body)
			}
			w.heard = append(w.heard, h)
		}
		w.mu.Unlock()
		time.Sleep(time.Second) // their work
		rw.WriteHeader(status)
		io.WriteString(rw, text)
	})}
	go func() { _ = server.Serve(w) }()
}

// begin starts a cutover by hand.
func (w *world) begin(plan cutover.Plan) {
	w.t.Helper()
	any := w.nodes[slices.Sorted(maps.Keys(w.nodes))[0]]
	_, err := any.Change(w.t.Context(), "acme", func(r cutover.Record) (cutover.Record, error) {
		return cutover.New("acme", "blue", plan, time.Now(), "ann", "a test", "c1", "seed", r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) owner() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rec.Cutover == nil {
		return ""
	}
	return w.rec.Cutover.Owner
}

// ends waits for the cutover to end, and says how.
func (w *world) ends(within time.Duration) cutover.Cutover {
	w.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		w.mu.Lock()
		rec := w.rec
		w.mu.Unlock()
		if rec.Cutover == nil && rec.Last != nil {
			return *rec.Last
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t.Fatalf("it has not ended after %s: %s", within, show(w.rec))
	return cutover.Cutover{}
}

func show(r cutover.Record) string {
	text, _ := json.MarshalIndent(r.Cutover, "", " ")
	return string(text)
}

// calls are those of one event.
func (w *world) calls(event string) []heard {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []heard
	for _, h := range w.heard {
		if h.body["event"] == event {
			found = append(found, h)
		}
	}
	return found
}
