package conduct

import (
	"slices"
	"strings"
	"testing"

	"sluicegate.dev/sluice/internal/standin"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// verdicts are the checks that did not pass, as "name verdict".
func verdicts(checks []Check) []string {
	var found []string
	for _, c := range checks {
		if c.Verdict != Passed {
			found = append(found, c.Name+" "+string(c.Verdict))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestPreflight(t *testing.T) {
	yes, both := true, []string{"acme", "other"}
	blue := side{cfg: standin.Config{Databases: []string{"acme"}}, database: "acme"}
	// What no visitor can see of any of them.
	unseen := []string{"base unchecked", "cron unchecked", "modules unchecked", "proxyMode unchecked"}
	for rule, c := range map[string]struct {
		green side
		spoil standin.Control
		want  []string // beside unseen
		says  string   // of the summary
	}{
		"two sides that are alike": {
			green: blue, says: "preflight passed",
		},
		"a database of its own may be a newer version": {
			green: side{cfg: standin.Config{Version: "19.0", Databases: []string{"acme_v19"}}, database: "acme_v19"}, says: "preflight passed",
		},
		"an older Odoo polls": {
			green: side{cfg: standin.Config{Version: "15.0", Databases: []string{"acme_v15"}}, database: "acme_v15"}, says: "preflight passed",
		},
		"one database cannot have two versions": {
			green: side{cfg: standin.Config{Version: "19.0", Databases: []string{"acme"}}, database: "acme"},
			want:  []string{"assetWar warning", "oneVersion failed"}, says: "18.0 and 19.0",
		},
		"another build rebuilds the bundles of both": {
			green: side{cfg: standin.Config{Release: "green", Databases: []string{"acme"}}, database: "acme"},
			want:  []string{"assetWar warning"}, says: "mind: the sides serve one database with different asset bundles",
		},
		"whose sessions live on the server must sign in again": {
			green: side{cfg: standin.Config{Databases: []string{"acme"}}, database: "acme", sessions: routing.SessionsLocal},
			want:  []string{"sessions warning"}, says: "signs in again",
		},
		"a header that the servers follow": {
			green: side{cfg: standin.Config{Databases: both, HeaderFilter: true, ProxyMode: true}, database: "acme", isolation: routing.IsolationHeader},
			says:  "preflight passed",
		},
		"a header that they ignore does not separate": {
			green: side{cfg: standin.Config{Databases: []string{"acme"}}, database: "acme", isolation: routing.IsolationHeader},
			want:  []string{"dbfilter failed"}, says: "ignores X-Odoo-dbfilter",
		},
		"a filter by host": {
			green: side{cfg: standin.Config{Databases: []string{"erp", "other"}, DBFilter: "^%d$"}, database: "erp", isolation: routing.IsolationHost},
			says:  "preflight passed",
		},
		"one that does not look at the host": {
			green: side{cfg: standin.Config{Databases: []string{"acme"}}, database: "acme", isolation: routing.IsolationHost},
			want:  []string{"dbfilter warning"}, says: "does not follow the host",
		},
		"visitors who must choose": {
			green: side{cfg: standin.Config{Databases: both}, database: "acme"},
			want:  []string{"assetWar unchecked", "assets unchecked", "database failed", "login failed", "realtime failed"}, says: "choose a database",
		},
		"a database that is not there": {
			green: side{cfg: standin.Config{Databases: []string{"wrong"}}, database: "acme"},
			want:  []string{"database failed"}, says: "does not offer database acme",
		},
		"a closed list proves nothing": {
			green: side{cfg: standin.Config{Databases: []string{"acme"}, NoDatabaseList: true}, database: "acme"},
			want:  []string{"database unchecked"}, says: "not checked: ",
		},
		"a pool that is declared as another version": {
			green: side{cfg: standin.Config{Databases: []string{"acme_new"}, Version: "19.0"}, database: "acme_new", version: "18.0"},
			want:  []string{"version failed"}, says: "declared as 18.0",
		},
		"a new side that is away": {
			green: blue, spoil: standin.Control{Refuse: &yes},
			want: []string{"assetWar unchecked", "health failed"}, says: "does not answer",
		},
		"a new side without its database server": {
			green: blue, spoil: standin.Control{DatabaseDown: &yes},
			want: []string{"assetWar unchecked", "health failed"}, says: "does not reach its database server",
		},
		"a realtime port that is not there": {
			green: blue, spoil: standin.Control{RestartGevent: 600},
			want: []string{"realtime failed"}, says: "the realtime port of acme-green/b1",
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			from, _ := releaseOf(t, "blue", blue)
			to, green := releaseOf(t, "green", c.green)
			apply(t, green, c.spoil)
			checks := only(Config{Ask: asker(t)}).Preflight(t.Context(), acme(from, to), "blue", "green")
			want := slices.Sorted(slices.Values(slices.Concat(c.want, unseen)))
			if got := verdicts(checks); !slices.Equal(got, want) {
				t.Errorf("got  %v\nwant %v\n%v", got, want, checks)
			}
			result := summary(checks)
			if ok := !strings.Contains(strings.Join(want, " "), "failed"); result.OK != ok || !strings.Contains(result.Text, c.says) {
				t.Errorf("it sums up %+v, which should be ok=%v and say %q", result, ok, c.says)
			}
		})
	}
}

// A header that the module follows shows proxy mode too, since it works behind that only; a
// redirect shows it where Odoo's redirects name a host.
func TestProxyModeIsProven(t *testing.T) {
	header := &routing.Release{Name: "green", Pool: &routing.Pool{Name: "acme-green", Isolation: routing.IsolationHeader}}
	single := &routing.Release{Name: "green", Pool: &routing.Pool{Name: "acme-green", Isolation: routing.IsolationSingle}}
	s := sides{host: "erp.acme.example"}
	redirect := func(to string) facts {
		f := facts{backend: "acme-green/b1"}
		f.redirect.Header = map[string][]string{"Location": {to}}
		f.stranger.Status = 303
		return f
	}
	for rule, c := range map[string]struct {
		release *routing.Release
		facts   facts
		want    Verdict
	}{
		"the header module works":          {header, redirect("/odoo"), Passed},
		"a redirect to our host":           {single, redirect("https://erp.acme.example/web/login"), Passed},
		"a redirect to the scheme of Odoo": {single, redirect("http://erp.acme.example/web/login"), Failed},
		"a redirect to the host of Odoo":   {single, redirect("https://10.0.0.7:8069/web/login"), Failed},
		"a redirect without a host":        {single, redirect("/web/login"), Unchecked},
	} {
		if got := judgeProxyMode(s, c.release, c.facts); got.Verdict != c.want {
			t.Errorf("%s: %+v, want %s", rule, got, c.want)
		}
	}
}

// What is wrong on the side that is left is often why it is left.
func TestPreflightForgivesTheOldSide(t *testing.T) {
	both := side{cfg: standin.Config{Databases: []string{"acme"}}, database: "acme"}
	from, blue := releaseOf(t, "blue", both)
	to, _ := releaseOf(t, "green", both)
	yes := true
	apply(t, blue, standin.Control{Refuse: &yes})
	result := summary(only(Config{Ask: asker(t)}).Preflight(t.Context(), acme(from, to), "blue", "green"))
	if !result.OK || !strings.Contains(result.Text, "acme-blue/b1 does not answer") {
		t.Errorf("got %+v", result)
	}
}

func TestMaintenanceIsLeftOut(t *testing.T) {
	both := side{cfg: standin.Config{Databases: []string{"acme"}}, database: "acme"}
	from, _ := releaseOf(t, "blue", both)
	to, green := releaseOf(t, "green", both)
	yes := true
	apply(t, green, standin.Control{Refuse: &yes})
	resting := "b1"
	c := only(Config{Ask: asker(t), State: func(pool, backend string) cutover.BackendState {
		if pool == "acme-green" && backend == resting {
			return cutover.OutOfOrder
		}
		return cutover.Ready
	}})
	if r := summary(c.Preflight(t.Context(), acme(from, to), "blue", "green")); r.OK || !strings.Contains(r.Text, "no backend in service") {
		t.Errorf("a side without servers: %+v", r)
	}
	if r := c.runVerify(t.Context(), acme(from, to), cutover.Cutover{From: "blue", Plan: cutover.Plan{To: "green"}}); r.OK {
		t.Errorf("a side without servers is verified: %+v", r)
	}
	spare := odooRunning(t, both.cfg)
	to.Pool.Backends = append(to.Pool.Backends, routing.Backend{Name: "b2", HTTP: "http://" + spare.HTTPAddr(), Realtime: "http://" + spare.RealtimeAddr()})
	if r := summary(c.Preflight(t.Context(), acme(from, to), "blue", "green")); !r.OK {
		t.Errorf("one that rests is held against the others: %+v", r)
	}
}

func TestVerify(t *testing.T) {
	yes := true
	for rule, c := range map[string]struct {
		green standin.Config
		spoil standin.Control
		paths []string
		ok    bool
		says  string
	}{
		"health and the login page, unless others are declared": {standin.Config{}, standin.Control{}, nil, true, "all 1 backends of pool acme-green serve"},
		"pages of the operator's own":                           {standin.Config{}, standin.Control{}, []string{"/shop", "/web/health"}, true, ""},
		"a page that is missing":                                {standin.Config{}, standin.Control{}, []string{"/nothing/here"}, false, "acme-green/b1 answers /nothing/here with 404"},
		"a server that is away":                                 {standin.Config{}, standin.Control{Refuse: &yes}, nil, false, "does not answer"},
		"a server that lets visitors choose":                    {standin.Config{Databases: []string{"a", "b"}}, standin.Control{}, nil, false, "choose a database"},
		"a page that fails":                                     {standin.Config{}, standin.Control{Rules: &[]*standin.Rule{{Path: "/web/login", Status: 500}}}, nil, false, "answers /web/login with 500"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			from, _ := releaseOf(t, "blue", side{})
			to, green := releaseOf(t, "green", side{cfg: c.green})
			apply(t, green, c.spoil)
			cut := cutover.Cutover{From: "blue", Plan: cutover.Plan{To: "green", Verify: cutover.Verify{Paths: c.paths}}}
			r := only(Config{Ask: asker(t)}).runVerify(t.Context(), acme(from, to), cut)
			if r.OK != c.ok || !strings.Contains(r.Text, c.says) {
				t.Errorf("got %+v", r)
			}
		})
	}
}
