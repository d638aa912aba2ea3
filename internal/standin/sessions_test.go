package standin

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSessionIDs(t *testing.T) {
	unknown18 := strings.Repeat("aB3_", 21)
	unknown17 := strings.Repeat("0a", 20)
	tests := map[string]struct {
		version, sent string
		set           string // expression the new cookie must fit; empty: none is set
	}{
		"17 makes 40 hex digits":          {"17.0", "", "^[0-9a-f]{40}$"},
		"18 makes 84 characters":          {"18.0", "", "^[A-Za-z0-9_-]{84}$"},
		"17 adopts an unknown one":        {"17.0", unknown17, ""},
		"18 adopts an unknown one":        {"18.0", unknown18, ""},
		"17 adopts a malformed one":       {"17.0", "../../etc/passwd", ""},
		"18 replaces a malformed one":     {"18.0", "abc", "^[A-Za-z0-9_-]{84}$"},
		"19 replaces one of 17":           {"19.0", unknown17, "^[A-Za-z0-9_-]{84}$"},
		"18 reads quotes":                 {"18.0", `"` + unknown18 + `"`, ""},
		"18 takes the first of duplicate": {"18.0", unknown18 + "; session_id=zzz", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Version: test.version})
			request := "GET /web/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
			if test.sent != "" {
				request += "Cookie: Session_Id=no; session_id=" + test.sent + "\r\n"
			}
			got := raw(t, s.HTTPAddr(), request+"\r\n").sid()
			if (test.set == "") != (got == "") || !regexp.MustCompile(test.set).MatchString(got) {
				t.Errorf("cookie set: %q, want %q", got, test.set)
			}
		})
	}
}

func TestSessionCookieHasOdoosAttributes(t *testing.T) {
	s := start(t, Config{})
	a := newBrowser(t, s.HTTPAddr()).get("/standin/visit")
	fits := regexp.MustCompile(`^session_id=[\w-]{84}; Expires=\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT; Max-Age=604800; HttpOnly; Path=/$`)
	if set := a.Header.Get("Set-Cookie"); !fits.MatchString(set) {
		t.Errorf("Set-Cookie: %q", set)
	}
	sid := a.sid()
	if _, err := os.Stat(filepath.Join(s.scratch, "sessions", sid[:2], sid)); err != nil {
		t.Errorf("no session file: %v", err)
	}
}

func TestVersion17TakesSessionsFromQueryAndHeader(t *testing.T) {
	for version, wins := range map[string]bool{"17.0": true, "18.0": false} {
		s := start(t, Config{Version: version})
		owner := newBrowser(t, s.HTTPAddr())
		owner.login("admin", "admin")
		stranger := newBrowser(t, s.HTTPAddr())
		stranger.get("/standin/visit")
		for carrier, a := range map[string]answer{
			"query":  stranger.get("/standin/visit?session_id=" + owner.sid()),
			"header": stranger.get("/standin/visit", "X-Openerp-Session-Id", owner.sid()),
		} {
			want(t, version+" uid by "+carrier, a.json(t)["uid"] == any(2.0), wins)
			want(t, version+" cookie by "+carrier, a.sid() == "", wins)
		}
	}
}

func TestLoginRotatesTheSessionHard(t *testing.T) {
	for _, version := range []string{"14.0", "17.0", "18.0", "19.0"} {
		t.Run(version, func(t *testing.T) {
			s := start(t, Config{Version: version, Workers: 2})
			b := newBrowser(t, s.HTTPAddr())
			b.get("/standin/visit")
			before := b.sid()
			a := b.login("admin", "admin")
			want(t, "status", a.StatusCode, 303)
			if after := b.sid(); after == before || after[:20] == before[:20] {
				t.Errorf("session id %q after %q", after, before)
			}
			want(t, "old file", s.sessions.read(before, &session{}), false)
			home := a.Header.Get("Location")
			want(t, "home", home, map[bool]string{true: "/odoo", false: "/web"}[s.major >= 18])
			page := b.get(home)
			contains(t, "page", page.text, "user admin")
			want(t, "cookie sent again", page.sid(), b.sid())
			loggedIn := b.sid()
			out := b.get("/web/session/logout")
			if b.sid() == loggedIn || !strings.Contains(strings.Join(out.Header["Set-Cookie"], "\n"), "cids=; Max-Age=0") {
				t.Errorf("logout: session %q, cookies %q", b.sid(), out.Header["Set-Cookie"])
			}
			want(t, "page after logout", b.get(home).StatusCode, 303)
		})
	}
}

func TestLostPin(t *testing.T) {
	one, two := start(t, Config{Name: "one"}), start(t, Config{Name: "two"})
	b := newBrowser(t, one.HTTPAddr())
	b.login("admin", "admin")
	sid := b.sid()
	b.visit(two.HTTPAddr())
	page := b.get("/odoo")
	want(t, "page", page.StatusCode, 303)
	want(t, "sent to", page.Header.Get("Location"), "/web/login?redirect=%2Fodoo%3F")
	want(t, "cookies of the page", len(page.Header["Set-Cookie"]), 0)
	call := b.call("/web/dataset/call_kw/res.partner/read", object{"model": "res.partner", "method": "read"})
	want(t, "status of a call", call.StatusCode, 200)
	contains(t, "call", call.text, `"code":100,"data":`)
	contains(t, "call", call.text, "odoo.http.SessionExpiredException")
	want(t, "cookie of the call", call.sid(), "")
	want(t, "login page keeps the id", b.get("/web/login").sid(), "")
	b.visit(one.HTTPAddr())
	contains(t, "back on the first", b.get("/odoo").text, "user admin")
	want(t, "session id", b.sid(), sid)
}

func TestSharedSessionsNeedNoPin(t *testing.T) {
	dir := t.TempDir()
	one, two := start(t, Config{SessionDir: dir}), start(t, Config{SessionDir: dir})
	b := newBrowser(t, one.HTTPAddr())
	b.login("admin", "admin")
	b.visit(two.HTTPAddr())
	contains(t, "page of the second", b.get("/odoo").text, "user admin")
}

func TestSoftRotationOfVersion19(t *testing.T) {
	s := start(t, Config{Version: "19.0", SessionRotation: time.Millisecond, SessionGrace: 300 * time.Millisecond})
	b := newBrowser(t, s.HTTPAddr())
	b.login("admin", "admin")
	old := b.sid()
	<-time.After(2 * time.Millisecond)
	var news sync.Map
	var group sync.WaitGroup
	first := b.get("/standin/visit").sid()
	for range 8 {
		group.Go(func() {
			request, _ := http.NewRequest("GET", "http://"+s.HTTPAddr()+"/standin/visit", nil)
			request.Header.Set("Cookie", "session_id="+old)
			if response, err := http.DefaultTransport.RoundTrip(request); err == nil {
				news.Store(answer{Response: response}.sid(), response.StatusCode)
				response.Body.Close()
			}
		})
	}
	group.Wait()
	if first == old || first[:42] != old[:42] {
		t.Errorf("new id %q after %q: want the same 42 characters and no more", first, old)
	}
	news.Range(func(sid, status any) bool {
		want(t, "id for a parallel request", sid, any(first))
		want(t, "its status", status, any(200))
		return true
	})
	eventually(t, "the old id stops working", func() bool {
		b.setSID(old)
		return b.get("/odoo").StatusCode == 303
	})
	b.setSID(old)
	contains(t, "call", b.call("/web/session/get_session_info", object{}).text, `"code":100`)
}

func TestExpiredSessionOfAKnownUser(t *testing.T) {
	s := start(t, Config{Version: "19.0"})
	b := newBrowser(t, s.HTTPAddr())
	b.login("admin", "admin")
	stored := s.sessions.load(b.sid())
	stored.DeletionTime = 1
	if err := s.sessions.save(stored); err != nil {
		t.Fatal(err)
	}
	call := b.call("/web/session/get_session_info", object{})
	contains(t, "call", call.text, `"code":100`)
	want(t, "cookie of the call", call.sid(), "")
	page := b.get("/my")
	want(t, "page", page.StatusCode, 303)
	if page.sid() == "" || page.sid() == stored.sid {
		t.Errorf("cookie of the page: %q, want a fresh one", page.sid())
	}
}

func TestCookieOfAnotherTenant(t *testing.T) {
	s := start(t, Config{Databases: []string{"a", "b"}, DBFilter: "^%d$"})
	mine := newBrowser(t, s.HTTPAddr())
	mine.login("admin", "admin")
	sid := mine.sid()
	other := newBrowser(t, s.HTTPAddr())
	other.host = "b.example"
	other.setSID(sid)
	contains(t, "JSON route", other.call("/web/session/get_session_info", object{}).text, `"code":100`)
	want(t, "page", other.get("/odoo").StatusCode, 303)
	contains(t, "own page, still", mine.get("/odoo").text, "user admin")
	set := other.get("/web/login").sid()
	if set == "" || set == sid {
		t.Errorf("public page sets %q, want a new id", set)
	}
	want(t, "own page, after a public page", mine.get("/odoo").StatusCode, 303)
}

func TestLoginForm(t *testing.T) {
	s := start(t, Config{CooldownFailures: 3, Cooldown: time.Hour})
	other := start(t, Config{})
	b := newBrowser(t, s.HTTPAddr())
	token := csrf(t, b.get("/web/login"))
	form := url.Values{"csrf_token": {token}, "login": {"admin"}, "password": {"admin"}}
	want(t, "without a token", b.form("/web/login", url.Values{"login": {"admin"}}).StatusCode, 400)
	b.visit(other.HTTPAddr())
	want(t, "on another server of the database", b.form("/web/login", form).StatusCode, 303)
	wrong := newBrowser(t, s.HTTPAddr())
	for range 3 {
		a := wrong.login("admin", "wrong")
		want(t, "wrong password", a.StatusCode, 200)
		contains(t, "page", a.text, "Wrong login/password")
	}
	contains(t, "after three failures", wrong.login("admin", "admin").text, "Too many login failures")
}

func TestLoginGoesWhereItIsSent(t *testing.T) {
	b := newBrowser(t, start(t, Config{}).HTTPAddr())
	token := csrf(t, b.get("/web/login?redirect=/my"))
	a := b.form("/web/login", url.Values{
		"csrf_token": {token}, "login": {"portal"}, "password": {"portal"}, "redirect": {"/my/orders"},
	})
	want(t, "redirect", a.Header.Get("Location"), "/my/orders")
	contains(t, "portal page", b.get("/my/orders").text, "user portal")
	want(t, "web client", b.get("/odoo").StatusCode, 303)
}

func TestBadClientAddressCrashesTheLogin(t *testing.T) {
	s := start(t, Config{ProxyMode: true})
	for address, status := range map[string]int{"1.2.3.4": 303, "2001:db8::1": 303, "1.2.3.4:80": 500, "[::1]": 500, "unknown": 500} {
		b := newBrowser(t, s.HTTPAddr())
		a := b.login("admin", "admin", "X-Forwarded-Host", "a.example", "X-Forwarded-For", address)
		want(t, address, a.StatusCode, status)
	}
}

func TestAdminLoginWritesTheBaseURL(t *testing.T) {
	s := start(t, Config{ProxyMode: true})
	b := newBrowser(t, s.HTTPAddr())
	b.login("demo", "demo", "X-Forwarded-Host", "demo.example")
	b.get("/web/session/logout")
	want(t, "after a user's login", s.State().Params["odoo"]["web.base.url"], "")
	b.login("admin", "admin", "X-Forwarded-Host", "good.example", "X-Forwarded-Proto", "https")
	want(t, "after the administrator's", s.State().Params["odoo"]["web.base.url"], "https://good.example")
}

func TestJSONLoginAsksTheFilter(t *testing.T) {
	for _, version := range []string{"17.0", "19.0"} {
		s := start(t, Config{Version: version, Databases: []string{"a", "b"}, DBFilter: "^%d$"})
		b := newBrowser(t, s.HTTPAddr())
		login := object{"db": "b", "login": "admin", "password": "admin"}
		contains(t, "foreign database", b.call("/web/session/authenticate", login).text, "Database not found.")
		login["db"] = "a"
		a := b.call("/web/session/authenticate", login)
		want(t, "uid", a.json(t)["result"].(object)["uid"], any(2.0))
		want(t, version+" cookies", len(a.Header["Set-Cookie"]), map[string]int{"17.0": 1, "19.0": 2}[version])
		contains(t, "session", b.call("/web/session/get_session_info", object{}).text, `"username":"admin"`)
		login["password"] = "wrong"
		contains(t, "wrong password", b.call("/web/session/authenticate", login).text, "Access Denied")
	}
}
