package conduct

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/routing"
)

// facts are what one backend said of itself. An error stands for an answer that did not come.
type facts struct {
	backend string // pool/backend
	version string
	health  answer
	login   answer
	// stranger is the login page as a visitor of nobody's database sees it.
	stranger answer
	redirect answer
	realtime answer
	asset    answer // one of the bundles that its login page names

	versionError error
	databases    []string // that visitors of the tenant may choose from
	listed       bool     // the list was given; false: it is closed, as it should be
	assets       []string // paths of bundles that the login page names
}

// answer is a reply, or why there is none.
type answer struct {
	upstream.Reply
	err error
}

// nobody is a database that no server has.
const nobody = "sluice-preflight-nobody"

// gather asks one backend.
func gather(ctx context.Context, ask Asker, s sides, r *routing.Release, backend string) facts {
	f := facts{backend: r.Pool.Name + "/" + backend}
	q := upstream.Question{Tenant: s.tenant, Release: r, Backend: backend, Host: s.host, Scheme: "https"}
	get := func(q upstream.Question, path string) answer {
		q.Path = path
		reply, err := ask.Ask(ctx, q)
		return answer{reply, err}
	}
	if f.health = get(q, healthOf(r.Pool)); f.health.err != nil {
		return f // nobody there: the rest would say the same
	}
	f.version, f.versionError = askVersion(ctx, ask, q)
	f.login = get(q, "/web/login")
	f.assets = bundles(r.Pool, f.login.Body)
	if len(f.assets) > 0 {
		f.asset = get(q, f.assets[0])
	}
	f.databases, f.listed = askDatabases(ctx, ask, q)
	f.stranger = get(strange(q), "/web/login")
	f.redirect = get(q, "/web")
	f.realtime = askRealtime(get, q)
	return f
}

func healthOf(p *routing.Pool) string {
	path := p.Health.Path
	if path == "" {
		path = p.Profile.HealthPath
	}
	if path == "" {
		path = "/web/health"
	}
	if p.Profile.HealthDatabase != "" && !strings.Contains(path, "?") {
		path += "?" + p.Profile.HealthDatabase
	}
	return path
}

// strange is q as asked by somebody whom the pool's way of isolation must keep out.
func strange(q upstream.Question) upstream.Question {
	switch q.Release.Pool.Isolation {
	case routing.IsolationHost:
		q.Host = nobody + ".invalid"
	default:
		r := *q.Release
		r.Database = nobody
		q.Release = &r
	}
	return q
}

const emptyCall = `{"jsonrpc":"2.0","method":"call","params":{}}`

func askVersion(ctx context.Context, ask Asker, q upstream.Question) (string, error) {
	var result struct {
		Version string `json:"server_version"`
	}
	if err := callJSON(ctx, ask, q, "/web/webclient/version_info", emptyCall, &result); err != nil {
		return "", err
	}
	return result.Version, nil
}

func askDatabases(ctx context.Context, ask Asker, q upstream.Question) (list []string, listed bool) {
	err := callJSON(ctx, ask, q, "/web/database/list", emptyCall, &list)
	return list, err == nil
}

// callJSON makes a call of Odoo's JSON-RPC, whose failures are HTTP 200.
func callJSON(ctx context.Context, ask Asker, q upstream.Question, path, body string, result any) error {
	q.Path, q.JSON = path, body
	reply, err := ask.Ask(ctx, q)
	if err != nil {
		return err
	}
	if reply.Status != http.StatusOK {
		return fmt.Errorf("%s answered %d", path, reply.Status)
	}
	var message struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Message string `json:"message"`
			Data    struct {
				Message string `json:"message"`
			} `json:"data"`
		} `json:"error"`
	}
	if err := json.Unmarshal(reply.Body, &message); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if message.Error != nil {
		return fmt.Errorf("%s: %s: %s", path, message.Error.Message, brief(message.Error.Data.Message))
	}
	if err := json.Unmarshal(message.Result, result); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// askRealtime makes a handshake where there are WebSockets.
func askRealtime(get func(upstream.Question, string) answer, q upstream.Question) answer {
	q.Realtime = true
	if !q.Release.Pool.Profile.Websocket {
		return get(q, "/longpolling/health")
	}
	q.Socket = true
	return get(q, "/websocket")
}

// bundles are the asset bundles that a page names, whose hash changes with their content.
func bundles(p *routing.Pool, page []byte) []string {
	prefix := p.Profile.AssetPrefix
	if prefix == "" {
		prefix = "/web/assets/"
	}
	link := regexp.MustCompile(`(?:href|src)="(` + regexp.QuoteMeta(prefix) + `[^"?#\s]+)`)
	var found []string
	for _, m := range link.FindAllSubmatch(page, 32) {
		found = append(found, string(m[1]))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// brief is the beginning of what somebody else said, on one line.
func brief(text string) string {
	const most = 200
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
