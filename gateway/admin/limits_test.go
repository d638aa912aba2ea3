package admin

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// fakeLimits know one client of acme and of a route.
type fakeLimits struct {
	blocked map[string]time.Time
	reset   []string
	fails   error
}

func (f *fakeLimits) LimitScope(scope string) bool { return scope == "acme" || scope == "hooks@file" }

func (f *fakeLimits) LimitClients(_ string, n int) []api.LimitClient {
	return []api.LimitClient{{Client: "client:abc", Who: "uid:7", Allowed: 9, Denied: 4}}[:min(n, 1)]
}

func (f *fakeLimits) LimitClient(_, client string) (api.LimitClient, bool) {
	return api.LimitClient{Client: client}, client == "client:abc"
}

func (f *fakeLimits) BlockClient(_ context.Context, scope, client string, until time.Time) error {
	f.blocked[scope+" "+client] = until
	return f.fails
}

func (f *fakeLimits) ResetClient(_ context.Context, scope, client string) error {
	f.reset = append(f.reset, scope+" "+client)
	return f.fails
}

func TestClientsUnderLimits(t *testing.T) {
	const block, reset = "/api/v1/tenants/acme/limits/block", "/api/v1/tenants/acme/limits/reset"
	wish := `{"client": "client:abc", "seconds": 3600, "reason": "runs wild"}`
	cases := map[string]struct {
		method, path, body string
		role               Role
		status             int
		says               string
	}{
		"a viewer sees who asks most":           {path: "/api/v1/tenants/acme/limits?top=5", role: Viewer, status: 200, says: `"client":"client:abc"`},
		"of a route too":                        {path: "/api/v1/tenants/hooks@file/limits", role: Viewer, status: 200, says: `"denied":4`},
		"a tenant that is none":                 {path: "/api/v1/tenants/acm/limits", role: Viewer, status: 404, says: `did you mean \"acme\"`},
		"one client":                            {path: "/api/v1/tenants/acme/limits/client?client=client:abc", role: Viewer, status: 200, says: "client:abc"},
		"one that nobody knows":                 {path: "/api/v1/tenants/acme/limits/client?client=client:xyz", role: Viewer, status: 404, says: "sluice limits top acme"},
		"a viewer may not block":                {method: "POST", path: block, body: wish, role: Viewer, status: 403},
		"an operator blocks":                    {method: "POST", path: block, body: wish, role: Operator, status: 200, says: "blockedUntil"},
		"and lifts":                             {method: "POST", path: block, body: `{"client": "client:abc", "seconds": 0, "reason": "talked to them"}`, role: Operator, status: 200, says: "client:abc"},
		"without a reason":                      {method: "POST", path: block, body: `{"client": "client:abc", "seconds": 5, "reason": ""}`, role: Operator, status: 422},
		"what is no client":                     {method: "POST", path: block, body: `{"client": "uid:7", "seconds": 5, "reason": "runs wild"}`, role: Operator, status: 422, says: "names no client"},
		"longer than a month":                   {method: "POST", path: block, body: `{"client": "client:abc", "seconds": 9999999, "reason": "runs wild"}`, role: Operator, status: 422},
		"an operator resets":                    {method: "POST", path: reset, body: `{"client": "client:abc", "reason": "a mistake of ours"}`, role: Operator, status: 200, says: "client:abc"},
		"a block at a tenant that is not there": {method: "POST", path: "/api/v1/tenants/nobody/limits/block", body: wish, role: Operator, status: 404},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			limits := &fakeLimits{blocked: map[string]time.Time{}}
			h := newServer(t, sample(), func(cfg *Config) {
				cfg.Limits, cfg.Log = limits, slog.New(slog.NewTextHandler(&log, nil))
			}).remote()
			if c.method == "" {
				c.method = "GET"
			}
			response, text := ask(t, h, c.method, c.path, c.body, as(c.role))
			if response.StatusCode != c.status || !strings.Contains(text, c.says) {
				t.Fatalf("got %d %s", response.StatusCode, text)
			}
			changed := len(limits.blocked) + len(limits.reset)
			if want := c.status == 200 && c.method == "POST"; (changed > 0) != want {
				t.Errorf("changed: %d", changed)
			}
			if changed > 0 && (!strings.Contains(log.String(), "actor=operator-token") || !strings.Contains(log.String(), "reason=")) {
				t.Errorf("nobody is on record: %s", log.String())
			}
		})
	}
}

// A block that only one replica knows is no success.
func TestABlockThatDidNotReachTheOthers(t *testing.T) {
	limits := &fakeLimits{blocked: map[string]time.Time{}, fails: errors.New("only this replica knows")}
	h := newServer(t, sample(), func(c *Config) { c.Limits = limits }).remote()
	response, text := ask(t, h, "POST", "/api/v1/tenants/acme/limits/block", `{"client": "client:abc", "seconds": 60, "reason": "runs wild"}`, as(Operator))
	if response.StatusCode != 503 || !strings.Contains(text, "only this replica knows") {
		t.Errorf("got %d %s", response.StatusCode, text)
	}
}
