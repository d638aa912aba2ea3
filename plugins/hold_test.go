package plugins_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// those of callers that can wait; the last opens a socket.
func patient() (asks []ask) {
	for i, c := range callers[:len(callers)-1] {
		a := c.ask
		if strings.HasPrefix(a.path, "/web/") {
			a.path += fmt.Sprint("/", i)
		}
		switch a.name {
		case "JSON-RPC":
			a.body = `{"jsonrpc":"2.0","id":1,"params":{"service":"object","method":"execute_kw","args":["acme",2,"x","res.partner","read",[1]]}}`
		case "XML-RPC", "the first XML-RPC":
			a.path = strings.Replace(a.path, "object", "common", 1)
			a.body = `<?xml version="1.0"?><methodCall><methodName>version</methodName><params></params></methodCall>`
		}
		asks = append(asks, a)
	}
	return asks
}

func TestWhatIsHeldGoesOnOnTheOtherSide(t *testing.T) {
	t.Parallel()
	n := startNight(t, 16)
	for version, front := range map[string]*httptest.Server{"HTTP/1": n.front, "HTTP/2": n.front2} {
		t.Run(version, func(t *testing.T) {
			n.decide(held(routing.Hold{}))
			asks := patient()
			answers := n.send(n.client(), front, asks...)
			n.waiting(len(asks))
			for _, a := range []ask{{method: "GET", path: "/web/static/src/app.js"}, {method: "GET", path: "/web/health"}} {
				if got := n.get(a); got.status != http.StatusOK || got.header.Get("X-Side") != "blue" {
					t.Errorf("%s does not pass: %d %v", a.path, got.status, got.err)
				}
			}
			socket := n.get(callers[len(callers)-1].ask)
			if retry := socket.header.Get("Retry-After"); socket.status != http.StatusServiceUnavailable || retry < "2" || retry > "6" {
				t.Errorf("a socket: %d, Retry-After %q", socket.status, retry)
			}
			select { // longer than a request may take to arrive
			case got := <-answers:
				t.Fatalf("%s was answered while it should wait: %d %s %v", got.name, got.status, got.body, got.err)
			case <-time.After(arrival + arrival/2):
			}
			n.decide(flipped())
			for range asks {
				if got := <-answers; got.err != nil || got.status != http.StatusOK || got.header.Get("X-Side") != "green" {
					t.Errorf("%s: %d by %q, %v\n%s", got.name, got.status, got.header.Get("X-Side"), got.err, got.body)
				}
			}
		})
	}
	if got := len(n.green.reached("/")); got != 2*len(patient()) {
		t.Errorf("%d requests reached green, want each once", got)
	}
	if got := n.blue.reached("/web/dataset"); len(got) > 0 {
		t.Errorf("blue saw %q while it was held", got)
	}
}

func TestOnlySomeClassesMayBeHeld(t *testing.T) {
	t.Parallel()
	n := startNight(t, 8)
	n.decide(held(routing.Hold{Classes: []odoo.Class{odoo.RPC}}))
	if got := n.get(ask{method: "GET", path: "/web/login"}); got.status != http.StatusOK {
		t.Errorf("a page waits: %d", got.status)
	}
	answers := n.send(n.client(), n.front, patient()[3])
	n.waiting(1)
	n.decide(nil)
	if got := <-answers; got.status != http.StatusOK {
		t.Errorf("the call: %d %v", got.status, got.err)
	}
}

// A tester may look at the side that does not serve yet; the one that is held back is not to be
// touched by anybody.
func TestATesterPassesToTheNewSideAlone(t *testing.T) {
	t.Parallel()
	n := startNight(t, 8)
	n.decide(held(routing.Hold{Final: true}))
	with := func(release string) ask {
		pass := keys.SealTester("acme", routing.Tester{Release: release, Until: time.Now().Add(time.Hour)})
		return ask{method: "GET", path: "/web/" + release, header: []string{"X-Sluice-Tester", pass}}
	}
	if got := n.get(with("green")); got.header.Get("X-Side") != "green" {
		t.Errorf("the new side: %d %v", got.status, got.err)
	}
	answers := n.send(n.client(), n.front, with("blue"))
	n.waiting(1)
	n.decide(nil)
	if got := <-answers; got.header.Get("X-Side") != "blue" {
		t.Errorf("afterwards: %d %v", got.status, got.err)
	}
}

func TestTheOldestIsToldToComeBack(t *testing.T) {
	t.Parallel()
	n := startNight(t, 8)
	n.decide(held(routing.Hold{Count: 3}))
	client := n.client()
	first := n.send(client, n.front, ask{method: "GET", path: "/web/0", header: []string{"Accept", "text/html"}})
	n.waiting(1)
	rest := n.send(client, n.front, ask{method: "GET", path: "/web/1"}, ask{method: "GET", path: "/web/2"}, ask{method: "GET", path: "/web/3"})
	got := <-first
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "is being moved") {
		t.Errorf("got %d %v %s", got.status, got.header, got.body)
	}
	n.waiting(3)
	n.decide(nil)
	for range 3 {
		if got := <-rest; got.status != http.StatusOK {
			t.Errorf("%s: %d", got.path, got.status)
		}
	}
}

func TestALeaseThatEnds(t *testing.T) {
	for rule, c := range map[string]struct {
		final  bool
		status int
		side   string
	}{
		"before the point of no return, the old side serves": {false, http.StatusOK, "blue"},
		"past it, the page answers":                          {true, http.StatusServiceUnavailable, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			n := startNight(t, 16)
			n.decide(held(routing.Hold{Final: c.final}))
			asks := patient()
			answers := n.send(n.client(), n.front, asks...)
			n.waiting(len(asks))
			n.stale.Store(true)
			late := n.send(n.client(), n.front, asks...)
			for range asks {
				for _, got := range []answer{<-answers, <-late} {
					if got.err != nil || got.status != c.status || got.header.Get("X-Side") != c.side || c.final && !strings.Contains(got.body, "being maintained") {
						t.Errorf("%s: %d by %q %v\n%s", got.name, got.status, got.header.Get("X-Side"), got.err, got.body)
					}
				}
			}
		})
	}
}

// raw writes a request byte by byte over a connection of its own.
func (n *night) raw(text string) net.Conn {
	n.t.Helper()
	conn, err := net.Dial("tcp", n.front.Listener.Addr().String())
	if err == nil {
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, err = io.WriteString(conn, text)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return conn
}

// Whoever leaves while a request of his is held has it never carried out: he would send it
// again.
func TestWhoHasLeftNeverReachesOdoo(t *testing.T) {
	t.Parallel()
	n := startNight(t, 64)
	n.decide(held(routing.Hold{}))
	body := strings.Repeat("x", 200<<10)
	const each = 5
	var conns []net.Conn
	for i := range each {
		conns = append(conns, // seen as soon as they go
			n.raw(fmt.Sprintf("GET /web/gone/page/%d HTTP/1.1\r\nHost: acme.test\r\n\r\n", i)),
			n.raw(fmt.Sprintf("POST /web/gone/short/%d HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 5\r\n\r\nhello", i)),
			// these are not read meanwhile
			n.raw(fmt.Sprintf("POST /web/gone/long/%d HTTP/1.1\r\nHost: acme.test\r\nContent-Length: %d\r\n\r\n%s", i, len(body), body)),
			n.raw(fmt.Sprintf("POST /web/gone/chunked/%d HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", i)))
	}
	left, leave := context.WithCancel(context.Background())
	client := n.client()
	for i := range each {
		a := ask{method: "POST", path: fmt.Sprint("/web/gone/streams/", i), body: body}
		r := n.request(left, n.front2, a, nil)
		go n.do(client, r, a)
	}
	n.waiting(5 * each)
	leave()
	for _, c := range conns {
		c.Close()
	}
	n.waiting(2 * each)
	stays := n.send(n.client(), n.front, patient()...)
	n.waiting(2*each + len(patient()))
	n.decide(nil)
	for range patient() {
		if got := <-stays; got.status != http.StatusOK {
			t.Errorf("%s, who stayed: %d %v", got.name, got.status, got.err)
		}
	}
	n.waiting(0)
	n.until("all of them are over", func() bool { return n.space.InUse() == 0 })
	if got := n.blue.reached("/web/gone/"); len(got) > 0 {
		t.Errorf("Odoo saw %q of clients that had left", got)
	}
}

// upload is a body of so many bytes that counts what was taken of it.
type upload struct {
	left  int64
	taken *atomic.Int64
}

func (u *upload) Read(p []byte) (int, error) {
	if u.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), u.left)
	u.left -= n
	u.taken.Add(n)
	return int(n), nil
}

// A large upload waits with its client: it takes no memory and no disk of ours, and is sent
// when there is somebody to take it.
func TestLargeUploadsWaitUnread(t *testing.T) {
	t.Parallel()
	n := startNight(t, 8)
	for rule, c := range map[string]struct {
		front  *httptest.Server
		expect bool
		size   int64
		most   int64 // of it may be on its way: what sockets and windows take
	}{
		"over HTTP/1":               {n.front, false, 200 << 20, 32 << 20},
		"over HTTP/1, asking first": {n.front, true, 20 << 20, 0},
		"over HTTP/2":               {n.front2, false, 20 << 20, 10 << 20},
		"over HTTP/2, asking first": {n.front2, true, 20 << 20, 0},
	} {
		t.Run(rule, func(t *testing.T) {
			n.decide(held(routing.Hold{Bytes: c.size}))
			taken := &atomic.Int64{}
			a := ask{method: "POST", path: "/web/binary/upload/" + strings.ReplaceAll(rule, " ", "-")}
			if c.expect {
				a.header = []string{"Expect", "100-continue"}
			}
			asked := make(chan struct{})
			trace := &httptrace.ClientTrace{Got100Continue: func() { close(asked) }}
			r := n.request(httptrace.WithClientTrace(context.Background(), trace), c.front, a, &upload{c.size, taken})
			r.ContentLength = c.size
			answers := make(chan answer, 1)
			client := n.client()
			go func() { answers <- n.do(client, r, a) }()
			n.waiting(1)
			select {
			case got := <-answers:
				t.Fatalf("it does not wait: %d %s %v", got.status, got.body, got.err)
			case <-asked:
				t.Fatal("its body is asked for")
			case <-time.After(arrival + arrival/2):
			}
			if on := taken.Load(); on > c.most || n.space.InUse() > 0 {
				t.Errorf("%d MiB have left the client, %d bytes are spooled", on>>20, n.space.InUse())
			}
			n.decide(flipped())
			got := <-answers
			if got.err != nil || got.status != http.StatusOK || got.header.Get("X-Side") != "green" {
				t.Fatalf("got %d %s %v", got.status, got.body, got.err)
			}
			n.green.mu.Lock()
			defer n.green.mu.Unlock()
			if arrived := n.green.bytes[a.path]; arrived != c.size {
				t.Errorf("%d bytes arrived", arrived)
			}
		})
	}
}

// All that waited for a side of eight workers are served, at its pace: it says so itself when it
// is met by more requests than it has workers.
func TestFiveThousandAreServedAtThePaceOfEightWorkers(t *testing.T) {
	t.Parallel()
	const requests = 5000
	n := startNight(t, 8)
	n.green.work = 2 * time.Millisecond
	n.decide(held(routing.Hold{Count: requests}))
	conns := make([]net.Conn, requests)
	for i := range conns {
		conns[i] = n.raw(fmt.Sprintf("POST /web/dataset/%d HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", i))
		defer conns[i].Close()
	}
	n.waiting(requests)
	began := time.Now()
	n.decide(flipped())
	var clients sync.WaitGroup
	waits := make([]time.Duration, requests)
	for i, c := range conns {
		clients.Go(func() {
			got, err := io.ReadAll(c)
			if waits[i] = time.Since(began); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200 ") {
				t.Errorf("request %d: %q %v", i, got, err)
			}
		})
	}
	clients.Wait()
	reached := n.green.reached("/web/dataset/")
	slices.Sort(reached)
	if len(slices.Compact(reached)) != requests || len(n.green.reached("/web/dataset/")) != requests {
		t.Errorf("%d requests reached green, want each once", len(reached))
	}
	slices.Sort(waits)
	if last := waits[len(waits)-1]; last > 25*time.Second {
		t.Errorf("the last was served %v after the hold", last)
	}
	t.Logf("half were served within %v, all within %v", waits[requests/2].Round(time.Millisecond), waits[requests-1].Round(time.Millisecond))
}
