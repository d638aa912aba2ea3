package upstream

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

const (
	stormSockets   = 2000
	stormDatabases = 50
	stormRate      = 400 // handshakes a second
)

// forgetful is a realtime process that loads a database when the first handshake for it
// comes, and can be killed.
type forgetful struct {
	*worker
	mu       sync.Mutex
	loading  map[string]bool
	loaded   map[string]bool
	conns    map[net.Conn]struct{}
	arrivals []time.Time
	together []string // databases that were asked for while they were being loaded
}

func startForgetful(t *testing.T) *forgetful {
	f := &forgetful{conns: map[net.Conn]struct{}{}}
	f.forget()
	f.worker = startWorker(t, f.serve)
	return f
}

func (f *forgetful) forget() (cut []net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		cut = append(cut, c)
	}
	f.conns, f.loading, f.loaded, f.arrivals = map[net.Conn]struct{}{}, map[string]bool{}, map[string]bool{}, nil
	return cut
}

// kill ends the process, and it is back at once: all sockets break without a word.
func (f *forgetful) kill() {
	for _, c := range f.forget() {
		c.Close()
	}
}

func (f *forgetful) serve(c wire) {
	r, _, err := readRequest(c)
	if err != nil {
		return
	}
	database := r.Header.Get("X-Odoo-Dbfilter")
	f.mu.Lock()
	f.arrivals = append(f.arrivals, time.Now())
	first := !f.loaded[database] && !f.loading[database]
	if f.loading[database] {
		f.together = append(f.together, database)
	}
	f.loading[database] = f.loading[database] || first
	f.mu.Unlock()
	if first {
		<-time.After(150 * time.Millisecond) // longer than it takes until the turn comes round again
	}
	f.mu.Lock()
	f.loaded[database], f.conns[c.Conn] = true, struct{}{}
	delete(f.loading, database)
	f.mu.Unlock()
	answerHandshake(c, r)
	io.Copy(io.Discard, c)
}

// browsers hold one socket each and come back whenever it ends.
type browsers struct {
	t         *testing.T
	g         *rig
	stop      chan struct{}
	connected atomic.Int64
	refused   atomic.Int64
	wrong     atomic.Int64 // sockets that ended with anything but 1012
	all       sync.WaitGroup
}

func (b *browsers) start(database string) {
	b.all.Go(func() {
		for b.hold(database) {
			select {
			case <-b.stop:
				return
			case <-time.After(time.Duration(rand.IntN(200)) * time.Millisecond): // Odoo's jitter, in small
			}
		}
	})
}

// hold opens a socket and keeps it until it ends; false when the test does.
func (b *browsers) hold(database string) bool {
	c, err := net.Dial("tcp", b.g.front.Listener.Addr().String())
	if err != nil {
		b.t.Error(err)
		return false
	}
	defer c.Close()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-b.stop:
			c.Close()
		case <-done:
		}
	}()
	w := newWire(c)
	io.WriteString(c, handshake+"X-Test-Session: "+database+"\r\n\r\n")
	response, err := http.ReadResponse(w.Reader, nil)
	switch {
	case err != nil:
		return false // the test ends
	case response.StatusCode != 101:
		b.refused.Add(1)
		return true
	}
	b.connected.Add(1)
	m, err := next(w)
	b.connected.Add(-1)
	if err != nil {
		return false
	}
	if m.op != opClose || m.code() != closeRestart {
		b.wrong.Add(1)
	}
	return true
}

// inTime is eventually for what takes seconds on a good machine.
func inTime(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); <-tick.C {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// The realtime process of a server with many databases is killed. All browsers come back
// within a moment: they are let in at the pace, one of each database first, and none is lost.
func TestAReconnectStormIsBounded(t *testing.T) {
	odoo := startForgetful(t)
	g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, func(_ *Config, p *routing.Pool) {
		p.Backends[0].Realtime = odoo.url()
		p.Realtime = routing.Realtime{Handshakes: stormRate, Wait: time.Minute}
	})
	tenants := map[string]*routing.Tenant{}
	for i := range stormDatabases {
		name := fmt.Sprint("db", i)
		tenants[name] = &routing.Tenant{Name: name, Hosts: g.tenant.Hosts, Active: &routing.Release{Name: "blue", Pool: g.pool, Database: name}}
	}
	g.change = func(x *routing.Exchange) {
		x.Tenant = tenants[x.SessionKey]
		x.Release, x.SessionKey = x.Tenant.Active, ""
	}
	b := &browsers{t: t, g: g, stop: make(chan struct{})}
	defer b.all.Wait()
	defer close(b.stop)
	for i := range stormSockets {
		b.start(fmt.Sprint("db", i%stormDatabases))
	}
	everybody := func() bool { return b.connected.Load() == stormSockets }
	inTime(t, "all are connected", everybody)

	cut := time.Now()
	odoo.kill()
	eventually(t, "the sockets break", func() bool { return !everybody() })
	inTime(t, "all are back", everybody)
	t.Logf("all %d are back after %v", stormSockets, time.Since(cut).Round(time.Millisecond))

	odoo.mu.Lock()
	defer odoo.mu.Unlock()
	if n := len(odoo.arrivals); n != stormSockets {
		t.Errorf("%d handshakes for %d sockets", n, stormSockets)
	}
	for i, at := range odoo.arrivals {
		if most := int(at.Sub(cut).Seconds()*stormRate) + 1; i+1 > most {
			t.Fatalf("%d handshakes within %v, more than %d a second", i+1, at.Sub(cut), stormRate)
		}
	}
	if len(odoo.together) > 0 {
		t.Errorf("%d handshakes did not wait for the first of their database: %s", len(odoo.together), strings.Join(odoo.together, " "))
	}
	if n := len(odoo.loaded); n != stormDatabases {
		t.Errorf("%d databases were loaded", n)
	}
	if b.refused.Load() > 0 || b.wrong.Load() > 0 {
		t.Errorf("%d were refused, %d ended with another code than 1012", b.refused.Load(), b.wrong.Load())
	}
}
