package cli

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// gateway answers on the socket of the data directory that it returns.
func gateway(t *testing.T, status api.Status) (dataDir string) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	dir, err := os.MkdirTemp("", "cli") // short: the path of a socket is bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(answers(status))
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return dir
}

func answers(status api.Status) http.Handler {
	up := api.BackendStatus{Name: "b1", State: "up", InFlight: 2, Waiting: 3, Slots: 4, Workers: 6, Sockets: 9}
	down := api.BackendStatus{Name: "b2", State: "down", Reason: "connection refused"}
	pool := api.PoolStatus{Name: "acme-blue", Tenants: []string{"acme"}, Backends: []api.BackendStatus{up, down}}
	acme := api.Tenant{Name: "acme", Hosts: []string{"a.example", "b.example", "c.example"}, Active: "blue", Releases: map[string]api.Release{"blue": {Pool: "acme-blue", Database: "acme_v18"}}}
	reply := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/status", reply(status))
	mux.Handle("GET /api/v1/tenants", reply(api.TenantList{Tenants: []api.Tenant{acme}}))
	mux.Handle("GET /api/v1/tenants/acme", reply(acme))
	mux.Handle("GET /api/v1/tenants/acme/status", reply(api.TenantStatus{Name: "acme", Active: "blue", Source: "tenants/acme.yaml:1", State: "stale", Releases: map[string]api.ReleaseStatus{"blue": {Pool: pool}}}))
	mux.Handle("GET /api/v1/tenants/acme/effective", reply(api.Effective{
		Tenant: "acme", Declared: "green", Active: "blue", Drifted: true, Held: true,
		Runtime: []api.Override{{Kind: "settled", Target: "acme", Value: "active: blue", Actor: "cutover c1", Reason: "a completed cutover"}},
	}))
	mux.Handle("GET /api/v1/overrides", reply(api.OverrideList{Overrides: []api.Override{{Kind: "settled"}, {Kind: "hold"}, {Kind: "settled"}}}))
	mux.Handle("GET /api/v1/status/pools", reply(api.PoolStatusList{Pools: []api.PoolStatus{pool}}))
	mux.Handle("POST /api/v1/tenants/acme/tester", reply(api.TesterPass{Tenant: "acme", Release: "green", Until: time.Unix(1_800_000_000, 0).UTC(), Header: "X-Sluice-Tester", Cookie: "sluice_tester", Pass: "t1.pass"}))
	mux.Handle("GET /api/v1/tenants/acme/limits", reply(api.LimitClients{Clients: []api.LimitClient{limited()}}))
	mux.Handle("GET /api/v1/tenants/acme/limits/client", reply(limited()))
	mux.Handle("POST /api/v1/tenants/acme/limits/block", reply(api.LimitDone{Tenant: "acme", Client: "client:abc", BlockedUntil: limited().BlockedUntil}))
	mux.Handle("POST /api/v1/tenants/acme/limits/reset", reply(api.LimitDone{Tenant: "acme", Client: "client:abc"}))
	mux.Handle("POST /api/v1/config/confirm", reply(api.Confirmed{Digest: "d", Removed: []string{"gone"}}))
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "starting", http.StatusServiceUnavailable) })
	return mux
}

func limited() api.LimitClient {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)
	return api.LimitClient{
		Client: "client:abc", Who: "uid:7", Key: "key:def", From: "192.0.2.7", Allowed: 90, Denied: 4, Limits: []string{"integrations"}, BlockedUntil: &at,
		Calls: []api.LimitCall{{Name: "res.partner.read", Count: 80, Records: 8000, Last: at}, {Name: "sale.order.create", Count: 10, Records: 10, Failed: 1, Last: at}},
	}
}

func execute(t *testing.T, args ...string) (code int, out, errors string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Execute(t.Context(), Deps{}, Streams{Out: &o, Err: &e}, args)
	return code, o.String(), e.String()
}

func TestWhatPeopleSee(t *testing.T) {
	since := time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)
	dir := gateway(t, api.Status{
		Version: "v1", UptimeSeconds: 3 * 24 * 3600, NotReady: "stopping",
		Configuration: api.Configuration{Revision: "abc", Origin: api.OriginLastGood, Since: &since},
		Pending:       &api.PendingRemoval{Digest: "0123456789", Tenants: []string{"x", "y", "z"}, Of: 4, Since: since},
		Problems:      []api.Problem{{File: "a.yaml", Line: 3, Column: 7, Resource: "Tenant acme", Field: "spec.pool", Message: "there is no pool", Hint: "add one"}},
		Unwell:        []api.PoolStatus{{Name: "acme-blue", Backends: []api.BackendStatus{{Name: "b2", State: "down", Reason: "refused"}}}},
		Backends:      api.BackendCounts{Up: 1, Down: 1},
		Store:         api.StoreStatus{Kind: api.StoreRedis},
		Replicas:      api.ReplicaList{AsOf: &since, Replicas: []api.Replica{{Host: "node-b"}, {Host: "node-a", Self: true}}},
	})
	cases := map[string]struct {
		args []string
		says []string
	}{
		"status": {[]string{"status"}, []string{
			"v1, up 3 days, NOT READY: stopping", "abc, LAST GOOD COPY: ", "in use since 2026-11-22 12:00:00",
			"1 up, 0 saturated, 1 down", "redis, DOES NOT ANSWER: ", "2: node-a (this one), node-b, AS OF 2026-11-22 12:00:00", "remove 3 of 4 tenants (x, y and 1 more)", "Runtime        1 hold, 2 settled: see `sluice overrides`", "sluice confirm 0123456789 --reason WHY",
			"  a.yaml:3:7: Tenant acme: spec.pool: there is no pool\n      add one", "b2        down    0",
		}},
		"status -o json": {[]string{"status", "-o", "json"}, []string{`"origin": "lastGood"`, `"digest": "0123456789"`}},
		"tenant list":    {[]string{"tenant", "list"}, []string{"TENANT   HOSTS", "acme     a.example, b.example and 1 more   blue     acme-blue   acme_v18"}},
		"tenant show": {[]string{"tenant", "show", "acme"}, []string{
			"a.example, b.example, c.example", "tenants/acme.yaml:1", "stale: the declared version is broken",
			"blue (active)   acme-blue   acme_v18   b1        up      2 of 6 (4 here)   3         9",
			"active       blue, DRIFTED: declared is green; see `sluice diff acme`", "HELD: requests wait", "settled   acme   active: blue",
		}},
		"tenant show -o json": {[]string{"tenant", "show", "acme", "-o", "json"}, []string{`"tenant": {`, `"status": {`}},
		"backend list":        {[]string{"backend", "list"}, []string{"acme-blue   b2        down    0                 0         0         acme      connection refused"}},
		"limits top":          {[]string{"limits", "top", "acme"}, []string{"client:abc   uid:7   192.0.2.7   90       4         integrations   until 2026-11-22 12:00:00   res.partner.read (80), sale.order.create (10)"}},
		"limits show":         {[]string{"limits", "show", "acme", "client:abc"}, []string{"key          key:def", "sale.order.create   10      10        1        2026-11-22 12:00:00"}},
		"limits block":        {[]string{"limits", "block", "acme", "client:abc", "--for", "1h", "--reason", "runs wild"}, []string{"client:abc is blocked at acme until 2026-11-22 12:00:00."}},
		"limits unblock":      {[]string{"limits", "unblock", "acme", "client:abc", "--reason", "talked"}, []string{"no longer blocked"}},
		"limits reset":        {[]string{"limits", "reset", "acme", "client:abc", "--reason", "our mistake"}, []string{"whole budget again"}},
		"confirm":             {[]string{"confirm", "0123456789", "--reason", "moved"}, []string{"Confirmed: 1 tenant removed (gone)."}},
		"tenant tester": {[]string{"tenant", "tester", "acme", "--release", "green", "--reason", "look"}, []string{
			"A pass to release green of tenant acme, until 2027-01-15T08:00:00Z.", "X-Sluice-Tester: t1.pass", `document.cookie = "sluice_tester=t1.pass; path=/"`,
		}},
		"completion of a tenant, with its host": {[]string{"__complete", "tenant", "show", ""}, []string{"acme\ta.example\n:4"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			args := append([]string{}, c.args...)
			if args[0] == "__complete" {
				args = append(args[:1], append([]string{"--data-dir", dir}, args[1:]...)...)
			} else {
				args = append(args, "--data-dir", dir)
			}
			code, out, problems := execute(t, args...)
			if code != 0 {
				t.Fatalf("exit %d: %s", code, problems)
			}
			for _, text := range c.says {
				if !strings.Contains(out, text) {
					t.Errorf("does not say %q:\n%s", text, out)
				}
			}
		})
	}
}

func TestWhatScriptsSee(t *testing.T) {
	dir := gateway(t, api.Status{})
	cases := map[string]struct {
		args []string
		code int
		says string
	}{
		"not ready is refused, with the reason":  {[]string{"healthcheck", "--ready"}, 1, "not ready: starting"},
		"an answer that does not come in time":   {[]string{"healthcheck", "--timeout", "50ms"}, 4, "after 50ms (--timeout)"},
		"a tenant that is not there (plain 404)": {[]string{"tenant", "show", "other"}, 1, "is that its admin address?"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			code, _, problems := execute(t, append(c.args, "--data-dir", dir)...)
			if code != c.code || !strings.Contains(problems, c.says) {
				t.Errorf("exit %d: %s", code, problems)
			}
		})
	}
}
