package conduct

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	Passed    Verdict = "ok"
	Failed    Verdict = "failed"    // a cutover must not begin
	Warning   Verdict = "warning"   // it may; somebody should know
	Unchecked Verdict = "unchecked" // nobody could say; never taken for ok
)

// Check is one thing that was looked at before a cutover.
type Check struct {
	Name    string  `json:"name"`
	Side    string  `json:"side,omitempty"`    // release; empty: both
	Backend string  `json:"backend,omitempty"` // pool/backend; empty: the side as a whole
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"` // a sentence; what to do where it failed
}

const (
	preflightLimit  = 60 * time.Second
	preflightAtOnce = 8
)

// Asker puts a question to one backend.
type Asker interface {
	Ask(ctx context.Context, q upstream.Question) (upstream.Reply, error)
}

// sides are the two releases of a cutover.
type sides struct {
	tenant   *routing.Tenant
	from, to *routing.Release
	host     string
}

func sidesOf(t *routing.Tenant, from, to string) (sides, error) {
	s := sides{tenant: t, from: t.Releases[from], to: t.Releases[to], host: hostOf(t)}
	for name, r := range map[string]*routing.Release{from: s.from, to: s.to} {
		if r == nil || r.Pool == nil {
			return s, fmt.Errorf("tenant %s has no release %s any more: declare it again, or abort", t.Name, name)
		}
	}
	return s, nil
}

// hostOf is a name that visitors of the tenant use. Of a pattern any will do.
func hostOf(t *routing.Tenant) string {
	for _, h := range t.Hosts {
		if !strings.HasPrefix(h, "*.") {
			return h
		}
	}
	if len(t.Hosts) > 0 {
		return "www" + strings.TrimPrefix(t.Hosts[0], "*")
	}
	return t.Name
}

// oneDatabase says that both sides serve the same database, as far as is declared.
func (s sides) oneDatabase() bool { return s.from.Database == s.to.Database }

// Preflight looks at both sides of a cutover before it begins. It changes nothing, and may
// run at any time.
func (c *Conductor) Preflight(ctx context.Context, t *routing.Tenant, from, to string) []Check {
	s, err := sidesOf(t, from, to)
	if err != nil {
		return []Check{{Name: "releases", Verdict: Failed, Text: err.Error()}}
	}
	ctx, cancel := context.WithTimeout(ctx, preflightLimit)
	defer cancel()
	old, fresh := c.look(ctx, s, s.from), c.look(ctx, s, s.to)
	checks := slices.Concat(judgeSide(s, s.to, fresh), softened(judgeSide(s, s.from, old)), judgePair(s, old, fresh))
	return append(checks, c.insight(ctx, s, fresh)...)
}

// softened are the checks of the side that is left: what is wrong there is often why.
func softened(checks []Check) []Check {
	for i := range checks {
		if checks[i].Verdict == Failed {
			checks[i].Verdict = Warning
		}
	}
	return checks
}

// look asks every backend of a release that is in service what it is.
func (c *Conductor) look(ctx context.Context, s sides, r *routing.Release) []facts {
	var asked []routing.Backend
	for _, b := range r.Pool.Backends {
		if c.state(r.Pool.Name, b.Name) != cutover.OutOfOrder {
			asked = append(asked, b)
		}
	}
	found := make([]facts, len(asked))
	var group errgroup.Group
	group.SetLimit(preflightAtOnce)
	for i, b := range asked {
		group.Go(func() error {
			found[i] = gather(ctx, c.cfg.Ask, s, r, b.Name)
			return nil
		})
	}
	_ = group.Wait() // what failed stands in the facts
	return found
}

// summary is what a cutover's timeline says of its preflight.
func summary(checks []Check) cutover.Result {
	by := map[Verdict][]string{}
	for _, check := range checks {
		text := check.Text
		if check.Verdict == Unchecked {
			text = check.Name
		}
		if !slices.Contains(by[check.Verdict], text) {
			by[check.Verdict] = append(by[check.Verdict], text)
		}
	}
	if failed := by[Failed]; len(failed) > 0 {
		return cutover.Result{Text: "preflight: " + few(failed)}
	}
	text := fmt.Sprintf("preflight passed, %d checks", len(checks)-len(by[Unchecked]))
	if warned := by[Warning]; len(warned) > 0 {
		text += "; mind: " + few(warned)
	}
	if open := by[Unchecked]; len(open) > 0 {
		text += "; not checked: " + strings.Join(open, ", ")
	}
	return cutover.Result{OK: true, Text: text}
}

// few are the first of many sentences.
func few(texts []string) string {
	const most = 4
	if len(texts) > most {
		return strings.Join(texts[:most], "; ") + fmt.Sprintf("; and %d more", len(texts)-most)
	}
	return strings.Join(texts, "; ")
}
