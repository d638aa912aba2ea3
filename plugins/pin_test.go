package plugins

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

const (
	someSession  = "7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKmUABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
	softRotated  = "7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKmhuqvUbgv4L5wHN5wC29SPKjM4s4FqPTN18pHkBnv0k"
	otherSession = "0123456789abcdef0123456789abcdef01234567"
)

var pinKeys = routing.PinKeys{[]byte("key-key-key-key-key-key-key-key-")}

// records are those of a store, by session.
type records map[string]routing.Pin

func (m records) Find(_ context.Context, tenant, session string, _ bool) (routing.Pin, bool) {
	pin, ok := m[tenant+" "+session]
	return pin, ok
}

func (m records) Keep(_ context.Context, tenant, session string, pin routing.Pin) routing.Pin {
	if old, ok := m[tenant+" "+session]; ok && old.Epoch >= pin.Epoch {
		return old
	}
	m[tenant+" "+session] = pin
	return pin
}

func (m records) Leave(tenant, session string) { delete(m, tenant+" "+session) }

func blue(backend string, epoch uint64) routing.Pin {
	return routing.Pin{Release: "blue", Pool: "p", Backend: backend, Epoch: epoch}
}

func green(backend string, epoch uint64) routing.Pin {
	return routing.Pin{Release: "green", Pool: "g", Backend: backend, Epoch: epoch}
}

func cookieOf(tenant string, pin routing.Pin) string {
	return "sluice_pin=" + pinKeys.Seal(routing.CookieOf(tenant), pin)
}

// twoSides is a tenant with two releases, of which blue is active.
func twoSides(change func(tenant *routing.Tenant)) func(*Deps) {
	return func(d *Deps) {
		d.Pins = pinKeys
		tenant, _ := d.Table().Resolve("acme.test")
		profile, _ := odoo.ProfileFor("19.0")
		pool := &routing.Pool{Name: "g", Profile: profile, Sessions: routing.SessionsLocal}
		tenant.Releases["green"] = &routing.Release{Name: "green", Pool: pool, Database: "acme_v19"}
		if change != nil {
			change(tenant)
		}
	}
}

func TestASessionGoesWhereItLives(t *testing.T) {
	const session = "session_id=" + someSession
	key := someSession[:42]
	pass := func(p routing.Tester) string { return pinKeys.SealTester("acme", p) }
	later := time.Now().Add(time.Hour)
	for rule, c := range map[string]struct {
		cookie, tester            string
		records                   records
		release, pin, tellsTester string
	}{
		"without any pin the active release, and the hash": {cookie: session, release: "blue"},
		"by its cookie": {cookie: session + "; " + cookieOf("acme", blue("b2", 0)), release: "blue", pin: "b2"},
		"to the other release too: that one is strict": {cookie: session + "; " + cookieOf("acme", green("g1", 0)), release: "green", pin: "g1"},
		"by its record":                                       {cookie: session, records: records{"acme " + key: green("g2", 0)}, release: "green", pin: "g2"},
		"a newer record beats the cookie":                     {cookie: session + "; " + cookieOf("acme", blue("b2", 1)), records: records{"acme " + key: green("g2", 2)}, release: "green", pin: "g2"},
		"a newer cookie beats a record from a restored store": {cookie: session + "; " + cookieOf("acme", blue("b2", 3)), records: records{"acme " + key: green("g2", 2)}, release: "blue", pin: "b2"},
		"a cookie of another tenant does not count":           {cookie: session + "; " + cookieOf("beta", green("g1", 9)), release: "blue"},
		"nor one that a client made up":                       {cookie: session + "; sluice_pin=2.1.cABiMg.AAAA", release: "blue"},
		"of two pins the first counts":                        {cookie: session + "; " + cookieOf("acme", blue("b1", 0)) + "; " + cookieOf("acme", blue("b2", 0)), release: "blue", pin: "b1"},
		"of two sessions the first counts, as Odoo has it":    {cookie: session + "; session_id=" + otherSession, records: records{"acme " + key: blue("b1", 0), "acme " + otherSession: blue("b2", 0)}, release: "blue", pin: "b1"},
		"a session of forty digits counts as a whole":         {cookie: "session_id=" + otherSession, records: records{"acme " + otherSession: blue("b2", 0)}, release: "blue", pin: "b2"},
		"soft rotation changes nothing":                       {cookie: "session_id=" + softRotated, records: records{"acme " + key: blue("b2", 0)}, release: "blue", pin: "b2"},
		"a pin without a session is left over":                {cookie: cookieOf("acme", green("g1", 0)), release: "blue"},
		"a release that is gone does not hold":                {cookie: session + "; " + cookieOf("acme", routing.Pin{Release: "old", Pool: "p", Backend: "b2"}), release: "blue"},
		"nor a server of a pool that the release had":         {cookie: session + "; " + cookieOf("acme", routing.Pin{Release: "blue", Pool: "old", Backend: "b2"}), release: "blue"},
		"a tester's pass beats everything":                    {cookie: session + "; " + cookieOf("acme", blue("b2", 9)), tester: pass(routing.Tester{Release: "green", Backend: "g2", Until: later}), release: "green", pin: "g2", tellsTester: "on green"},
		"his session stays where he signed in with it":        {cookie: session, records: records{"acme " + key: green("g2", 0)}, tester: pass(routing.Tester{Release: "green", Until: later}), release: "green", pin: "g2", tellsTester: "on green"},
		"it may come in a cookie":                             {cookie: "sluice_tester=" + pass(routing.Tester{Release: "green", Until: later}), release: "green", tellsTester: "on green"},
		"an old pass says so":                                 {tester: pass(routing.Tester{Release: "green", Until: time.Now().Add(-time.Second)}), release: "blue", tellsTester: "expired"},
		"so does one of another tenant":                       {tester: pinKeys.SealTester("beta", routing.Tester{Release: "green", Until: later}), release: "blue", tellsTester: "not a pass for this tenant"},
		"and one for a release that is gone":                  {tester: pass(routing.Tester{Release: "old", Until: later}), release: "blue", tellsTester: "no such release"},
	} {
		t.Run(rule, func(t *testing.T) {
			p, reached := newPath(t, func(d *Deps) {
				twoSides(nil)(d)
				if c.records != nil {
					d.Records = c.records
				}
			})
			r := request("GET", "acme.test", "/web", "", "Cookie", c.cookie)
			if c.tester != "" {
				r.Header.Set("X-Sluice-Tester", c.tester)
			}
			w := do(p, r)
			got := reached()
			if got == nil {
				t.Fatal(w.Code, w.Body)
			}
			if got.x.Release.Name != c.release || got.x.Pool != got.x.Release.Pool || got.x.Pin != c.pin {
				t.Errorf("got release %s, pool %s, server %q", got.x.Release.Name, got.x.Pool.Name, got.x.Pin)
			}
			if strings.Contains(got.header.Get("Cookie"), "sluice_") || got.header.Get("X-Sluice-Tester") != "" {
				t.Errorf("Odoo would see %v", got.header)
			}
			if told := w.Header().Get("X-Sluice-Tester"); told != c.tellsTester {
				t.Errorf("the tester is told %q, want %q", told, c.tellsTester)
			}
		})
	}
}

// The release of a session decides which database is the right one, and what a path means.
func TestTheReleaseOfASessionRulesTheRequest(t *testing.T) {
	for rule, c := range map[string]struct {
		pin      routing.Pin
		database string
		status   int
	}{
		"its own database": {green("g1", 0), "acme_v19", 204},
		"not the other's":  {green("g1", 0), "acme", 403},
		"and on blue":      {blue("b1", 0), "acme", 204},
		"the other way":    {blue("b1", 0), "acme_v19", 403},
	} {
		t.Run(rule, func(t *testing.T) {
			p, _ := newPath(t, twoSides(nil))
			body := `{"jsonrpc":"2.0","method":"call","params":{"db":"` + c.database + `","login":"a","password":"b"}}`
			w := do(p, request("POST", "acme.test", "/web/session/authenticate", body,
				"Content-Type", "application/json", "Cookie", "session_id="+someSession+"; "+cookieOf("acme", c.pin)))
			if w.Code != c.status {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.status)
			}
		})
	}
	// Long polling is a class of its own before version 16 only.
	p, reached := newPath(t, twoSides(func(tenant *routing.Tenant) {
		tenant.Releases["green"].Pool.Profile, _ = odoo.ProfileFor("15.0")
	}))
	do(p, request("POST", "acme.test", "/longpolling/poll", "{}", "Cookie", "session_id="+someSession+"; "+cookieOf("acme", green("g1", 0))))
	if got := reached(); got == nil || got.x.Class != odoo.Realtime {
		t.Error("the path was read as the active release reads it")
	}
}

func TestPinsFollowWhatAnswersTeach(t *testing.T) {
	key := someSession[:42]
	own := "session_id=" + someSession
	for rule, c := range map[string]struct {
		cookie  string
		records records
		shared  bool
		body    string // of a sign-in
		change  func(x *exchange)
		taught  routing.Taught
		cookies string // pin in the cookie that goes out, "" for none
		epoch   uint64
		kept    map[string]string // server in the records afterwards
	}{
		"a visitor's first page is pinned by cookie alone":                                   {taught: routing.Taught{Backend: "b1", Set: true, Session: otherSession}, cookies: "b1"},
		"an answer without a session teaches nothing":                                        {taught: routing.Taught{Backend: "b1"}},
		"a login moves the pin to the new id, and is recorded":                               {cookie: own, taught: routing.Taught{Backend: "b1", Set: true, Session: otherSession}, cookies: "b1", kept: map[string]string{otherSession: "b1"}},
		"the record of the old id ends":                                                      {cookie: own, records: records{"acme " + key: blue("b1", 2)}, taught: routing.Taught{Backend: "b1", Set: true, Session: otherSession}, cookies: "b1", epoch: 2, kept: map[string]string{otherSession: "b1"}},
		"soft rotation keeps pin and record":                                                 {cookie: own, records: records{"acme " + key: blue("b1", 2)}, taught: routing.Taught{Backend: "b1", Set: true, Session: softRotated}, cookies: "b1", epoch: 2, kept: map[string]string{key: "b1"}},
		"a sign-in without a session is recorded":                                            {body: `{"params":{"db":"acme","login":"a","password":"b"}}`, change: func(x *exchange) { x.Outcome = odoo.OK }, taught: routing.Taught{Backend: "b2", Set: true, Session: otherSession}, cookies: "b2", kept: map[string]string{otherSession: "b2"}},
		"one that fails is not":                                                              {body: `{"params":{"db":"acme","login":"a","password":"b"}}`, change: func(x *exchange) { x.Outcome = odoo.Denied }, taught: routing.Taught{Backend: "b2", Set: true, Session: otherSession}, cookies: "b2"},
		"a session without a pin gets a cookie, no record":                                   {cookie: own, taught: routing.Taught{Backend: "b2"}, cookies: "b2"},
		"not on an answer that caches keep for others":                                       {cookie: own, taught: routing.Taught{Backend: "b2", Public: true}},
		"a pinned session is left alone":                                                     {cookie: own + "; " + cookieOf("acme", blue("b1", 0)), taught: routing.Taught{Backend: "b1"}},
		"a cookie that is behind its record is set right":                                    {cookie: own + "; " + cookieOf("acme", blue("b1", 0)), records: records{"acme " + key: blue("b2", 1)}, taught: routing.Taught{Backend: "b2"}, cookies: "b2", epoch: 1, kept: map[string]string{key: "b2"}},
		"a visit elsewhere while its server is away moves nothing":                           {cookie: own + "; " + cookieOf("acme", blue("b1", 0)), change: func(x *exchange) { x.Moved = routing.MovedDown }, taught: routing.Taught{Backend: "b2"}},
		"a login there does":                                                                 {cookie: own + "; " + cookieOf("acme", blue("b1", 0)), change: func(x *exchange) { x.Moved = routing.MovedDown }, taught: routing.Taught{Backend: "b2", Set: true, Session: otherSession}, cookies: "b2", kept: map[string]string{otherSession: "b2"}},
		"nor does one that is not configured: another replica may have read of it before us": {cookie: own + "; " + cookieOf("acme", blue("b1", 4)), change: func(x *exchange) { x.Moved = routing.MovedGone }, taught: routing.Taught{Backend: "b2"}},
		"a shared session leaves a server that is gone":                                      {cookie: own + "; " + cookieOf("acme", blue("b1", 4)), shared: true, change: func(x *exchange) { x.Moved = routing.MovedGone }, taught: routing.Taught{Backend: "b2"}, cookies: "b2", epoch: 5, kept: map[string]string{key: "b2"}},
		"a login elsewhere leaves the record of the session that lives on":                   {cookie: own, records: records{"acme " + key: blue("b1", 2)}, change: func(x *exchange) { x.Moved = routing.MovedDown }, taught: routing.Taught{Backend: "b2", Set: true, Session: otherSession}, cookies: "b2", epoch: 2, kept: map[string]string{key: "b1", otherSession: "b2"}},
		"an id that this Odoo cannot have made leaves no record":                             {cookie: "session_id=" + otherSession, taught: routing.Taught{Backend: "b1", Set: true, Session: someSession}, cookies: "b1"},
		"a shared session goes on where it went":                                             {cookie: own + "; " + cookieOf("acme", blue("b1", 0)), shared: true, change: func(x *exchange) { x.Moved = routing.MovedDown }, taught: routing.Taught{Backend: "b2"}, cookies: "b2", epoch: 1, kept: map[string]string{key: "b2"}},
		"a release that is gone is left, and that is newer":                                  {cookie: own + "; " + cookieOf("acme", routing.Pin{Release: "old", Pool: "p", Backend: "b1", Epoch: 8}), taught: routing.Taught{Backend: "b2"}, cookies: "b2", epoch: 9, kept: map[string]string{key: "b2"}},
		"two replicas that see one login agree on the one that wrote":                        {cookie: own, records: records{"acme " + otherSession: blue("b3", 0)}, taught: routing.Taught{Backend: "b1", Set: true, Session: otherSession}, cookies: "b3", kept: map[string]string{otherSession: "b3"}},
		"an answer that deletes the cookie pins nothing":                                     {cookie: own + "; " + cookieOf("acme", blue("b1", 0)), taught: routing.Taught{Backend: "b1", Set: true}},
	} {
		t.Run(rule, func(t *testing.T) {
			kept := records{}
			for k, v := range c.records {
				kept[k] = v
			}
			p, reached := newPath(t, func(d *Deps) {
				d.Pins, d.Records = pinKeys, kept
				if c.shared {
					tenant, _ := d.Table().Resolve("acme.test")
					tenant.Active.Pool.Sessions = routing.SessionsShared
				}
			})
			method, path := "GET", "/web"
			if c.body != "" {
				method, path = "POST", "/web/session/authenticate"
			}
			do(p, request(method, "acme.test", path, c.body, "Cookie", c.cookie, "Content-Type", "application/json"))
			got := reached()
			if got.x.Learn == nil {
				t.Fatal("nothing is learnt")
			}
			if c.change != nil {
				c.change(got.live)
			}
			pin := pinIn(t, got.x.Learn(c.taught))
			if pin.Backend != c.cookies || pin.Epoch != c.epoch {
				t.Errorf("the cookie says %+v, want %q of epoch %d", pin, c.cookies, c.epoch)
			}
			for session, backend := range c.kept {
				if kept["acme "+session].Backend != backend {
					t.Errorf("records %v, want %v", kept, c.kept)
				}
			}
			if len(kept) != len(c.kept) {
				t.Errorf("records %v, want %v", kept, c.kept)
			}
		})
	}
}

// pinIn is the pin in the cookie lines, empty without one.
func pinIn(t *testing.T, lines []string) routing.Pin {
	t.Helper()
	if len(lines) == 0 {
		return routing.Pin{}
	}
	cookie, err := http.ParseSetCookie(lines[0])
	if err != nil || len(lines) > 1 || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge != 604800 {
		t.Fatalf("cookies %q: %v", lines, err)
	}
	pin, ok := pinKeys.Open(routing.CookieOf("acme"), cookie.Value)
	if !ok {
		t.Fatalf("the cookie %q does not open", cookie.Value)
	}
	return pin
}

func TestPinCookieIsBoundToTheHostBehindTLS(t *testing.T) {
	for scheme, want := range map[string]string{"http": "sluice_pin=2.", "https": "__Host-sluice_pin=2."} {
		p, reached := newPath(t, func(d *Deps) { d.Pins = pinKeys })
		r := request("GET", "acme.test", "/web", "", "X-Forwarded-Proto", scheme)
		r.RemoteAddr = "10.0.0.1:1"
		do(p, r)
		lines := reached().x.Learn(routing.Taught{Backend: "b1", Set: true, Session: otherSession})
		if len(lines) != 1 || !strings.HasPrefix(lines[0], want) || strings.Contains(lines[0], "Secure") != (scheme == "https") {
			t.Errorf("%s: got %q", scheme, lines)
		}
	}
}

func TestAClassWithAPoolOfItsOwnHoldsNoSessions(t *testing.T) {
	p, reached := newPath(t, func(d *Deps) {
		d.Pins = pinKeys
		tenant, _ := d.Table().Resolve("acme.test")
		tenant.ClassPools = map[odoo.Class]*routing.Pool{odoo.Report: {Name: "reports", Profile: tenant.Active.Pool.Profile}}
	})
	do(p, request("GET", "acme.test", "/report/pdf/x/1", "", "Cookie", "session_id="+someSession+"; "+cookieOf("acme", blue("b1", 0))))
	if x := reached().x; x.Pool.Name != "reports" || x.Learn != nil || x.Pin != "" {
		t.Errorf("got pool %s, pin %q", x.Pool.Name, x.Pin)
	}
}

func TestOnlyOurCookiesAreTaken(t *testing.T) {
	p, reached := newPath(t, func(d *Deps) { d.Pins = pinKeys })
	do(p, request("GET", "acme.test", "/web", "", "Cookie", "tz=UTC; sluice_pin=x; my_sluice_pin=y; session_id="+someSession))
	if got := reached().header.Get("Cookie"); got != "tz=UTC; my_sluice_pin=y; session_id="+someSession {
		t.Errorf("Odoo sees %q", got)
	}
}
