package conduct

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// What the facts of backends mean. All here is pure: facts in, checks out.

// judgeSide says whether a release can serve the tenant.
func judgeSide(s sides, r *routing.Release, found []facts) []Check {
	if len(found) == 0 {
		return []Check{{
			Name: "health", Side: r.Name, Verdict: Failed,
			Text: fmt.Sprintf("pool %s has no backend in service: set one ready (sluice backend ready %s/NAME)", r.Pool.Name, r.Pool.Name),
		}}
	}
	var checks []Check
	for _, f := range found {
		for _, judge := range []func(sides, *routing.Release, facts) Check{
			judgeHealth, judgeVersion, judgeLogin, judgeDatabase, judgeIsolation, judgeProxyMode, judgeRealtime, judgeAssets,
		} {
			check := judge(s, r, f)
			if check.Name == "" {
				continue
			}
			check.Side, check.Backend = r.Name, f.backend
			checks = append(checks, check)
			if check.Name == "health" && check.Verdict == Failed {
				break // the rest would say the same
			}
		}
	}
	return checks
}

func judgeHealth(_ sides, _ *routing.Release, f facts) Check {
	check := Check{Name: "health", Verdict: Passed, Text: f.backend + " is healthy"}
	text := strings.ReplaceAll(string(f.health.Body), " ", "")
	switch {
	case f.health.err != nil:
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s does not answer (%s): start it, or set it to maintenance", f.backend, brief(f.health.err.Error()))
	case strings.Contains(text, `"db_server_status":false`):
		check.Verdict, check.Text = Failed, f.backend+" does not reach its database server"
	case f.health.Status != http.StatusOK || strings.Contains(text, `"status":"fail"`):
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s is not healthy: its health page says %d", f.backend, f.health.Status)
	}
	return check
}

func judgeVersion(_ sides, r *routing.Release, f facts) Check {
	check := Check{Name: "version", Verdict: Passed, Text: fmt.Sprintf("%s runs Odoo %s", f.backend, f.version)}
	profile, _ := odoo.ProfileFor(f.version)
	switch {
	case f.versionError != nil:
		check.Verdict, check.Text = Unchecked, fmt.Sprintf("%s does not say its version: %s", f.backend, brief(f.versionError.Error()))
	case profile.Major != r.Pool.Profile.Major && !r.Pool.Auto:
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s runs Odoo %s, but pool %s is declared as %s: correct spec.odoo.version, or the server",
			f.backend, f.version, r.Pool.Name, r.Pool.Profile.Version)
	}
	return check
}

// judgeLogin wants the tenant's login page, or the page of whoever signs in for it, and not
// the page on which visitors choose a database.
func judgeLogin(s sides, r *routing.Release, f facts) Check {
	check := Check{Name: "login", Verdict: Passed, Text: f.backend + " shows the login page"}
	switch {
	case f.login.err != nil:
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s does not show /web/login: %s", f.backend, brief(f.login.err.Error()))
	case choosesDatabase(f.login):
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s asks visitors of %s to choose a database instead of opening %s: "+
			"the database is missing there, or dbfilter does not lead to it", f.backend, s.host, databaseName(r))
	case f.login.Status >= http.StatusBadRequest:
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s answers /web/login with %d: see Odoo's log there", f.backend, f.login.Status)
	}
	return check
}

// choosesDatabase says whether a page sends visitors to the database selector.
func choosesDatabase(a answer) bool {
	return strings.Contains(a.Header.Get("Location"), "/web/database/")
}

func databaseName(r *routing.Release) string {
	if r.Database == "" {
		return "the tenant's database"
	}
	return "database " + r.Database
}

// judgeDatabase compares what visitors may choose from with what is declared.
func judgeDatabase(_ sides, r *routing.Release, f facts) Check {
	check := Check{Name: "database", Verdict: Passed, Text: fmt.Sprintf("%s serves %s and no other", f.backend, databaseName(r))}
	switch {
	case !f.listed:
		check.Verdict, check.Text = Unchecked, f.backend+" keeps its list of databases closed, as it should: which one it serves is not proven"
	case r.Database != "" && !slices.Contains(f.databases, r.Database):
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s does not offer database %s to visitors (it offers %d): restore it there, or correct dbfilter", f.backend, r.Database, len(f.databases))
	case len(f.databases) != 1:
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s offers %d databases to visitors of this tenant: correct dbfilter", f.backend, len(f.databases))
	}
	return check
}

// judgeIsolation looks at what somebody else gets: a page that still opens a database ignores
// what the pool is declared to be separated by.
func judgeIsolation(_ sides, r *routing.Release, f facts) Check {
	check := Check{Name: "dbfilter", Verdict: Passed, Text: f.backend + " opens no database to strangers"}
	open := f.stranger.err == nil && f.stranger.Status == http.StatusOK
	switch {
	case r.Pool.Isolation == routing.IsolationSingle:
		return Check{} // it knows one database only, which judgeDatabase has counted
	case f.stranger.err != nil:
		check.Verdict, check.Text = Unchecked, fmt.Sprintf("%s gave a stranger no answer: %s", f.backend, brief(f.stranger.err.Error()))
	case open && r.Pool.Isolation == routing.IsolationHost:
		check.Verdict, check.Text = Warning, f.backend+" opens a database whatever the host: its dbfilter does not follow the host (%h or %d), declare isolation: single if it has only one"
	case open:
		check.Verdict, check.Text = Failed, f.backend+" ignores X-Odoo-dbfilter: load dbfilter_from_header and set proxy_mode = True there, or declare isolation: single if it has only one database"
	}
	return check
}

// judgeProxyMode looks for our host and scheme in a redirect. Odoo reads the forwarded
// headers in proxy mode only; newer ones redirect without naming a host, and show nothing.
func judgeProxyMode(s sides, r *routing.Release, f facts) Check {
	check := Check{Name: "proxyMode", Verdict: Passed, Text: f.backend + " runs in proxy mode"}
	to, err := url.Parse(f.redirect.Header.Get("Location"))
	switch {
	case r.Pool.Isolation == routing.IsolationHeader && judgeIsolation(s, r, f).Verdict == Passed:
		// The header works behind proxy mode only.
	case f.redirect.err != nil || err != nil || to.Host == "":
		check.Verdict, check.Text = Unchecked, f.backend+" shows nothing of its proxy mode: look for proxy_mode = True in its configuration"
	case to.Scheme != "https" || to.Hostname() != s.host:
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s redirects https://%s to %s://%s: set proxy_mode = True there", f.backend, s.host, to.Scheme, to.Host)
	}
	return check
}

func judgeRealtime(_ sides, r *routing.Release, f facts) Check {
	check := Check{Name: "realtime", Verdict: Passed, Text: f.backend + " opens WebSockets"}
	want := http.StatusSwitchingProtocols
	if !r.Pool.Profile.Websocket {
		check.Text, want = f.backend+" serves long polling", http.StatusOK
	}
	switch {
	case f.realtime.err != nil:
		check.Verdict, check.Text = Failed, fmt.Sprintf("the realtime port of %s does not answer (%s): start gevent there, or correct the backend's realtime address", f.backend, brief(f.realtime.err.Error()))
	case f.realtime.Status != want:
		check.Verdict, check.Text = Failed, fmt.Sprintf("the realtime port of %s answers %d to a handshake: is it Odoo's gevent port (8072), not its HTTP port?", f.backend, f.realtime.Status)
	}
	return check
}

// judgeAssets wants the page's own bundle to load.
func judgeAssets(_ sides, _ *routing.Release, f facts) Check {
	check := Check{Name: "assets", Verdict: Passed, Text: f.backend + " serves its asset bundles"}
	switch {
	case len(f.assets) == 0:
		check.Verdict, check.Text = Unchecked, f.backend+" names no asset bundle on its login page"
	case f.asset.err != nil:
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s does not serve %s: %s", f.backend, f.assets[0], brief(f.asset.err.Error()))
	case f.asset.Status != http.StatusOK:
		check.Verdict, check.Text = Failed, fmt.Sprintf("%s answers %d for its own %s: its bundles cannot be built, see Odoo's log there", f.backend, f.asset.Status, f.assets[0])
	}
	return check
}

// judgePair compares both sides.
func judgePair(s sides, old, fresh []facts) []Check {
	checks := []Check{sessionsMove(s)}
	if !s.oneDatabase() {
		return checks
	}
	was, now := versions(old), versions(fresh)
	if len(was) > 0 && len(now) > 0 {
		check := Check{Name: "oneVersion", Verdict: Passed, Text: "both sides run Odoo " + now[0]}
		if majors := slices.Compact(slices.Sorted(slices.Values(slices.Concat(was, now)))); len(majors) > 1 {
			check.Verdict = Failed
			check.Text = fmt.Sprintf("both sides serve one database, but run Odoo %s: a new major version needs a database of its own (releases: {%s: {database: ...}})",
				strings.Join(majors, " and "), s.to.Name)
		}
		checks = append(checks, check)
	}
	return append(checks, sameAssets(old, fresh))
}

func versions(found []facts) []string {
	var majors []string
	for _, f := range found {
		if f.versionError == nil && f.version != "" {
			p, _ := odoo.ProfileFor(f.version)
			majors = append(majors, p.Version)
		}
	}
	slices.Sort(majors)
	return slices.Compact(majors)
}

func sessionsMove(s sides) Check {
	check := Check{Name: "sessions", Verdict: Passed, Text: "users stay signed in when they move"}
	if s.from.Pool != s.to.Pool && (s.from.Pool.Sessions == routing.SessionsLocal || s.to.Pool.Sessions == routing.SessionsLocal) {
		check.Verdict = Warning
		check.Text = fmt.Sprintf("sessions live on the servers of %s or %s, so whoever is moved signs in again", s.from.Pool.Name, s.to.Pool.Name)
	}
	return check
}

// sameAssets compares bundles by name. With different ones on one database each side deletes
// the other's from the table of attachments, and builds its own anew, as long as both serve.
func sameAssets(old, fresh []facts) Check {
	a, b := assetsOf(old), assetsOf(fresh)
	check := Check{Name: "assetWar", Verdict: Passed, Text: "both sides have the same asset bundles"}
	if len(a) == 0 || len(b) == 0 {
		check.Verdict, check.Text = Unchecked, "one side names no asset bundles on its login page"
		return check
	}
	for name, hash := range b {
		if was, both := a[name]; both && was != hash {
			check.Verdict = Warning
			check.Text = fmt.Sprintf("the sides serve one database with different asset bundles (%s): each rebuilds its own and deletes the other's while both serve, so keep that time short", name)
			return check
		}
	}
	return check
}

// assetsOf are the folders of bundles by name: /web/assets/1a2b3c4/web.assets_web.min.js.
func assetsOf(found []facts) map[string]string {
	by := map[string]string{}
	for _, f := range found {
		for _, p := range f.assets {
			by[path.Base(p)] = path.Dir(p)
		}
	}
	return by
}
