package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// fake is a gateway with one tenant, acme, that can be moved. It is as strict about writes as
// the real one: each needs what was seen, a key and a reason.
type fake struct {
	dir string // its data directory

	mu      sync.Mutex
	cutover *api.Cutover
	held    bool
	page    bool
	states  map[string]string // of backends
	version int               // of the tenant
	shared  bool
	frozen  bool // by the calendar
	lag     []string
	known   bool
	busy    int // the next writes come too late
	writes  []string
	asked   int           // for the report
	last    []string      // Last-Event-IDs that were asked for
	drop    func()        // breaks all connections
	changed chan struct{} // is closed with each change
}

func newFake(t testing.TB) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "cli") // short: the path of a socket is bounded
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{dir: dir, states: map[string]string{}, version: 1, shared: true, known: true, changed: make(chan struct{})}
	listener, err := net.Listen("unix", filepath.Join(dir, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(f.routes())
	server.Listener = listener
	server.Start()
	f.drop = server.CloseClientConnections
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		_ = os.RemoveAll(dir)
	})
	return f
}

func (f *fake) routes() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, answer func() (any, error)) {
		mux.HandleFunc("GET "+api.Prefix+path, func(w http.ResponseWriter, _ *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			body, err := answer()
			if err != nil {
				problem(w, http.StatusNotFound, err.Error())
				return
			}
			w.Header().Set("ETag", f.tag())
			_ = json.NewEncoder(w).Encode(body)
		})
	}
	get("/tenants", func() (any, error) { return api.TenantList{Tenants: []api.Tenant{f.tenant()}}, nil })
	get("/tenants/acme", func() (any, error) { return f.tenant(), nil })
	get("/tenants/acme/cutovers", func() (any, error) { return api.CutoverList{Cutovers: f.list()}, nil })
	get("/tenants/acme/effective", func() (any, error) { return f.effective(), nil })
	get("/cutovers", func() (any, error) { return api.CutoverList{Cutovers: f.list()}, nil })
	get("/cutovers/c1", func() (any, error) {
		if f.cutover == nil {
			return nil, fmt.Errorf("there is no cutover c1")
		}
		return f.cutover, nil
	})
	get("/pools", func() (any, error) {
		return api.PoolList{Pools: []api.Pool{{Name: "acme-blue", Backends: []api.Backend{{Name: "b1"}}}}}, nil
	})
	get("/pools/acme-blue", func() (any, error) { return api.Pool{Name: "acme-blue"}, nil })
	get("/overrides", func() (any, error) { return api.OverrideList{Overrides: f.overrides()}, nil })
	get("/calendars", func() (any, error) { return calendars(), nil })
	get("/audit", func() (any, error) {
		return api.AuditList{Records: []api.AuditRecord{{Sequence: 7, At: at(0), Actor: "ops", Operation: "startCutover", Target: "acme", Reason: "release 18.0.4"}}}, nil
	})
	mux.HandleFunc("GET "+api.Prefix+"/export", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "kind: Tenant # %s\n", r.URL.Query().Get("tenant"))
	})
	mux.HandleFunc("GET "+api.Prefix+"/cutovers/c1/report", f.report)
	mux.HandleFunc("GET "+api.Prefix+"/cutovers/c1/events", f.events)
	mux.HandleFunc("GET "+api.Prefix+"/tenants/acme/wait", f.wait)
	f.writeRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "there is nothing at "+r.URL.Path)
	})
	return mux
}

func (f *fake) writeRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+api.Prefix+"/tenants/acme/cutovers", f.write(func(r *http.Request, body map[string]any, dry bool) (any, error) {
		switch {
		case body["to"] != "green" && body["to"] != "standby":
			return nil, fmt.Errorf("tenant acme has no release %q; it has blue, green, standby", body["to"])
		case f.cutover != nil && f.cutover.Ended == nil:
			return nil, fmt.Errorf("tenant acme: cutover c1 to green is %s: abort it, or let it end", f.cutover.Phase)
		}
		if f.frozen && body["overrideCalendar"] != true {
			return nil, fmt.Errorf("the calendar of tenant acme says no: frozen; it may begin at 2026-11-23T21:00:00Z, or with overrideCalendar and a reason")
		}
		change := f.change(dry, "active", "blue", body["to"].(string))
		change.Warnings = []string{"sessions live on the servers of acme-blue: whoever is moved signs in again"}
		if dry {
			return api.CutoverChange{Change: change}, nil
		}
		strategy, _ := body["strategy"].(string)
		if strategy == "" {
			strategy = "drain"
		}
		f.cutover = running(strategy, body["to"].(string), body["reason"].(string))
		return api.CutoverChange{Change: change, Cutover: f.cutover}, nil
	}))
	for _, word := range []string{"promote", "pause", "resume", "abort", "confirm"} {
		mux.HandleFunc("POST "+api.Prefix+"/cutovers/c1/"+word, f.write(func(_ *http.Request, body map[string]any, dry bool) (any, error) {
			if !slices.Contains(f.cutover.Can, word) {
				return nil, fmt.Errorf("cutover c1 of tenant acme is %s: there is nothing to %s", f.cutover.Phase, word)
			}
			change := f.change(dry, "phase", f.cutover.Phase, word)
			if !dry {
				f.note("ops", word+": "+body["reason"].(string))
			}
			return api.CutoverChange{Change: change, Cutover: f.cutover}, nil
		}))
	}
	set := func(pattern, field, to string, do func(body map[string]any)) {
		mux.HandleFunc(pattern, f.write(func(_ *http.Request, body map[string]any, dry bool) (any, error) {
			if !dry {
				do(body)
			}
			return f.change(dry, field, "", to), nil
		}))
	}
	set("PUT "+api.Prefix+"/tenants/acme/hold", "hold", "on", func(map[string]any) { f.held = true })
	set("DELETE "+api.Prefix+"/tenants/acme/hold", "hold", "off", func(map[string]any) { f.held = false })
	set("PUT "+api.Prefix+"/tenants/acme/maintenance", "maintenance", "on", func(map[string]any) { f.page = true })
	set("DELETE "+api.Prefix+"/tenants/acme/maintenance", "maintenance", "off", func(map[string]any) { f.page = false })
	set("POST "+api.Prefix+"/tenants/acme/replicas/r2/evict", "evicted", "r2", func(map[string]any) { f.known = true })
	set("PUT "+api.Prefix+"/pools/acme-blue/backends/b1/state", "state", "drain", func(body map[string]any) { f.states["b1"] = body["state"].(string) })
}

// write holds every write to what the API asks of it.
func (f *fake) write(do func(r *http.Request, body map[string]any, dry bool) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		dry := r.URL.Query().Get("dryRun") == "true"
		body := map[string]any{}
		reason, _ := "", json.NewDecoder(r.Body).Decode(&body)
		reason, _ = body["reason"].(string)
		if f.busy > 0 && !dry {
			f.busy--
			f.version++
		}
		switch {
		case r.Header.Get("If-Match") == "":
			problem(w, http.StatusPreconditionRequired, "If-Match is missing")
			return
		case r.Header.Get("If-Match") != f.tag():
			problem(w, http.StatusPreconditionFailed, "tenant acme has changed since you looked")
			return
		case len(r.Header.Get("Idempotency-Key")) < 16 || len(reason) < 3:
			problem(w, http.StatusUnprocessableEntity, "a write needs a key and a reason")
			return
		}
		answer, err := do(r, body, dry)
		if err != nil {
			problem(w, http.StatusConflict, err.Error())
			return
		}
		if !dry {
			text, _ := json.Marshal(body)
			f.writes = append(f.writes, r.Method+" "+strings.TrimPrefix(r.URL.Path, api.Prefix)+" "+string(text))
			f.version++
			f.wake()
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.ProblemDetails{Status: status, Detail: detail})
}

func (f *fake) tag() string { return strconv.Quote("v" + strconv.Itoa(f.version)) }

func (f *fake) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) tenant() api.Tenant {
	return api.Tenant{Name: "acme", Hosts: []string{"acme.example"}, Active: "blue", Releases: map[string]api.Release{"blue": {Pool: "acme-blue"}, "green": {Pool: "acme-green"}, "standby": {Pool: "acme-dr"}}}
}

func (f *fake) list() []api.Cutover {
	if f.cutover == nil {
		return []api.Cutover{}
	}
	old := api.Cutover{ID: "c0", Tenant: "acme", Phase: "aborted", Started: at(-time.Hour), Ended: new(time.Time)}
	return []api.Cutover{old, *f.cutover}
}

func (f *fake) change(dry bool, field, from, to string) api.Change {
	return api.Change{
		DryRun: dry, Changes: []api.FieldChange{{Field: field, From: from, To: to}}, Shared: f.shared, Laggards: f.lag,
		Impact: &api.Impact{Known: f.known, Sessions: 212, Sockets: 31, InFlight: 7, Tenants: []string{"acme"}},
	}
}

func (f *fake) effective() api.Effective {
	e := api.Effective{Tenant: "acme", Declared: "blue", Active: "blue", Held: f.held, Page: f.page, Runtime: f.overrides()}
	if f.cutover != nil && f.cutover.Phase == "completed" {
		e.Active, e.Drifted = "green", true
	}
	return e
}

func (f *fake) overrides() []api.Override {
	all := []api.Override{}
	until := at(time.Hour)
	if f.held {
		all = append(all, api.Override{Kind: "hold", Target: "acme", Value: "25s", Actor: "ops", Reason: "primary", Since: at(0), Expires: &until})
	}
	if f.cutover != nil && f.cutover.Phase == "completed" {
		all = append(all, api.Override{Kind: "settled", Target: "acme", Value: "green", Actor: "ops", Reason: "release 18.0.4", Since: at(0)})
	}
	return all
}

func calendars() api.CalendarList {
	next := at(10 * time.Hour)
	return api.CalendarList{Calendars: []api.Calendar{{Name: "always", Allowed: true}, {Name: "fiscal", Why: "calendar fiscal: frozen for stock count", Next: &next}}}
}

// at is a moment on a fixed night.
func at(after time.Duration) time.Time {
	return time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC).Add(after)
}

func running(strategy, to, reason string) *api.Cutover {
	return &api.Cutover{
		ID: "c1", Tenant: "acme", From: "blue", To: to, Strategy: strategy, Reason: reason, Actor: "ops", Started: time.Now(), Since: time.Now(),
		Phase: "draining", Phases: []string{"preflight", "verifying", "draining", "flipping", "watching", "completed"},
		Waits: "the sessions on blue", Shared: true, Can: []string{"promote", "pause", "abort"},
		Remainder: &api.Remainder{
			Known: true, Sentence: "7 sessions, 2 with sockets, 1 report running 4 min", ETA: "12m0s",
			Replicas: []api.ReplicaRemainder{
				{ID: "r1", Host: "node-a", Releases: map[string]api.ReleaseRemainder{"blue": {InFlight: 1, Sockets: 2}}},
				{ID: "r2", Host: "node-b", Releases: map[string]api.ReleaseRemainder{}},
			},
		},
		Timeline: []api.CutoverEvent{{At: at(0), Phase: "preflight", Actor: "ops", Text: "started: " + strategy + " from blue to " + to + ": " + reason}},
	}
}

// note adds to the timeline. The lock is held.
func (f *fake) note(actor, text string) {
	f.cutover.Timeline = append(f.cutover.Timeline, api.CutoverEvent{At: at(time.Duration(len(f.cutover.Timeline)) * time.Minute), Phase: f.cutover.Phase, Actor: actor, Text: text})
}

// moves changes the cutover, and says so to whoever watches.
func (f *fake) moves(phase, text string, more func(*api.Cutover)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := *f.cutover // the old one may be on its way to a client
	next.Timeline = slices.Clone(next.Timeline)
	f.cutover = &next
	f.cutover.Phase = phase
	f.note("sluice", text)
	if phase == "completed" || phase == "aborted" {
		now := time.Now()
		f.cutover.Ended, f.cutover.Can, f.cutover.Remainder = &now, nil, nil
	}
	if more != nil {
		more(f.cutover)
	}
	f.version++
	f.wake()
}

// events sends the timeline from the event after the one that is named, and goes on.
func (f *fake) events(w http.ResponseWriter, r *http.Request) {
	next := 0
	f.mu.Lock()
	f.last = append(f.last, r.Header.Get("Last-Event-ID"))
	f.mu.Unlock()
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		next = last + 1
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		f.mu.Lock()
		timeline, changed := f.cutover.Timeline, f.changed
		f.mu.Unlock()
		for ; next < len(timeline); next++ {
			text, _ := json.Marshal(timeline[next])
			fmt.Fprintf(w, "id: %d\nevent: timeline\ndata: %s\n\n", next, text)
		}
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fake) report(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked++
	early := f.asked == 1
	f.mu.Unlock()
	if early {
		problem(w, http.StatusNotFound, "there is no report of cutover c1 yet")
		return
	}
	if r.Header.Get("Accept") == "text/markdown" {
		fmt.Fprintln(w, "# Cutover c1 of acme")
		return
	}
	fmt.Fprintln(w, `{"cutover":"c1"}`)
}

func (f *fake) wait(w http.ResponseWriter, r *http.Request) {
	most, _ := time.ParseDuration(r.URL.Query().Get("timeout"))
	ctx := r.Context()
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		f.mu.Lock()
		over, changed := f.cutover != nil && f.cutover.Ended != nil, f.changed
		out := api.Waited{Until: r.URL.Query().Get("until"), Reached: over}
		if f.cutover != nil {
			out.Remainder = f.cutover.Remainder
		}
		f.mu.Unlock()
		say := func(status int) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(out)
		}
		if over {
			say(http.StatusOK)
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			if out.Remainder != nil && !out.Remainder.Known {
				say(http.StatusServiceUnavailable)
				return
			}
			say(http.StatusRequestTimeout)
			return
		case <-ctx.Done():
			return
		}
	}
}

// args makes the command find the fake.
func (f *fake) args(args ...string) []string { return append(args, "--data-dir", f.dir) }

// starts puts a cutover in place.
func (f *fake) starts(strategy string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutover = running(strategy, "green", "release 18.0.4")
}
