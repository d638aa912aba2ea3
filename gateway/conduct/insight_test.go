package conduct

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sluicegate.dev/sluice/internal/standin"
)

// What no visitor sees is read with a user of the operator's, or asked of a program of theirs.
func TestInsight(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get(SignatureHeader) != Sign(hookSecret(), body) {
			t.Errorf("signature %q does not fit %s", r.Header.Get(SignatureHeader), body)
		}
		io.WriteString(w, `{"checks": [{"name": "cron", "ok": false, "text": "both sides run cron"}, {"name": "disk", "ok": true, "text": "80 GB free"}]}`)
	}))
	defer hook.Close()
	for rule, c := range map[string]struct {
		modules []map[string]any
		in      Insight
		want    []string
		says    string
	}{
		"all is well": {
			[]map[string]any{{"name": "base", "state": "installed", "latest_version": "18.0.1.3", "installed_version": "18.0.1.3"}},
			Insight{Login: "admin", Key: "admin"},
			[]string{"cron unchecked"},
			"",
		},
		"modules wait, and base is behind its code": {
			[]map[string]any{
				{"name": "base", "state": "installed", "latest_version": "18.0.1.2", "installed_version": "18.0.1.3"},
				{"name": "sale", "state": "to upgrade", "latest_version": "18.0.1.0", "installed_version": "18.0.1.1"},
				{"name": "crm", "state": "uninstalled"},
			},
			Insight{Login: "admin", Key: "admin"},
			[]string{"base failed", "cron unchecked", "modules failed"},
			"sale (to upgrade)",
		},
		"a key that is wrong is no silence": {
			nil, Insight{Login: "admin", Key: "wrong"}, []string{"base unchecked", "cron unchecked", "modules failed"}, "may not sign in",
		},
		"the operator's own program": {
			nil, Insight{Webhook: hook.URL}, []string{"base unchecked", "cron failed", "modules unchecked"}, "both sides run cron",
		},
		"a program that is away": {
			nil, Insight{Webhook: "http://127.0.0.1:1/"}, []string{"base unchecked", "cron unchecked", "modules unchecked", "webhook failed"}, "does not answer",
		},
	} {
		t.Run(rule, func(t *testing.T) {
			release, server := releaseOf(t, "green", side{cfg: standin.Config{Databases: []string{"acme"}}, database: "acme"})
			for _, m := range c.modules {
				create(t, server, m)
			}
			s := sides{tenant: acme(release, release), from: release, to: release, host: "erp.acme.example"}
			conductor := only(Config{Ask: asker(t), Insight: func(string) Insight { return c.in }, Webhooks: []byte("secret")})
			checks := conductor.insight(t.Context(), s, conductor.look(t.Context(), s, release))
			if got := verdicts(checks); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v: %v", got, c.want, checks)
			}
			if text := summary(checks).Text; !strings.Contains(text, c.says) || strings.Contains(text, "crm") {
				t.Errorf("%q does not say %q", text, c.says)
			}
		})
	}
}

// create makes a row of ir.module.module.
func create(t *testing.T, s *standin.Server, row map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"params": map[string]any{
		"service": "object", "method": "execute_kw", "args": []any{"acme", 2, "admin", "ir.module.module", "create", []any{row}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.HTTPAddr()+"/jsonrpc", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); strings.Contains(string(text), `"error"`) {
		t.Fatalf("create: %s", text)
	}
}
