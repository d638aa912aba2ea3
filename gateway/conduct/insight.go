package conduct

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"sluicegate.dev/sluice/gateway/upstream"
)

// Insight is how to learn of a tenant what no visitor sees. Both ways are optional; without
// them cron, modules and the version of base count as not checked.
type Insight struct {
	Webhook    string // asked for checks of the operator's own, cron among them
	Login, Key string // of a user that may read ir.module.module, over JSON-RPC
}

const insightMost = 32 // checks of a webhook's that are heard

// insight asks what the pages do not show. cron is among it: that one side runs with
// max_cron_threads = 0 stands in files of its machines.
func (c *Conductor) insight(ctx context.Context, s sides, fresh []facts) []Check {
	var in Insight
	if c.cfg.Insight != nil {
		in = c.cfg.Insight(s.tenant.Name)
	}
	var checks []Check
	if in.Webhook != "" {
		checks = append(checks, c.askHook(ctx, s, in.Webhook)...)
	}
	if in.Login != "" {
		checks = append(checks, c.askModules(ctx, s, in, fresh)...)
	}
	for name, why := range map[string]string{
		"cron":    "whether one side alone runs scheduled actions is not known: set max_cron_threads = 0 on " + s.to.Name + " until it is active, or have spec.cutover.preflight.webhook say so",
		"modules": "whether modules wait for an upgrade is not known: declare spec.cutover.preflight.login and keyFile",
		"base":    "whether code and database have the same version of base is not known: declare spec.cutover.preflight.login and keyFile",
	} {
		if !named(checks, name) {
			checks = append(checks, Check{Name: name, Verdict: Unchecked, Text: why})
		}
	}
	return checks
}

func named(checks []Check, name string) bool {
	for _, c := range checks {
		if c.Name == name {
			return true
		}
	}
	return false
}

// askHook has the operator's own program check. It answers {"checks": [{"name", "ok", "text"}]}.
func (c *Conductor) askHook(ctx context.Context, s sides, url string) []Check {
	failed := func(why string) []Check {
		return []Check{{Name: "webhook", Verdict: Failed, Text: fmt.Sprintf("the preflight webhook of %s %s", s.tenant.Name, why)}}
	}
	r, err := c.call.post(ctx, url, "preflight", map[string]string{
		"event": "cutover.preflight", "tenant": s.tenant.Name, "from": s.from.Name, "to": s.to.Name,
		"fromPool": s.from.Pool.Name, "toPool": s.to.Pool.Name, "fromDatabase": s.from.Database, "toDatabase": s.to.Database,
	})
	if err != nil {
		return failed("does not answer: " + brief(err.Error()))
	}
	if r.status != http.StatusOK {
		return failed(fmt.Sprintf("answers %d: %s", r.status, brief(string(r.body))))
	}
	var said struct {
		Checks []struct {
			Name string `json:"name"`
			OK   bool   `json:"ok"`
			Text string `json:"text"`
		} `json:"checks"`
	}
	if err := json.Unmarshal(r.body, &said); err != nil {
		return failed(`does not answer {"checks": [{"name": ..., "ok": ..., "text": ...}]}: ` + brief(err.Error()))
	}
	var checks []Check
	for _, one := range said.Checks[:min(len(said.Checks), insightMost)] {
		check := Check{Name: brief(one.Name), Verdict: Passed, Text: brief(one.Name + ": " + one.Text)}
		if !one.OK {
			check.Verdict = Failed
		}
		checks = append(checks, check)
	}
	return checks
}

// module is a row of ir.module.module. Installed is what the database holds, Latest what the
// code of the server that answers brings.
type module struct {
	Name      string `json:"name"`
	State     string `json:"state"`
	Installed string `json:"latest_version"`
	Latest    string `json:"installed_version"`
}

// askModules reads the table of modules through one backend that is healthy. The names of
// Odoo's two version fields are the wrong way round; that is Odoo's.
func (c *Conductor) askModules(ctx context.Context, s sides, in Insight, fresh []facts) []Check {
	unknown := func(why string) []Check {
		text := "the modules of " + databaseName(s.to) + " could not be read: " + why
		return []Check{{Name: "modules", Side: s.to.Name, Verdict: Failed, Text: text}, {Name: "base", Side: s.to.Name, Verdict: Unchecked, Text: text}}
	}
	backend := healthy(fresh)
	if backend == "" {
		return unknown("no backend of " + s.to.Pool.Name + " is healthy")
	}
	if s.to.Database == "" {
		return unknown("declare which database the release has")
	}
	o := rpc{c.cfg.Ask, upstream.Question{Tenant: s.tenant, Release: s.to, Backend: backend, Host: s.host, Scheme: "https"}, s.to.Database, in.Login, in.Key}
	modules, err := o.modules(ctx)
	if err != nil {
		return unknown(brief(err.Error()))
	}
	return judgeModules(s, modules)
}

func healthy(found []facts) string {
	for _, f := range found {
		if f.health.err == nil && f.health.Status == http.StatusOK {
			_, name, _ := strings.Cut(f.backend, "/")
			return name
		}
	}
	return ""
}

func judgeModules(s sides, modules []module) []Check {
	pending := Check{Name: "modules", Side: s.to.Name, Verdict: Passed, Text: "no module of " + databaseName(s.to) + " waits for anything"}
	base := Check{Name: "base", Side: s.to.Name, Verdict: Unchecked, Text: databaseName(s.to) + " names no module base"}
	var waiting []string
	for _, m := range modules {
		if strings.HasPrefix(m.State, "to ") {
			waiting = append(waiting, m.Name+" ("+m.State+")")
		}
		if m.Name != "base" {
			continue
		}
		base.Verdict, base.Text = Passed, "code and database agree on base "+m.Installed
		if m.Installed != m.Latest {
			base.Verdict = Failed
			base.Text = fmt.Sprintf("%s holds base %s, the code of %s brings %s: scheduled actions would not run; update it first (-u base), or use strategy switch",
				databaseName(s.to), m.Installed, s.to.Name, m.Latest)
		}
	}
	if len(waiting) > 0 {
		pending.Verdict = Failed
		pending.Text = fmt.Sprintf("modules of %s wait: %s; finish or cancel that first", databaseName(s.to), few(waiting))
	}
	return []Check{pending, base}
}

// rpc is Odoo's external API, as far as it is needed here.
type rpc struct {
	ask      Asker
	question upstream.Question
	database string
	login    string
	key      string
}

func (o rpc) modules(ctx context.Context) ([]module, error) {
	var uid int
	if err := o.call(ctx, "common", "authenticate", []any{o.database, o.login, o.key, map[string]any{}}, &uid); err != nil || uid == 0 {
		return nil, fmt.Errorf("user %s may not sign in there: %w", o.login, orDenied(err))
	}
	var all []module
	for _, condition := range [][]any{{"name", "=", "base"}, {"state", "in", []string{"to install", "to upgrade", "to remove"}}} {
		var rows []module
		err := o.call(ctx, "object", "execute_kw", []any{
			o.database, uid, o.key, "ir.module.module", "search_read",
			[]any{[]any{condition}},
			map[string]any{"fields": []string{"name", "state", "latest_version", "installed_version"}, "limit": insightMost},
		}, &rows)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

func (o rpc) call(ctx context.Context, service, method string, args []any, result any) error {
	body, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "method": "call", "params": map[string]any{"service": service, "method": method, "args": args},
	})
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	return callJSON(ctx, o.ask, o.question, "/jsonrpc", string(body), result)
}

var errDenied = errors.New("wrong login or password")

func orDenied(err error) error {
	if err != nil {
		return err
	}
	return errDenied
}
