package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// office is an Odoo server whose work begins and ends when the test says so.
type office struct {
	addr string

	mu      sync.Mutex
	busy    int
	most    int
	arrived []string // paths, in the order in which they came
	gate    chan struct{}
}

// openOffice starts one. Until release every request but the health page waits.
func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{gate: make(chan struct{})}
	listener, err := net.Listen("tcp", harness.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	o.addr = listener.Addr().String()
	server := &http.Server{Handler: o}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return o
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/web/health" || r.URL.Path == "/websocket/health" {
		_, _ = io.WriteString(w, `{"status": "pass"}`)
		return
	}
	o.mu.Lock()
	o.busy++
	o.most = max(o.most, o.busy)
	o.arrived = append(o.arrived, r.URL.Path)
	gate := o.gate
	o.mu.Unlock()
	select {
	case <-gate:
	case <-r.Context().Done():
	}
	o.mu.Lock()
	o.busy--
	o.mu.Unlock()
	_, _ = io.WriteString(w, "done")
}

// release lets everything go that is here and that comes.
func (o *office) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.gate)
}

// step lets go what is here now.
func (o *office) step() {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.gate)
	o.gate = make(chan struct{})
}

func (o *office) paths() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.arrived)
}

// queue sends requests in the background; answers come as status and body.
type queue struct {
	t      *testing.T
	client *http.Client
	group  sync.WaitGroup
	mu     sync.Mutex
	got    map[string]harness.Reply
}

func queueAt(t *testing.T, addr string) *queue {
	c := &queue{t: t, client: harness.Client(addr), got: map[string]harness.Reply{}}
	c.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 1000
	t.Cleanup(c.group.Wait)
	return c
}

func (c *queue) send(ctx context.Context, method, host, path, body string, header ...string) {
	c.group.Go(func() {
		request := harness.NewRequest(c.t, method, "http://"+host+path, body, header...).WithContext(ctx)
		reply, err := harness.TryDo(c.client, request)
		if err != nil {
			reply.Body = err.Error()
		}
		c.mu.Lock()
		c.got[path] = reply
		c.mu.Unlock()
	})
}

// waiting polls the gateway's own count of requests that queue.
func waiting(t *testing.T, g *harness.Gateway, want int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, fmt.Sprintf("%d requests wait", want), func() error {
		if n := int(g.Metrics(t).Sum("sluice_admission_waiting")); n != want {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
}

const rpcBody = `{"jsonrpc":"2.0","id":1,"method":"call","params":{"service":"common","method":"version","args":[]}}`

// TestPeopleGoBeforeIntegrations: the worker is busy; what waits goes on by lane, not by
// arrival, and who has left never reaches Odoo.
func TestPeopleGoBeforeIntegrations(t *testing.T) {
	t.Parallel()
	odoo := openOffice(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", []harness.Backend{{HTTP: odoo.addr, Workers: 1}}),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
		),
	})
	all := queueAt(t, gateway.Web)
	all.send(t.Context(), "GET", "acme.test", "/odoo/first", "")
	harness.Eventually(t, harness.Patience, "the worker is busy", func() error {
		if n := len(odoo.paths()); n != 1 {
			return fmt.Errorf("%d requests arrived", n)
		}
		return nil
	})
	leaving, leave := context.WithCancel(t.Context())
	all.send(leaving, "GET", "acme.test", "/odoo/impatient", "")
	waiting(t, gateway, 1)
	all.send(t.Context(), "POST", "acme.test", "/jsonrpc", rpcBody, "Content-Type: application/json")
	all.send(t.Context(), "GET", "acme.test", "/report/pdf/x/1", "")
	waiting(t, gateway, 3)
	all.send(t.Context(), "GET", "acme.test", "/odoo/page", "")
	waiting(t, gateway, 4)
	leave()
	waiting(t, gateway, 3)
	for n := 2; n <= 4; n++ {
		odoo.step()
		harness.Eventually(t, harness.Patience, "somebody goes on", func() error {
			if len(odoo.paths()) < n {
				return fmt.Errorf("arrived: %v", odoo.paths())
			}
			return nil
		})
	}
	odoo.release()
	all.group.Wait()
	arrived := odoo.paths()
	if slices.Contains(arrived, "/odoo/impatient") {
		t.Error("who left the queue reached Odoo all the same")
	}
	if want := []string{"/odoo/first", "/odoo/page", "/jsonrpc", "/report/pdf/x/1"}; !slices.Equal(arrived, want) {
		t.Errorf("they arrived as %v, want %v", arrived, want)
	}
	if odoo.most > 1 {
		t.Errorf("%d requests at once on one worker", odoo.most)
	}
	for _, path := range []string{"/odoo/first", "/odoo/page", "/jsonrpc", "/report/pdf/x/1"} {
		if all.got[path].Status != http.StatusOK {
			t.Errorf("%s: %+v", path, all.got[path])
		}
	}
}

// TestAFullQueueSaysSoInTheCallersProtocol: who cannot even wait is told when to come back.
func TestAFullQueueSaysSoInTheCallersProtocol(t *testing.T) {
	t.Parallel()
	odoo := openOffice(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", []harness.Backend{{HTTP: odoo.addr, Workers: 1}}),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
		),
	})
	all := queueAt(t, gateway.Web)
	for i := range 200 {
		all.send(t.Context(), "POST", "acme.test", fmt.Sprintf("/jsonrpc?%d", i), rpcBody, "Content-Type: application/json")
	}
	waiting(t, gateway, 16) // of an integration's calls that any server could take
	client := harness.Client(gateway.Web)
	for name, c := range map[string]struct{ path, kind, body, says string }{
		"JSON-RPC": {"/jsonrpc", "application/json", rpcBody, `"error"`},
		"XML-RPC":  {"/xmlrpc/2/common", "text/xml", `<?xml version="1.0"?><methodCall><methodName>version</methodName><params></params></methodCall>`, "<fault>"},
	} {
		harness.Eventually(t, harness.Patience, name+": the queue is full", func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			request := harness.NewRequest(t, "POST", "http://acme.test"+c.path, c.body, "Content-Type: "+c.kind).WithContext(ctx)
			reply, err := harness.TryDo(client, request)
			if err != nil {
				return err
			}
			if reply.Status != http.StatusServiceUnavailable || reply.Header.Get("Retry-After") == "" || !strings.Contains(reply.Body, c.says) {
				return fmt.Errorf("%d, Retry-After %q: %.300s", reply.Status, reply.Header.Get("Retry-After"), reply.Body)
			}
			return nil
		})
	}
	odoo.release()
	all.group.Wait()
	served, refused := 0, 0
	for _, reply := range all.got {
		switch reply.Status {
		case http.StatusOK:
			served++
		case http.StatusServiceUnavailable:
			refused++
		default:
			t.Errorf("a call ended with %+v", reply)
		}
	}
	if served == 0 || refused == 0 {
		t.Errorf("%d served, %d refused: want some of both", served, refused)
	}
	if odoo.most > 1 {
		t.Errorf("%d requests at once on one worker", odoo.most)
	}
}

// TestReplicasShareTheWorkers: three gateways never send more than the server has workers,
// and together they use them all.
func TestReplicasShareTheWorkers(t *testing.T) {
	t.Parallel()
	const workers = 6
	odoo := openOffice(t)
	redis := harness.StartRedis(t)
	replicas := harness.StartReplicas(t, 3, harness.GatewayConfig{
		Spec: fmt.Sprintf("  store: {redis: {address: %q}}\n", redis.Addr),
	}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", []harness.Backend{{HTTP: odoo.addr, Workers: workers}}),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
		),
	})
	for _, g := range replicas {
		harness.Get(t, harness.Client(g.Web), "http://acme.test/web/health") // each begins to lease
	}
	harness.Eventually(t, harness.Patience, "all workers are leased", func() error {
		if n := int(replicas.Sum(t, "sluice_admission_slots")); n != workers {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	var all []*queue
	for i, g := range replicas {
		all = append(all, queueAt(t, g.Web))
		for n := range 20 {
			all[i].send(t.Context(), "GET", "acme.test", fmt.Sprintf("/odoo/%d/%d", i, n), "")
		}
	}
	harness.Eventually(t, harness.Patience, "all workers are busy", func() error {
		odoo.mu.Lock()
		defer odoo.mu.Unlock()
		if odoo.busy < workers {
			return fmt.Errorf("%d are", odoo.busy)
		}
		return nil
	})
	for range 5 {
		odoo.step()
		harness.Eventually(t, harness.Patience, "the next are at work", func() error {
			odoo.mu.Lock()
			defer odoo.mu.Unlock()
			if odoo.busy < workers {
				return fmt.Errorf("%d workers are busy", odoo.busy)
			}
			return nil
		})
	}
	odoo.release()
	for _, c := range all {
		c.group.Wait()
		for path, reply := range c.got {
			if reply.Status != http.StatusOK {
				t.Errorf("%s: %+v", path, reply)
			}
		}
	}
	if odoo.most > workers {
		t.Errorf("%d requests at once on %d workers", odoo.most, workers)
	}
}

// TestOverflowLeavesTheServerNotTheRelease: with sessions that any server knows, a full one
// is left for another of the same pool; the other release never sees the request.
func TestOverflowLeavesTheServerNotTheRelease(t *testing.T) {
	t.Parallel()
	one, two, green := openOffice(t), openOffice(t), openOffice(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.PoolOf("blue", `{version: "18.0", sessions: shared}`, []harness.Backend{{HTTP: one.addr, Workers: 1}, {HTTP: two.addr, Workers: 1}}),
			harness.PoolOf("green", `{version: "18.0", sessions: shared}`, []harness.Backend{{HTTP: green.addr, Workers: 9}}),
			"apiVersion: sluicegate.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec:\n  hosts: [acme.test]\n  database: acme\n  releases: {blue: {pool: blue}, green: {pool: green}}\n  active: blue\n",
		),
	})
	all := queueAt(t, gateway.Web)
	session := "Cookie: session_id=" + strings.Repeat("aB3_", 21)
	for n := range 4 {
		all.send(t.Context(), "GET", "acme.test", fmt.Sprintf("/odoo/%d", n), "", session)
	}
	harness.Eventually(t, harness.Patience, "both servers of the release are at work", func() error {
		if len(one.paths()) != 1 || len(two.paths()) != 1 {
			return fmt.Errorf("%v and %v", one.paths(), two.paths())
		}
		return nil
	})
	waiting(t, gateway, 2)
	one.release()
	two.release()
	all.group.Wait()
	if n := len(green.paths()); n != 0 {
		t.Errorf("the other release got %d requests", n)
	}
}
