package census_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluicegate.dev/sluice/gateway/census"
	"sluicegate.dev/sluice/gateway/shield"
	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/internal/standin"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// night is a gateway's request path around two releases of acme on stand-in servers that
// share sessions and database, with a course in place of the pin step.
type night struct {
	t        *testing.T
	census   *census.Census
	upstream *upstream.Upstream
	front    *httptest.Server
	tenant   *routing.Tenant
	course   atomic.Pointer[routing.Course]
	homes    sync.Map // release by session key
	failed   atomic.Int64
}

func odooOf(t *testing.T, release, sessions string) *routing.Pool {
	t.Helper()
	s, err := standin.Start(standin.Config{
		Name: release, Release: release, Workers: 4, Databases: []string{"acme"}, DBNames: []string{"acme"}, ProxyMode: true,
		SessionDir: sessions, ReportTime: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Kill(); s.Close() })
	profile, _ := odoo.ProfileFor("18.0")
	return &routing.Pool{
		Name: release, Profile: profile, Sessions: routing.SessionsShared, Isolation: routing.IsolationSingle,
		Backends: []routing.Backend{{Name: "b", HTTP: "http://" + s.HTTPAddr(), Realtime: "http://" + s.RealtimeAddr(), Workers: 4, Weight: 1}},
	}
}

func startNight(t *testing.T) *night {
	t.Helper()
	space, err := spool.New(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	n := &night{t: t, census: census.New(0)}
	n.upstream = upstream.New(upstream.Config{Space: space, Log: slog.New(slog.DiscardHandler)})
	n.tenant = &routing.Tenant{Name: "acme", Hosts: []string{"acme.test"}, Releases: map[string]*routing.Release{}}
	pools, sessions := map[string]*routing.Pool{}, t.TempDir()
	for _, name := range []string{"blue", "green"} {
		pools[name] = odooOf(t, name, sessions)
		n.tenant.Releases[name] = &routing.Release{Name: name, Pool: pools[name], Database: "acme"}
	}
	n.tenant.Active = n.tenant.Releases["blue"]
	n.decide(&routing.Course{Tenant: "acme", Legs: []routing.Leg{{Active: "blue"}}})
	n.upstream.Apply(pools)
	last := n.census.Settle(shield.New(shield.Config{Upstream: n.upstream}))
	chain := n.census.Arrive(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.pin(routing.FromContext(r.Context()))
		last.ServeHTTP(w, r)
	}))
	n.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &routing.Exchange{PublicHost: "acme.test", Scheme: "http", RequestID: "id"}
		x.Route = routing.Route{Tenant: n.tenant, Host: "acme.test", Path: r.URL.Path}
		x.Class = pools["blue"].Profile.Classify(x.Path, r.Method)
		if c, err := r.Cookie("session_id"); err == nil {
			x.SessionKey = c.Value
		}
		ctx := deadline.NewContext(routing.NewContext(r.Context(), x), http.NewResponseController(w))
		chain.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(func() {
		n.front.Close()
		stop, cancel := context.WithCancel(context.Background())
		cancel()
		n.upstream.Run(stop)
	})
	return n
}

// decide makes a course the tenant's, as the control part does.
func (n *night) decide(c *routing.Course) {
	n.course.Store(c)
	n.upstream.FollowCourse("acme", c, 300*time.Millisecond)
}

// pin does what the pin step does, in short.
func (n *night) pin(x *routing.Exchange) {
	x.Visit.At("", false)
	q := routing.Question{Class: x.Class, Path: x.Path}
	if home, ok := n.homes.Load(x.SessionKey); ok && x.SessionKey != "" {
		q.Known, q.Release = true, home.(string)
	}
	a := n.course.Load().Decide(q)
	if x.SessionKey != "" {
		n.homes.Store(x.SessionKey, a.Release)
	}
	x.Release = n.tenant.Releases[a.Release]
	x.Pool = x.Release.Pool
	x.Visit.At(a.Release, true)
}

// get asks for a path as somebody, and returns what was said and who said it.
func (n *night) get(session, path string) (response *http.Response, body string) {
	r, err := http.NewRequest(http.MethodGet, n.front.URL+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if session != "" {
		r.AddCookie(&http.Cookie{Name: "session_id", Value: session})
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err = transport.RoundTrip(r)
	if err != nil {
		n.t.Errorf("%s: %v", path, err)
		n.failed.Add(1)
		return &http.Response{}, ""
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 400 {
		n.t.Errorf("%s: %d, %v", path, response.StatusCode, err)
		n.failed.Add(1)
	}
	return response, string(content)
}

func (n *night) newSession() string {
	n.t.Helper()
	response, _ := n.get("", "/web/login")
	for _, c := range response.Cookies() {
		if c.Name == "session_id" {
			return c.Value
		}
	}
	n.t.Fatal("no session")
	return ""
}

func (n *night) open(session string) *websocket.Conn {
	n.t.Helper()
	c, _, err := websocket.Dial(n.t.Context(), "ws"+strings.TrimPrefix(n.front.URL, "http")+"/websocket?version=18.0-5", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"http://acme.test"}, "Cookie": {"session_id=" + session}},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.CloseNow() })
	return c
}

func (n *night) becomes(what string, ok func(blue, green census.Release) bool) {
	n.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var blue, green census.Release
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); <-tick.C {
		all := n.census.Counts("acme")
		if blue, green = all.Of("blue"), all.Of("green"); ok(blue, green) {
			return
		}
	}
	n.t.Fatalf("never: %s; blue %+v, green %+v", what, blue, green)
}

// A drain that is promoted, from the first number to the last: nothing of it is counted too
// low, nobody gets an error, and what is left on the old side is nothing in the end.
func TestANightByTheBooks(t *testing.T) {
	n := startNight(t)
	var sessions []string
	var closed sync.WaitGroup
	codes := make(chan websocket.StatusCode, 20)
	for i := range 12 {
		sessions = append(sessions, n.newSession())
		n.get(sessions[i], "/web/login")
		if i < 5 {
			c := n.open(sessions[i])
			closed.Go(func() {
				_, _, err := c.Read(t.Context())
				codes <- websocket.CloseStatus(err)
			})
		}
	}
	n.becomes("12 sessions on blue, 5 with sockets", func(blue, green census.Release) bool {
		return blue.Sessions() == 12 && blue.Live == 5 && blue.Sockets == 5 && green.Sessions() == 0 && blue.InFlight == 0
	})
	_, page := n.get(sessions[0], "/web/login")
	bundle := regexp.MustCompile(`/web/assets/[^"]+\.css`).FindString(page)
	if bundle == "" {
		t.Fatalf("no bundle in %q", page)
	}

	n.decide(&routing.Course{Tenant: "acme", Epoch: 1, Legs: []routing.Leg{{Active: "green"}}}) // drain
	late := n.newSession()
	n.get(late, "/web/login")
	var reports sync.WaitGroup
	for i := range 3 {
		reports.Go(func() { n.get(sessions[i], "/standin/slow?seconds=0.5") })
	}
	n.becomes("new sessions on green, known ones at work on blue", func(blue, green census.Release) bool {
		return green.Sessions() == 1 && blue.Sessions() == 12 && blue.InFlight == 3 && len(blue.Longest) == 3 && blue.Sockets == 5
	})

	n.decide(&routing.Course{Tenant: "acme", Epoch: 2, Legs: []routing.Leg{
		{Active: "green", Closings: []routing.Closing{{Release: "blue", To: "green", Before: 2}}},
	}}) // promote
	closed.Wait()
	for range 5 {
		if code := <-codes; code != websocket.StatusServiceRestart {
			t.Errorf("a browser got %d, want 1012", code)
		}
	}
	for _, s := range sessions {
		n.get(s, "/web/login")
	}
	n.open(sessions[0])
	reports.Wait()
	n.becomes("all on green", func(blue, green census.Release) bool {
		return blue.Sessions() == 0 && blue.Sockets == 0 && blue.InFlight == 0 && green.Sessions() == 13 && green.Sockets == 1 && green.Live == 1
	})
	if response, body := n.get(sessions[0], bundle); response.StatusCode != 200 || body == "" {
		t.Errorf("the old page's bundle: %d, %d bytes", response.StatusCode, len(body))
	}
	total := n.census.Counts("acme")
	if f := total.Of("blue").Failures + total.Of("green").Failures; f > 0 || n.failed.Load() > 0 {
		t.Errorf("%d failures in the books, %d seen by clients", f, n.failed.Load())
	}
	if q := total.Of("blue").Latency.Quantile(0.5); q <= 0 || q > 10*time.Second {
		t.Error(fmt.Sprint("the median is ", q))
	}
}
