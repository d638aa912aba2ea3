package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// farm is a group of stand-in Odoos of one database that keep sessions to themselves.
type farm struct {
	version   string
	databases string
	args      []string
	servers   []*harness.StandIn
}

// newFarm starts a stand-in of each name, with so many workers.
func newFarm(t *testing.T, version string, workers int, names []string, args ...string) *farm {
	t.Helper()
	f := &farm{version: version, databases: t.TempDir(), args: args}
	for _, name := range names {
		f.add(t, name, workers)
	}
	return f
}

func (f *farm) add(t *testing.T, name string, workers int) *harness.StandIn {
	t.Helper()
	s := harness.StartStandIn(t, harness.StandInConfig{
		Name: name, Version: f.version, Databases: "acme", Workers: workers,
		Args: append([]string{
			"-users", people(t), "-database-dir", f.databases, "-cooldown-failures", "-1", "-websocket-burst", "-1",
		}, f.args...),
	})
	f.servers = append(f.servers, s)
	return s
}

// Many people sign in, each a few times: a gateway takes hundreds of sign-ins of one login for
// guesses.
const persons = 40

// person is a login, and the password of it.
func person(i int) string { return fmt.Sprintf("user%d", i%persons) }

// channel is the person's own on the bus.
func channel(i int) string { return fmt.Sprintf("res.users_%d", 100+i%persons) }

// people is the JSON of all of them.
func people(t *testing.T) string {
	t.Helper()
	type user struct {
		UID             int `json:"uid"`
		Login, Password string
	}
	var all []user
	for i := range persons {
		all = append(all, user{100 + i, person(i), person(i)})
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// backends lists them for a pool; the named ones are fenced.
func (f *farm) backends(fenced ...string) []harness.Backend {
	var all []harness.Backend
	for _, s := range f.servers {
		all = append(all, harness.Backend{
			Name: s.Name, HTTP: s.HTTP, Realtime: s.Realtime, Workers: s.Workers,
			Fenced: strings.Contains(strings.Join(fenced, ","), s.Name),
		})
	}
	return all
}

// documents are the pool and its tenant; more lines go under the pool's spec.
func (f *farm) documents(fenced []string, more ...string) string {
	odoo := fmt.Sprintf("{version: %q, sessions: local}", f.version)
	return harness.Documents(
		harness.PoolOf("acme", odoo, f.backends(fenced...), more...),
		harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
	)
}

// sessions adds up what the servers say of the sessions that came to them.
func (f *farm) sessions(t *testing.T) harness.SessionCounts {
	t.Helper()
	var sum harness.SessionCounts
	for _, s := range f.servers {
		if !s.Running() {
			continue
		}
		c := s.Counters(t).Sessions["acme"]
		sum.Requests += c.Requests
		sum.Unknown += c.Unknown
		sum.Foreign += c.Foreign
		sum.SignOuts += c.SignOuts
		sum.AnonymousSockets += c.AnonymousSockets
	}
	return sum
}

// wantNoneLost fails the test when a server saw a session that another one knows.
func (f *farm) wantNoneLost(t *testing.T) {
	t.Helper()
	f.wantForeign(t, 0)
}

// wantForeign is wantNoneLost where the test itself made up so many session ids.
func (f *farm) wantForeign(t *testing.T, madeUp int) {
	t.Helper()
	c := f.sessions(t)
	if c.Foreign != madeUp || c.SignOuts+c.AnonymousSockets > 0 || c.Requests == 0 {
		t.Errorf("the servers counted %+v: want requests, %d on a wrong server, no sign-out", c, madeUp)
	}
}

// push sends a notification to every socket of a channel, whatever its server.
func (f *farm) push(t *testing.T, channel, text string) {
	t.Helper()
	body := fmt.Sprintf(`{"channel":%q,"payload":%q}`, channel, text)
	answer, err := http.Post("http://"+f.servers[0].Control+"/standin/bus", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}

// crowd is users who are signed in and look at pages.
type crowd struct {
	mu    sync.Mutex
	bad   map[string]int // what went wrong, and how often
	done  int            // visits
	waits []time.Duration
}

// each runs f for all users, so many at once.
func each(users []*harness.User, atOnce int, f func(i int, u *harness.User)) {
	work := make(chan int)
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for i := range work {
				f(i, users[i])
			}
		})
	}
	for i := range users {
		work <- i
	}
	close(work)
	group.Wait()
}

// visit lets a user look at a page and notes how it went.
func (c *crowd) visit(ctx context.Context, u *harness.User) {
	began := time.Now()
	err := u.Visit(ctx)
	c.note(err, time.Since(began))
}

func (c *crowd) note(err error, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	c.waits = append(c.waits, took)
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	if c.bad == nil {
		c.bad = map[string]int{}
	}
	c.bad[short(err.Error())]++
}

func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 240)]
}

// report forgets what it tells.
func (c *crowd) report() (done int, bad map[string]int, waits []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done, bad, waits = c.done, c.bad, c.waits
	c.done, c.bad, c.waits = 0, nil, nil
	if bad == nil {
		bad = map[string]int{}
	}
	return done, bad, waits
}

// roam lets the users look at pages, one visit each in turn, until ctx ends.
func (c *crowd) roam(ctx context.Context, users []*harness.User, atOnce int) {
	for ctx.Err() == nil {
		each(users, atOnce, func(_ int, u *harness.User) {
			if ctx.Err() == nil {
				c.visit(context.WithoutCancel(ctx), u)
			}
		})
	}
}

// webs are the addresses of the replicas.
func webs(all harness.Replicas) []string {
	var addrs []string
	for _, g := range all {
		addrs = append(addrs, g.Web)
	}
	return addrs
}

// effective writes a file on every replica and waits until each serves it.
func effective(t *testing.T, all harness.Replicas, name, text string) {
	t.Helper()
	var before []float64
	for _, g := range all {
		before = append(before, g.Metrics(t).Sum("sluice_config_applies_total"))
	}
	all.Write(t, name, text)
	harness.Eventually(t, harness.Patience, "the change is served", func() error {
		for i, g := range all {
			m := g.Metrics(t)
			if m.Sum("sluice_config_applies_total") <= before[i] || m.Sum("sluice_config_last_apply_success") != 1 {
				return fmt.Errorf("replica %d: %v applies after %v", i, m.Sum("sluice_config_applies_total"), before[i])
			}
		}
		return nil
	})
}

// judge holds what users saw and what servers counted against the promise: nobody is lost. A
// client that keeps our cookie never may be. One that keeps only Odoo's depends on the store: where
// the gateways counted calls that it did not answer in time (late), as on a machine with too
// much to do, a few such clients may be lost, and the test says so.
func (f *farm) judge(t *testing.T, late float64, done int, bad map[string]int) {
	t.Helper()
	lost := 0
	for what, n := range bad {
		if late > 0 && strings.Contains(what, harness.OneCookie) && strings.Contains(what, harness.ErrLost.Error()) {
			lost += n
			continue
		}
		t.Errorf("%d of %d visits: %s", n, done, what)
	}
	switch {
	case done == 0 || lost > done/5:
		t.Errorf("of %d visits %d users with one cookie were lost, while the store left %v calls without an answer", done, lost, late)
	case lost > 0:
		t.Logf("of %d visits %d users with one cookie were lost: the store left %v calls without an answer", done, lost, late)
	default:
		f.wantNoneLost(t)
	}
}

// unanswered counts the calls for pins that the store did not answer in time, or for which it
// was not asked because it had not answered others.
func unanswered(t *testing.T, all harness.Replicas) float64 {
	t.Helper()
	total := all.Sum(t, "sluice_pin_lookups_total", `result="unavailable"`) + all.Sum(t, "sluice_pin_records_total", `result="unavailable"`)
	for _, op := range pinCalls {
		op = fmt.Sprintf("op=%q", op)
		total += all.Sum(t, "sluice_store_calls_total", op) - all.Sum(t, "sluice_store_calls_total", op, `result="ok"`)
	}
	return total
}

// pinCalls are the store's operations for pins, as its metrics name them.
var pinCalls = []string{"pin", "put_pin", "overwrite_pin", "expire_pin", "touch_pins"}

// storeIs waits until every replica finds its store well, or all find it away.
func storeIs(t *testing.T, all harness.Replicas, well bool) {
	t.Helper()
	want := 0.0
	if well {
		want = float64(len(all))
	}
	harness.Eventually(t, harness.Patience, fmt.Sprintf("the store is well: %v", well), func() error {
		if up := all.Sum(t, "sluice_store_up"); up != want {
			return fmt.Errorf("%v of %d replicas say it is", up, len(all))
		}
		return nil
	})
}

func splitAddr(addr string) (host, port string) {
	host, port, _ = strings.Cut(addr, ":")
	return host, port
}

func (f *farm) named(t *testing.T, name string) *harness.StandIn {
	t.Helper()
	for _, s := range f.servers {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no server %q", name)
	return nil
}
