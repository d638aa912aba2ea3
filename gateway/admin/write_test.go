package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// night is a server with a tenant that has two releases.
type night struct {
	*Server
	t       testing.TB
	runtime *runtimeFake
	audit   *auditFake
	h       http.Handler
}

func newNight(t testing.TB, change func(*Config)) *night {
	gateway := sample()
	acme := gateway.snapshot.Tenants["acme"]
	acme.Releases["green"] = &routing.Release{Name: "green", Pool: gateway.snapshot.Pools["shared"], Database: "acme"}
	n := &night{t: t, runtime: newRuntime(), audit: &auditFake{}}
	n.Server = newServer(t, gateway, func(c *Config) {
		c.Runtime, c.Audit = n.runtime, n.audit
		if change != nil {
			change(c)
		}
	})
	n.h = n.remote()
	return n
}

// tag is what somebody sees of a resource.
func (n *night) tag(path string) string {
	n.t.Helper()
	answer, text := ask(n.t, n.h, "GET", path, "", as(Viewer))
	if answer.StatusCode != http.StatusOK {
		n.t.Fatalf("GET %s: %d %s", path, answer.StatusCode, text)
	}
	return answer.Header.Get("ETag")
}

func (n *night) send(method, path, body string, headers map[string]string) (int, string) {
	n.t.Helper()
	all := as(Operator)
	maps.Copy(all, headers)
	answer, text := ask(n.t, n.h, method, path, body, all)
	return answer.StatusCode, text
}

const (
	acmePath = "/api/v1/tenants/acme"
	start    = `{"to": "green", "reason": "CHG-1"}`
)

func (n *night) begin() api.Cutover {
	n.t.Helper()
	status, text := n.send("POST", acmePath+"/cutovers", start, map[string]string{"If-Match": n.tag(acmePath)})
	if status != http.StatusAccepted {
		n.t.Fatalf("start: %d %s", status, text)
	}
	return *decode[api.CutoverChange](n.t, text).Cutover
}

func TestWritesAreCareful(t *testing.T) {
	const hold = `{"reason": "a switch by hand", "expires": "30s"}`
	for name, row := range map[string]struct {
		prepare func(n *night)
		method  string
		path    string
		body    string
		headers map[string]string // "now" as If-Match is what is seen now
		status  int
		says    string
	}{
		"without a precondition, whatever the body":  {nil, "PUT", acmePath + "/hold", "{", nil, 428, "send its ETag as If-Match"},
		"what was seen is old":                       {nil, "PUT", acmePath + "/hold", hold, map[string]string{"If-Match": `"old"`}, 412, "changed meanwhile"},
		"somebody else was faster":                   {func(n *night) { n.begin() }, "POST", acmePath + "/cutovers", start, map[string]string{"If-Match": "before"}, 412, "look again"},
		"as it is":                                   {nil, "PUT", acmePath + "/hold", hold, map[string]string{"If-Match": "now"}, 200, "held for 25s"},
		"whatever is there":                          {nil, "PUT", acmePath + "/hold", hold, map[string]string{"If-Match": "*"}, 200, "held for 25s"},
		"without a reason":                           {nil, "PUT", acmePath + "/hold", `{"reason": "  x "}`, map[string]string{"If-Match": "now"}, 422, "say why"},
		"a hold of an hour":                          {nil, "PUT", acmePath + "/hold", `{"reason": "long", "expires": "1h"}`, map[string]string{"If-Match": "now"}, 422, "maintenance page up instead"},
		"a hold that nobody set":                     {nil, "DELETE", acmePath + "/hold", `{"reason": "end it"}`, map[string]string{"If-Match": "now"}, 409, "not held"},
		"a viewer":                                   {nil, "PUT", acmePath + "/hold", hold, map[string]string{"If-Match": "now", "Authorization": as(Viewer)["Authorization"]}, 403, "needs operator"},
		"no such tenant":                             {nil, "PUT", "/api/v1/tenants/acne/hold", hold, map[string]string{"If-Match": "*"}, 404, `did you mean \"acme\"`},
		"no such release":                            {nil, "POST", acmePath + "/cutovers", `{"to": "red", "reason": "CHG-1"}`, map[string]string{"If-Match": "now"}, 422, "no release"},
		"a plan for browsers' classes":               {nil, "POST", acmePath + "/cutovers", `{"to": "green", "strategy": "switch", "classes": ["web"], "reason": "CHG-1"}`, map[string]string{"If-Match": "now"}, 422, "for browsers"},
		"a share without growth":                     {nil, "POST", acmePath + "/cutovers", `{"to": "green", "strategy": "shift", "shares": [{"percent": 50}, {"percent": 10}], "reason": "CHG-1"}`, map[string]string{"If-Match": "now"}, 422, "shares grow"},
		"no time span":                               {nil, "POST", acmePath + "/cutovers", `{"to": "green", "deadline": "soon", "reason": "CHG-1"}`, map[string]string{"If-Match": "now"}, 422, "deadline"},
		"a webhook to the metadata service":          {nil, "POST", acmePath + "/cutovers", `{"to": "green", "strategy": "switch", "external": {"webhook": "http://169.254.169.254/"}, "reason": "CHG-1"}`, map[string]string{"If-Match": "now"}, 422, "never called"},
		"two cutovers at once":                       {func(n *night) { n.begin() }, "POST", acmePath + "/cutovers", start, map[string]string{"If-Match": "now"}, 409, "abort it"},
		"the calendar says no":                       {func(n *night) { n.runtime.forbids = "month-end" }, "POST", acmePath + "/cutovers", start, map[string]string{"If-Match": "now"}, 409, "month-end; it may begin at"},
		"and is overridden":                          {func(n *night) { n.runtime.forbids = "month-end" }, "POST", acmePath + "/cutovers", `{"to": "green", "overrideCalendar": true, "reason": "it burns"}`, map[string]string{"If-Match": "now"}, 202, "drain"},
		"but never binds who flees":                  {func(n *night) { n.runtime.forbids = "month-end" }, "POST", acmePath + "/cutovers", `{"to": "green", "strategy": "failover", "reason": "it burns"}`, map[string]string{"If-Match": "now"}, 202, "failover"},
		"a gateway lags behind":                      {func(n *night) { n.runtime.laggards = []string{"node-b (r2)"} }, "PUT", acmePath + "/hold", hold, map[string]string{"If-Match": "now"}, 202, "node-b (r2)"},
		"a gateway has not heard of a server":        {func(n *night) { n.runtime.laggards = []string{"node-b (r2)"} }, "PUT", "/api/v1/pools/acme-blue/backends/b1/state", `{"state": "drain", "reason": "kernel"}`, map[string]string{"If-Match": "*"}, 202, "node-b (r2)"},
		"an end that nobody remembers":               {nil, "PUT", "/api/v1/pools/acme-blue/backends/b1/state", `{"state": "drain", "reason": "kernel", "expires": "9999-12-31T23:59:59-14:00"}`, map[string]string{"If-Match": "*"}, 422, "a year at most"},
		"the audit log cannot be written":            {func(n *night) { n.audit.fails = errors.New("no space left on device") }, "PUT", acmePath + "/hold", hold, map[string]string{"If-Match": "now"}, 500, `"type":"audit"`},
		"a server is taken out":                      {nil, "PUT", "/api/v1/pools/acme-blue/backends/b1/state", `{"state": "drain", "reason": "kernel", "expires": "2h"}`, map[string]string{"If-Match": "*"}, 200, "drain"},
		"the last one, with a warning":               {nil, "PUT", "/api/v1/pools/acme-blue/backends/b1/state", `{"state": "maintenance", "reason": "kernel"}`, map[string]string{"If-Match": "*"}, 200, "no other server"},
		"a server that is none":                      {nil, "PUT", "/api/v1/pools/acme-blue/backends/b9/state", `{"state": "drain", "reason": "kernel"}`, map[string]string{"If-Match": "*"}, 404, "b9"},
		"a state that is none":                       {nil, "PUT", "/api/v1/pools/acme-blue/backends/b1/state", `{"state": "off", "reason": "kernel"}`, map[string]string{"If-Match": "*"}, 422, "state"},
		"a page for some networks":                   {nil, "PUT", acmePath + "/maintenance", `{"reason": "upgrade", "allow": ["10.0.0.0/8"]}`, map[string]string{"If-Match": "*"}, 200, "maintenance page"},
		"a network that is none":                     {nil, "PUT", acmePath + "/maintenance", `{"reason": "upgrade", "allow": ["everybody"]}`, map[string]string{"If-Match": "*"}, 422, "everybody"},
		"a command to no cutover":                    {nil, "POST", "/api/v1/cutovers/none/abort", `{"reason": "back"}`, map[string]string{"If-Match": "*"}, 404, "no cutover"},
		"a command that does not fit":                {func(n *night) { n.begin() }, "POST", "/api/v1/cutovers/acme/resume", `{"reason": "go on"}`, map[string]string{"If-Match": "*"}, 409, "not paused"},
		"a share of something that does not shift":   {func(n *night) { n.begin() }, "POST", "/api/v1/cutovers/acme/promote", `{"reason": "half", "percent": 50}`, map[string]string{"If-Match": "*"}, 409, "not shifting"},
		"a write from another site's page":           {nil, "PUT", acmePath + "/hold", hold, map[string]string{"If-Match": "*", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403, "another origin"},
		"a write to a name that points at this host": {nil, "PUT", acmePath + "/hold", hold, map[string]string{"If-Match": "*", "Host": "evil.example"}, 421, "does not go by the name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNight(t, nil)
			before := n.tag(acmePath)
			if row.prepare != nil {
				row.prepare(n)
			}
			headers := maps.Clone(row.headers)
			switch headers["If-Match"] {
			case "now":
				headers["If-Match"] = n.tag(acmePath)
			case "before":
				headers["If-Match"] = before
			}
			records := len(n.audit.records)
			status, text := n.send(row.method, row.path, row.body, headers)
			if status != row.status || !strings.Contains(text, row.says) {
				t.Errorf("got %d %s; want %d and %q", status, text, row.status, row.says)
			}
			if done := len(n.audit.records) > records; done != (status < 300) {
				t.Errorf("%d, and in the audit log: %v", status, done)
			}
		})
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	n := newNight(t, nil)
	tag := n.tag(acmePath)
	status, text := n.send("POST", acmePath+"/cutovers?dryRun=true", start, map[string]string{"If-Match": tag, "Idempotency-Key": "k1"})
	change := decode[api.CutoverChange](t, text)
	if status != http.StatusOK || !change.DryRun || change.Impact.Sessions != 7 || change.Impact.Sockets != 2 || len(change.Changes) < 2 {
		t.Errorf("%d %s", status, text)
	}
	if n.tag(acmePath) != tag || len(n.audit.records) != 0 || len(n.runtime.tenants) != 0 {
		t.Errorf("something was changed: %v, %v", n.audit.records, n.runtime.tenants)
	}
}

// All have seen the same, and all come so far that they may write: one does.
func TestOfTwoWhoHaveSeenTheSameOneWrites(t *testing.T) {
	for name, row := range map[string]struct{ seen, method, path, body string }{
		"a tenant's page": {acmePath, "PUT", acmePath + "/maintenance", `{"reason": "upgrade"}`},
		"a server":        {"/api/v1/pools/acme-blue", "PUT", "/api/v1/pools/acme-blue/backends/b1/state", `{"state": "drain", "reason": "kernel"}`},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNight(t, nil)
			headers := map[string]string{"If-Match": n.tag(row.seen)}
			n.runtime.together = newMeeting(8)
			var done, late atomic.Int32
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					switch status, text := n.send(row.method, row.path, row.body, headers); status {
					case http.StatusOK:
						done.Add(1)
					case http.StatusPreconditionFailed:
						late.Add(1)
					default:
						t.Errorf("%d %s", status, text)
					}
				})
			}
			all.Wait()
			if done.Load() != 1 || late.Load() != 7 {
				t.Errorf("%d wrote, %d were told to look again", done.Load(), late.Load())
			}
			refused := 0
			for _, r := range n.audit.records {
				if strings.HasSuffix(r.Operation, ".refused") {
					refused++
				}
			}
			if refused != 7 || len(n.audit.records) != 15 {
				t.Errorf("the audit log has %d records, %d of them of changes that were not made", len(n.audit.records), refused)
			}
		})
	}
}

func TestATokenForSomeTenants(t *testing.T) {
	n := newNight(t, func(c *Config) {
		for i := range c.Tokens {
			if c.Tokens[i].Role == Operator {
				c.Tokens[i].Tenants = []string{"ac*"}
			}
		}
	})
	n.begin()
	mine := as(Operator)
	for path, want := range map[string]int{
		acmePath: 200, "/api/v1/tenants/globex": 404, "/api/v1/tenants/globex/status": 404, "/api/v1/pools/acme-blue": 200,
		"/api/v1/pools/reports": 200, "/api/v1/tenants/globex/effective": 404, "/api/v1/tenants/globex/cutovers": 404,
	} {
		if answer, text := ask(t, n.h, "GET", path, "", mine); answer.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", path, answer.StatusCode, text, want)
		}
	}
	for _, path := range []string{"/api/v1/tenants", "/api/v1/pools", "/api/v1/status/pools", "/api/v1/status", "/api/v1/overrides", "/api/v1/audit", "/api/v1/cutovers"} {
		answer, text := ask(t, n.h, "GET", path, "", mine)
		if answer.StatusCode != http.StatusOK || strings.Contains(text, "globex") || strings.Contains(text, "initech") {
			t.Errorf("%s shows others: %d %s", path, answer.StatusCode, text)
		}
	}
	if status, text := n.send("PUT", "/api/v1/tenants/globex/hold", `{"reason": "mischief"}`, map[string]string{"If-Match": "*"}); status != http.StatusNotFound {
		t.Errorf("a write to another tenant: %d %s", status, text)
	}
	if status, text := n.send("POST", "/api/v1/config/confirm", wish, nil); status != http.StatusForbidden {
		t.Errorf("a removal of other tenants: %d %s", status, text)
	}
	// The green pool serves globex and initech, too.
	if status, text := n.send("PUT", "/api/v1/pools/shared/backends/s1/state", `{"state": "maintenance", "reason": "mischief"}`, map[string]string{"If-Match": "*"}); status != http.StatusForbidden {
		t.Errorf("a server that others use: %d %s", status, text)
	}
}

// sse reads a stream until it has seen so many timeline events.
func sse(t *testing.T, address, last string, want int) (ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); len(ids) < want && lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestAStreamGoesOnWithoutAGap(t *testing.T) {
	n := newNight(t, nil)
	server := httptest.NewServer(n.local())
	defer server.Close()
	c := n.begin()
	for i := range 6 { // six more lines
		verb := []string{"pause", "resume"}[i%2]
		if status, text := n.send("POST", "/api/v1/cutovers/"+c.ID+"/"+verb, `{"reason": "again"}`, map[string]string{"If-Match": "*"}); status != http.StatusOK {
			t.Fatalf("%s: %d %s", verb, status, text)
		}
	}
	address := server.URL + "/api/v1/cutovers/" + c.ID + "/events"
	first := sse(t, address, "", 3)
	rest := sse(t, address, first[2], 4)
	if got := fmt.Sprint(first, rest); got != "[0 1 2] [3 4 5 6]" {
		t.Errorf("read %s", got)
	}
	if answer, _ := ask(t, n.local(), "GET", "/api/v1/cutovers/"+c.ID+"/events", "", map[string]string{"Last-Event-ID": "x"}); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an id that is none of ours: %d", answer.StatusCode)
	}
}

func TestWaits(t *testing.T) {
	n := newNight(t, nil)
	n.begin()
	for name, row := range map[string]struct {
		left   api.Remainder
		until  string
		status int
	}{
		"sessions are left":           {n.runtime.left, "drained", 408},
		"a gateway is silent":         {api.Remainder{Releases: map[string]api.ReleaseRemainder{}}, "drained", 503},
		"nothing is left":             {api.Remainder{Known: true}, "drained", 200},
		"a cutover runs":              {api.Remainder{Known: true}, "completed", 408},
		"nothing is held":             {api.Remainder{Known: true}, "held", 408},
		"it waits for something else": {api.Remainder{Known: true}, "better times", 422},
	} {
		n.runtime.left = row.left
		answer, text := ask(t, n.h, "GET", acmePath+"/wait?timeout=1ms&until="+strings.ReplaceAll(row.until, " ", "+"), "", as(Viewer))
		if answer.StatusCode != row.status {
			t.Errorf("%s: %d %s, want %d", name, answer.StatusCode, text, row.status)
		}
	}
}

func TestReports(t *testing.T) {
	n := newNight(t, nil)
	c := n.begin()
	path := "/api/v1/cutovers/" + c.ID + "/report"
	if answer, text := ask(t, n.h, "GET", path, "", as(Viewer)); answer.StatusCode != http.StatusConflict {
		t.Errorf("of one that runs: %d %s", answer.StatusCode, text)
	}
	for kind, want := range map[string]string{"text/markdown": "# Cutover gone", "application/json": `{"cutover":"gone"}`} {
		headers := as(Viewer)
		headers["Accept"] = kind
		answer, text := ask(t, n.h, "GET", "/api/v1/cutovers/gone/report", "", headers)
		if answer.StatusCode != http.StatusOK || text != want || !strings.HasPrefix(answer.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s %s", kind, answer.StatusCode, answer.Header.Get("Content-Type"), text)
		}
	}
}

func TestExport(t *testing.T) {
	n := newNight(t, nil)
	if answer, text := ask(t, n.h, "GET", "/api/v1/export?tenant=acme", "", as(Viewer)); answer.StatusCode != http.StatusOK || text != "# acme on blue\n" || answer.Header.Get("Content-Type") != "application/yaml" {
		t.Errorf("of one: %d %s", answer.StatusCode, text)
	}
	if answer, text := ask(t, n.h, "GET", "/api/v1/export", "", as(Viewer)); answer.StatusCode != http.StatusOK || text != "" {
		t.Errorf("none has drifted: %d %s", answer.StatusCode, text)
	}
	n.runtime.tenants["acme"] = cutover.Record{Tenant: "acme", Settled: []cutover.Settled{{Active: "green"}}}
	if _, text := ask(t, n.h, "GET", "/api/v1/export", "", as(Viewer)); text != "# acme on green\n" {
		t.Errorf("of those that have drifted: %q", text)
	}
	if answer, _ := ask(t, n.h, "GET", "/api/v1/export?tenant=none", "", as(Viewer)); answer.StatusCode != http.StatusNotFound {
		t.Errorf("of nobody: %d", answer.StatusCode)
	}
}

func TestTheConsoleNeedsNoTokenAndTheAPIDoes(t *testing.T) {
	n := newNight(t, nil)
	for path, want := range map[string]int{"/console/": 200, "/console/app.js": 200, "/console": 301, "/console//x": 400, "/api/v1/tenants": 401} {
		if answer, _ := ask(t, n.h, "GET", path, "", nil); answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
	if answer, _ := ask(t, n.h, "GET", "/console/", "", map[string]string{"Host": "evil.example"}); answer.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("under another name: %d", answer.StatusCode)
	}
}
