package standin

import (
	"strings"
	"testing"
)

// TestSessionsOnTheWrongServerAreCounted: each row is what a client does on a second server
// after it signed in on the first, and what the second says of it.
func TestSessionsOnTheWrongServerAreCounted(t *testing.T) {
	lost := SessionCounts{Requests: 1, Unknown: 1, Foreign: 1}
	signedOut := SessionCounts{Requests: 1, Unknown: 1, Foreign: 1, SignOuts: 1}
	for name, row := range map[string]struct {
		version string
		do      func(b *browser, two *Server)
		want    SessionCounts
	}{
		"a page":        {"18.0", func(b *browser, _ *Server) { b.get("/odoo") }, signedOut},
		"a page of 17":  {"17.0", func(b *browser, _ *Server) { b.get("/web") }, signedOut},
		"a page of 19":  {"19.0", func(b *browser, _ *Server) { b.get("/odoo") }, signedOut},
		"a call":        {"18.0", func(b *browser, _ *Server) { b.call("/web/session/get_session_info", object{}) }, signedOut},
		"a public page": {"18.0", func(b *browser, _ *Server) { b.get("/web/login") }, lost},
		"an adopted session": {"18.0", func(b *browser, _ *Server) {
			b.get("/standin/visit")
			b.get("/standin/visit")
		}, SessionCounts{Requests: 2, Unknown: 1, Foreign: 2}},
		"a websocket": {"18.0", func(b *browser, two *Server) {
			connect(t, two.RealtimeAddr(), "/websocket?version=18.0-5", "Cookie: session_id="+b.sid()+"\r\n")
		}, SessionCounts{Requests: 1, Unknown: 1, Foreign: 1, AnonymousSockets: 1}},
		"what reads no session": {"18.0", func(b *browser, _ *Server) {
			b.get("/web/health")
			b.get("/standin/echo")
		}, SessionCounts{}},
		"no id":        {"18.0", func(b *browser, _ *Server) { b.setSID(""); b.get("/odoo") }, SessionCounts{}},
		"a bad id":     {"18.0", func(b *browser, _ *Server) { b.setSID("abc"); b.get("/odoo") }, SessionCounts{}},
		"an id of one": {"18.0", func(b *browser, _ *Server) { b.setSID(strings.Repeat("aB3_", 21)); b.get("/odoo") }, signedOut},
		"a login":      {"18.0", func(b *browser, _ *Server) { b.login("demo", "demo"); b.get("/odoo") }, SessionCounts{Requests: 3, Unknown: 2, Foreign: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			one := start(t, Config{Name: "one", Version: row.version, Workers: 1})
			two := start(t, Config{Name: "two", Version: row.version, Workers: 1})
			b := newBrowser(t, one.HTTPAddr())
			b.login("admin", "admin")
			b.visit(two.HTTPAddr())
			row.do(b, two)
			want(t, "counts of the second server", two.Counters().Sessions["odoo"], row.want)
			home := one.Counters().Sessions["odoo"]
			want(t, "lost on the first", home.Foreign+home.SignOuts, int64(0))
		})
	}
}

// TestLoginsThatEndAreSignOuts: the server itself ended the login, or a public page of
// another tenant deleted its file. A user who leaves is none.
func TestLoginsThatEndAreSignOuts(t *testing.T) {
	s := start(t, Config{Databases: []string{"a", "b"}, DBFilter: "^%d$"})
	b := newBrowser(t, s.HTTPAddr())
	signOuts := func() int64 { return s.Counters().Sessions["a"].SignOuts }
	b.login("admin", "admin")
	b.get("/web/session/logout")
	b.get("/odoo")
	want(t, "after a logout", signOuts(), int64(0))
	b.login("admin", "admin")
	stored := s.sessions.load(b.sid())
	stored.DeletionTime = 1
	if err := s.sessions.save(stored); err != nil {
		t.Fatal(err)
	}
	b.get("/odoo")
	want(t, "after its time", signOuts(), int64(1))
	b.login("admin", "admin")
	other := newBrowser(t, s.HTTPAddr())
	other.host = "b.example"
	other.setSID(b.sid())
	other.get("/web/login")
	want(t, "after the other tenant's page", signOuts(), int64(2))
}
