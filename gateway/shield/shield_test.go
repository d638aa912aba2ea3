package shield

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an Odoo of one release: what it has, and what it was asked for.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string]http.HandlerFunc
	asked []*http.Request
}

func newServer(t *testing.T) *server {
	s := &server{files: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r)
		file := s.files[r.URL.Path]
		s.mu.Unlock()
		if file == nil {
			w.Header().Set("X-From", "not found")
			http.SetCookie(w, &http.Cookie{Name: "session_id", Value: "anonymous"})
			http.Error(w, "no such page", http.StatusNotFound)
			return
		}
		file(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// has gives the server a file. fields are of the answer's head, in pairs.
func (s *server) has(path, body string, fields ...string) {
	s.answers(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("ETag", `"e1"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		http.SetCookie(w, &http.Cookie{Name: "session_id", Value: "secret"})
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		io.WriteString(w, body)
	})
}

func (s *server) answers(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = h
}

// times is how often it was asked, and forgets.
func (s *server) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.asked)
	s.asked = nil
	return n
}

// rig is a gateway with a shield in front of the two releases of acme, and of beta, which has
// the same servers.
type rig struct {
	*Shield
	t           *testing.T
	blue, green *server
	front       *httptest.Server
	tenants     map[string]*routing.Tenant
	registry    *prometheus.Registry
	last        atomic.Pointer[routing.Exchange]
}

func newRig(t *testing.T, bytes int64) *rig {
	t.Helper()
	space, err := spool.New(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, blue: newServer(t), green: newServer(t), registry: prometheus.NewPedanticRegistry(), tenants: map[string]*routing.Tenant{}}
	profile, _ := odoo.ProfileFor("18.0")
	pools := map[string]*routing.Pool{}
	for name, s := range map[string]*server{"blue": g.blue, "green": g.green} {
		pools[name] = &routing.Pool{Name: name, Profile: profile, Backends: []routing.Backend{{Name: "b", HTTP: s.URL, Weight: 1}}}
	}
	for _, name := range []string{"acme", "beta"} {
		g.tenants[name] = &routing.Tenant{Name: name, Releases: map[string]*routing.Release{
			"blue":  {Name: "blue", Pool: pools["blue"], Database: name},
			"green": {Name: "green", Pool: pools["green"], Database: name},
		}}
		g.tenants[name].Active = g.tenants[name].Releases["blue"]
	}
	u := upstream.New(upstream.Config{Space: space, Log: slog.New(slog.DiscardHandler)})
	u.Apply(pools)
	g.Shield = New(Config{Upstream: u, Bytes: bytes, Metrics: g.registry})
	g.front = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(func() {
		g.front.Close()
		u.Apply(nil)
		done, cancel := context.WithCancel(context.Background())
		cancel()
		u.Run(done)
	})
	return g
}

func (g *rig) serve(w http.ResponseWriter, r *http.Request) {
	tenant := g.tenants[r.Host]
	x := &routing.Exchange{PublicHost: r.Host, Scheme: "https", RequestID: "id"}
	x.Route = routing.Route{Tenant: tenant, Host: r.Host, Path: r.URL.Path, Release: tenant.Active, Pool: tenant.Active.Pool}
	x.Class = x.Pool.Profile.Classify(x.Path, r.Method)
	defer g.last.Store(x)
	w.Header().Set("X-Request-Id", "id")
	ctx := deadline.NewContext(routing.NewContext(r.Context(), x), http.NewResponseController(w))
	g.ServeHTTP(w, r.WithContext(ctx))
}

// get asks acme for a path; fields are of the request's head, in pairs.
func (g *rig) get(path string, fields ...string) (*http.Response, string) {
	g.t.Helper()
	return g.ask(http.MethodGet, "acme", path, fields...)
}

func (g *rig) ask(method, host, path string, fields ...string) (*http.Response, string) {
	g.t.Helper()
	r, err := http.NewRequest(method, g.front.URL+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Host = host
	g.last.Store(nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response, string(body)
}

// logged is the exchange of the last request, which ends a moment after its answer is there.
func (g *rig) logged() *routing.Exchange {
	g.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if x := g.last.Load(); x != nil {
			return x
		}
		if time.Now().After(end) {
			g.t.Fatal("the request does not end")
		}
	}
}

const bundle = "/web/assets/a1b2c3d/web.assets_web.min.js"

func TestABundleIsAskedForOnce(t *testing.T) {
	g := newRig(t, 0)
	g.blue.has(bundle, "code()")
	first, body := g.get(bundle)
	if first.StatusCode != 200 || body != "code()" || first.Header.Get("Set-Cookie") == "" {
		t.Fatalf("the first: %d %q %v", first.StatusCode, body, first.Header)
	}
	g.blue.times()
	g.blue.answers(bundle, nil) // the release has gone on
	for rule, c := range map[string]struct {
		method string
		field  []string
		status int
		body   string
	}{
		"whole":             {"GET", nil, 200, "code()"},
		"with credentials":  {"GET", []string{"Cookie", "session_id=x"}, 200, "code()"},
		"its head":          {"HEAD", nil, 200, ""},
		"a part":            {"GET", []string{"Range", "bytes=0-3"}, 206, "code"},
		"not modified":      {"GET", []string{"If-None-Match", `"e1"`}, 304, ""},
		"another had it":    {"GET", []string{"If-None-Match", `"e0"`}, 200, "code()"},
		"a part that isn't": {"GET", []string{"Range", "bytes=90-"}, 416, "invalid range: failed to overlap\n"},
	} {
		response, body := g.ask(c.method, "acme", bundle, c.field...)
		h := response.Header
		if response.StatusCode != c.status || body != c.body || h.Get("Cache-Status") != "sluice; hit" {
			t.Errorf("%s: %d %q, %q", rule, response.StatusCode, body, h.Get("Cache-Status"))
		}
		if c.status == 200 && (h.Get("Content-Type") != "text/javascript" || !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Etag") != `"e1"` || h.Get("X-Request-Id") != "id") {
			t.Errorf("%s: %v", rule, h)
		}
		if len(h["Set-Cookie"]) > 0 {
			t.Errorf("%s: somebody else's cookie %q", rule, h["Set-Cookie"])
		}
		if x := g.logged(); x.Status != c.status || x.Outcome != odoo.OK {
			t.Errorf("%s: the log says %d %s", rule, x.Status, x.Outcome)
		}
	}
	if n := g.blue.times() + g.green.times(); n != 0 {
		t.Errorf("Odoo was asked %d times", n)
	}
	if n := testutil.ToFloat64(g.metrics.answers.WithLabelValues("kept")); n != 7 {
		t.Errorf("%v answers counted", n)
	}
	if response, _ := g.ask("GET", "beta", bundle); response.StatusCode != 404 {
		t.Errorf("another tenant got %d", response.StatusCode)
	}
}

func TestWhatIsNotForEverybodyIsNotKept(t *testing.T) {
	for rule, c := range map[string]struct {
		path   string
		method string
		field  []string
	}{
		"a file without a hash":           {path: "/web/static/lib/x.js"},
		"what changes":                    {path: "/web/assets/debug/web.assets_web.js"},
		"a path with a query":             {path: bundle + "?x=1"},
		"a private answer":                {path: bundle, field: []string{"Cache-Control", "private, max-age=9"}},
		"one that nobody may store":       {path: bundle, field: []string{"Cache-Control", "No-Store"}},
		"one that must be asked for anew": {path: bundle, field: []string{"Cache-Control", "no-cache"}},
		"one that differs by cookie":      {path: bundle, field: []string{"Vary", "Accept-Encoding, Cookie"}},
		"one that is compressed":          {path: bundle, field: []string{"Content-Encoding", "gzip"}},
		"a head":                          {path: bundle, method: "HEAD"},
		"another class":                   {path: "/web/image/1"},
	} {
		t.Run(rule, func(t *testing.T) {
			g := newRig(t, 0)
			path, _, _ := strings.Cut(c.path, "?")
			g.blue.has(path, "x", c.field...)
			method := c.method
			if method == "" {
				method = "GET"
			}
			for range 2 {
				if response, _ := g.ask(method, "acme", c.path); response.StatusCode != 200 || response.Header.Get("Cache-Status") != "" {
					t.Errorf("got %d, %q", response.StatusCode, response.Header.Get("Cache-Status"))
				}
			}
			if n := g.blue.times(); n != 2 {
				t.Errorf("Odoo was asked %d times, want 2", n)
			}
			if n, _ := g.kept.load(); n != 0 {
				t.Error("it is kept")
			}
		})
	}
}

func TestAnAnswerThatIsNotWholeIsNotKept(t *testing.T) {
	g := newRig(t, 0)
	g.blue.answers(bundle, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "900000")
		io.WriteString(w, strings.Repeat("x", 500_000))
		panic(http.ErrAbortHandler)
	})
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(g.request(bundle))
	if err == nil {
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	if n, _ := g.kept.load(); n != 0 {
		t.Errorf("half a bundle is kept (%v)", err)
	}
	long := strings.Repeat("x", entryMost+1)
	g.blue.has(bundle, long)
	if _, body := g.get(bundle); len(body) != len(long) {
		t.Errorf("%d bytes passed", len(body))
	}
	g.blue.answers(bundle, func(w http.ResponseWriter, _ *http.Request) { // length unknown
		io.WriteString(w, long)
		w.(http.Flusher).Flush()
	})
	if _, body := g.get(bundle); len(body) != len(long) {
		t.Errorf("%d bytes passed", len(body))
	}
	if n, _ := g.kept.load(); n != 0 {
		t.Error("more than fits is kept")
	}
}

func (g *rig) request(path string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, g.front.URL+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Host = "acme"
	return r
}

func TestWhatOneReleaseDoesNotHaveIsAskedOfTheOther(t *testing.T) {
	for rule, c := range map[string]struct {
		path string
		blue http.HandlerFunc // nil: not found
	}{
		"a bundle that is gone":           {path: bundle},
		"a bundle with a query":           {path: bundle + "?x=1"},
		"a file of an addon":              {path: "/shop/static/src/x.js"},
		"a bundle of another hash":        {path: bundle, blue: http.RedirectHandler("/web/assets/fffffff/web.assets_web.min.js", http.StatusSeeOther).ServeHTTP},
		"gone for good":                   {path: bundle, blue: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }},
		"a bundle in debug mode, as well": {path: "/web/assets/debug/web.assets_web.js"},
	} {
		t.Run(rule, func(t *testing.T) {
			g := newRig(t, 0)
			path, _, _ := strings.Cut(c.path, "?")
			if c.blue != nil {
				g.blue.answers(path, c.blue)
			}
			g.green.has(path, "code()")
			response, body := g.get(c.path, "Cookie", "session_id=secret", "Authorization", "Bearer secret", "X-Trace", "1")
			h := response.Header
			if response.StatusCode != 200 || body != "code()" || h.Get("Cache-Status") != "sluice; fwd=miss; detail=other-release" {
				t.Errorf("%d %q %v", response.StatusCode, body, h)
			}
			if len(h["Set-Cookie"]) > 0 || h.Get("X-From") != "" || h.Get("Location") != "" || h.Get("X-Request-Id") != "id" {
				t.Errorf("something of the first answer, or of nobody's session: %v", h)
			}
			if len(g.green.asked) != 1 {
				t.Fatalf("green was asked %d times", len(g.green.asked))
			}
			if asked := g.green.asked[0].Header; asked.Get("Cookie") != "" || asked.Get("Authorization") != "" || asked.Get("X-Trace") != "1" {
				t.Errorf("green was asked with %v", asked)
			}
			if x := g.logged(); x.Status != 200 || x.Outcome != odoo.OK || x.Release.Name != "blue" || x.Attempts != 2 {
				t.Errorf("the log says %d %s %s, %d attempts", x.Status, x.Outcome, x.Release.Name, x.Attempts)
			}
			g.blue.times()
			g.green.times()
			g.get(c.path)
			asked, kept := g.blue.times()+g.green.times(), c.path == bundle
			if kept && asked != 0 || !kept && asked != 2 {
				t.Errorf("the second time Odoo was asked %d times", asked)
			}
		})
	}
}

func TestWhatNobodyHasIsNotFound(t *testing.T) {
	g := newRig(t, 0)
	for i := range 3 {
		response, body := g.get(bundle)
		if response.StatusCode != 404 || body != "no such page\n" || response.Header.Get("X-From") != "not found" ||
			len(response.Header["Set-Cookie"]) != 1 || response.Header.Get("Content-Length") != "13" {
			t.Errorf("%d %q %v", response.StatusCode, body, response.Header)
		}
		if x := g.logged(); x.Status != 404 || x.Outcome != odoo.NotFound {
			t.Errorf("the log says %d %s", x.Status, x.Outcome)
		}
		want := 0
		if i == 0 {
			want = 1
		}
		if n := g.green.times(); n != want {
			t.Errorf("request %d: green was asked %d times, want %d", i, n, want)
		}
	}
	if response, body := g.ask("HEAD", "acme", "/web/static/y.js"); response.StatusCode != 404 || body != "" {
		t.Errorf("HEAD: %d %q", response.StatusCode, body)
	}
}

func TestTheFirstAnswerHoldsWhenTheOtherHasNone(t *testing.T) {
	page := strings.Repeat("p", heldMost+5)
	for rule, prepare := range map[string]func(*rig){
		"the other is down":     func(g *rig) { g.green.Close() },
		"the other fails":       func(g *rig) { g.green.answers(bundle, broken) },
		"there is no other":     func(g *rig) { delete(g.tenants["acme"].Releases, "green") },
		"too many ask already":  func(g *rig) { fill(g.asking) },
		"the page is very long": func(g *rig) { g.blue.answers(bundle, sized(404, page)) },
	} {
		t.Run(rule, func(t *testing.T) {
			g := newRig(t, 0)
			prepare(g)
			response, body := g.get(bundle)
			if response.StatusCode != 404 || body != "no such page\n" && body != page {
				t.Errorf("%d, %d bytes", response.StatusCode, len(body))
			}
		})
	}
}

func broken(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Broken", "yes")
	w.WriteHeader(http.StatusInternalServerError)
}

func fill(c chan struct{}) {
	for range cap(c) {
		c <- struct{}{}
	}
}

func sized(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestOnlyWhoMayHaveItIsAsked(t *testing.T) {
	g := newRig(t, 0)
	same := maps.Clone(g.tenants["acme"].Releases)
	for name, r := range same {
		copied := *r
		copied.Pool, copied.Database = g.tenants["acme"].Active.Pool, name
		same[name] = &copied
	}
	g.tenants["acme"].Releases, g.tenants["acme"].Active = same, same["blue"]
	g.get("/web/static/x.js")
	if n := g.blue.times(); n != 1 {
		t.Errorf("a file that is on no server: they were asked %d times, want 1", n)
	}
	g.get(bundle)
	if n := g.blue.times(); n != 2 {
		t.Errorf("a bundle may be in the other database: asked %d times, want 2", n)
	}
	g.ask("POST", "acme", bundle)
	if n := g.blue.times(); n != 1 {
		t.Errorf("a POST went out %d times", n)
	}
}

func TestBoundsHold(t *testing.T) {
	g := newRig(t, 5*(1000+overhead))
	body := strings.Repeat("x", 1000)
	path := func(i int) string { return fmt.Sprintf("/web/assets/%07x/x.js", i) }
	for i := range 8 {
		g.blue.has(path(i), body)
		g.get(path(i))
		g.get(path(0)) // what is used stays
	}
	if n, size := g.kept.load(); n != 5 || size != 5*(1000+overhead) {
		t.Errorf("%d are kept, %d bytes", n, size)
	}
	g.blue.times()
	g.get(path(0))
	if n := g.blue.times(); n != 0 {
		t.Error("the one that everybody wants was dropped")
	}
	if n, err := testutil.GatherAndCount(g.registry, "sluice_shield_bundles", "sluice_shield_bytes", "sluice_shield_answers_total"); n != 3 || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
	g.Retain(func(tenant string) bool { return tenant == "beta" })
	if n, size := g.kept.load(); n != 0 || size != 0 {
		t.Errorf("%d are left of a tenant that is gone, %d bytes", n, size)
	}
}

func TestACrowdGetsWholeBundles(t *testing.T) {
	g := newRig(t, 64<<10)
	for i := range 20 {
		(map[int]*server{0: g.blue, 1: g.green})[i%2].has(fmt.Sprintf("/web/assets/%07x/x.js", i), strings.Repeat(string(rune('a'+i)), 5000+i))
	}
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for i := range 60 {
				n := (i*7 + c) % 20
				r := g.request(fmt.Sprintf("/web/assets/%07x/x.js", n))
				transport := &http.Transport{DisableKeepAlives: true}
				response, err := transport.RoundTrip(r)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != 200 || string(body) != strings.Repeat(string(rune('a'+n)), 5000+n) {
					t.Errorf("bundle %d: %d, %d bytes, %v", n, response.StatusCode, len(body), err)
				}
			}
		})
	}
	clients.Wait()
}
