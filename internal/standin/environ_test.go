package standin

import (
	"fmt"
	"testing"
)

func TestHeadersAsWSGISeesThem(t *testing.T) {
	s := start(t, Config{Workers: 1})
	tests := map[string]struct {
		headers, key, http, realtime string
	}{
		"an underscore counts as a dash, on the worker port": {"X_Forwarded_Host: evil\r\n", "HTTP_X_FORWARDED_HOST", "evil", ""},
		"both spellings join in order":                       {"X-Forwarded-Host: good\r\nX_Forwarded_Host: evil\r\n", "HTTP_X_FORWARDED_HOST", "good,evil", "good"},
		"two lines of one name join":                         {"X-A: 1\r\nX-A: 2\r\n", "HTTP_X_A", "1,2", "1,2"},
		"two cookie lines join":                              {"Cookie: a=1\r\nCookie: b=2\r\n", "HTTP_COOKIE", "a=1; b=2", "a=1; b=2"},
		"a folded line goes on":                              {"X-A: 1\r\n  2\r\n", "HTTP_X_A", "1 2", "1 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := "GET /standin/echo HTTP/1.1\r\nHost: x\r\n" + test.headers + "\r\n"
			for port, addr := range both(s) {
				environ, _ := raw(t, addr, request).json(t)["environ"].(object)
				got, _ := environ[test.key].(string)
				want(t, port, got, map[string]string{"http": test.http, "realtime": test.realtime}[port])
			}
		})
	}
}

func TestProxyModeNeedsXForwardedHost(t *testing.T) {
	s := start(t, Config{Workers: 1, ProxyMode: true})
	tests := map[string]struct{ headers, host, scheme, address string }{
		"without it nothing counts": {"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n", "x", "http", "127.0.0.1"},
		"the last elements count":   {"X-Forwarded-Host: evil, good:8443\r\nX-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-Proto: http, https\r\n", "good:8443", "https", "1.2.3.4"},
		"an alias may come last":    {"X-Forwarded-Host: good\r\nX_Forwarded_Host: evil\r\n", "evil", "http", "127.0.0.1"},
		"port and prefix do not":    {"X-Forwarded-Host: good\r\nX-Forwarded-Port: 9\r\nX-Forwarded-Prefix: /p\r\nForwarded: for=9.9.9.9\r\n", "good", "http", "127.0.0.1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			echo := raw(t, s.HTTPAddr(), "GET /standin/echo HTTP/1.1\r\nHost: x\r\n"+test.headers+"\r\n").json(t)
			want(t, "host", echo["host"], any(test.host))
			want(t, "scheme", echo["scheme"], any(test.scheme))
			want(t, "address", echo["remote_addr"], any(test.address))
		})
	}
}

func TestHostHeader(t *testing.T) {
	s := start(t, Config{Workers: 1})
	want(t, "health without a host", raw(t, s.HTTPAddr(), "GET /web/health HTTP/1.0\r\n\r\n").StatusCode, 500)
	want(t, "two hosts", raw(t, s.HTTPAddr(), "GET /web/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").StatusCode, 200)
	absolute := raw(t, s.HTTPAddr(), "GET http://b.example/standin/echo HTTP/1.1\r\nHost: a\r\n\r\n").json(t)
	want(t, "host of an absolute target", absolute["host"], any("b.example"))
	want(t, "its path", absolute["path"], any("/standin/echo"))
}

func TestPathsThatReachTheManager(t *testing.T) {
	s := start(t, Config{Workers: 1, Databases: []string{"a", "b"}, DBFilter: "^%d$"})
	tests := map[string]struct {
		target         string
		http, realtime int
	}{
		"plain":              {"/web/database/manager", 200, 200},
		"two slashes first":  {"//web/database/manager", 200, 200},
		"a slash at the end": {"/web/database/manager/", 200, 200},
		"escaped slash":      {"/web%2Fdatabase%2Fmanager", 200, 200},
		"escaped letter":     {"/web/%64atabase/manager", 200, 200},
		"absolute":           {"http://a.example/web/database/manager", 200, 200},
		"fragment":           {"/web/database/manager#x", 200, 404},
		"two slashes inside": {"/web//database/manager", 308, 308},
		"language":           {"/en/web/database/manager", 303, 303},
		"dots":               {"/web/x/../database/manager", 404, 404},
		"dot":                {"/web/./database/manager", 404, 404},
		"capitals":           {"/WEB/database/manager", 404, 404},
		"semicolon":          {"/web/database/manager;x", 404, 404},
		"backslash":          {`/web\database/manager`, 404, 404},
		"space":              {"/web/database/manager%20", 404, 404},
		"escaped twice":      {"/web%252Fdatabase/manager", 404, 404},
		"zero byte":          {"/web/database/manager%00", 500, 500},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n", test.target)
			want(t, "http", raw(t, s.HTTPAddr(), request).StatusCode, test.http)
			want(t, "realtime", raw(t, s.RealtimeAddr(), request).StatusCode, test.realtime)
		})
	}
	t.Run("a language before the db service", func(t *testing.T) {
		body := "<methodCall><methodName>list</methodName></methodCall>"
		a := newBrowser(t, s.HTTPAddr()).do("POST", "/en/xmlrpc/2/db", body)
		contains(t, "answer", a.text, "<string>b</string>")
	})
}

func TestWhichDatabaseAHostSees(t *testing.T) {
	all := []string{"o18a", "o18b", "other"}
	tests := map[string]struct {
		cfg    Config
		host   string
		header []string
		want   string
		status int
	}{
		"the only one":                {Config{Databases: all[:1]}, "x", nil, "o18a", 200},
		"none of several":             {Config{}, "x", nil, "", 200},
		"%d is the first label":       {Config{DBFilter: "^%d$"}, "www.o18b.example:8069", nil, "o18b", 200},
		"%h is the host":              {Config{DBFilter: "^%h$"}, "other:80", nil, "other", 200},
		"-d limits":                   {Config{DBNames: []string{"other"}}, "x", nil, "other", 200},
		"the header chooses":          {Config{HeaderFilter: true, ProxyMode: true}, "x", []string{"^o18a$"}, "o18a", 200},
		"it is a prefix match":        {Config{HeaderFilter: true, ProxyMode: true}, "x", []string{"oth"}, "other", 200},
		"and unanchored finds two":    {Config{HeaderFilter: true, ProxyMode: true}, "x", []string{"o18"}, "", 200},
		"sent twice matches nothing":  {Config{HeaderFilter: true, ProxyMode: true}, "x", []string{"^o18a$", "^o18a$"}, "", 200},
		"both filters must agree":     {Config{HeaderFilter: true, ProxyMode: true, DBFilter: "^%d$"}, "o18b", []string{"^o18a$"}, "", 200},
		"it needs proxy_mode":         {Config{HeaderFilter: true, Databases: all[:2]}, "x", []string{"^o18a$"}, "", 200},
		"a bad expression is a crash": {Config{HeaderFilter: true, ProxyMode: true}, "x", []string{"("}, "", 500},
		"Python's end of text":        {Config{HeaderFilter: true, ProxyMode: true}, "x", []string{`^o18a\Z`}, "o18a", 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.cfg.Databases == nil {
				test.cfg.Databases = all
			}
			request := "GET /standin/echo HTTP/1.1\r\nHost: " + test.host + "\r\n"
			for _, value := range test.header {
				request += "X-Odoo-dbfilter: " + value + "\r\n"
			}
			a := raw(t, start(t, test.cfg).HTTPAddr(), request+"\r\n")
			want(t, "status", a.StatusCode, test.status)
			if test.status == 200 {
				want(t, "database", a.json(t)["db"], any(test.want))
			}
		})
	}
}

func TestDatabaseInTheQueryIsCheckedByTheFilter(t *testing.T) {
	b := newBrowser(t, start(t, Config{Databases: []string{"o18a", "o18b", "x"}, DBFilter: "^o18"}).HTTPAddr())
	want(t, "none chosen", b.get("/web/login").Header.Get("Location"), "/web/database/selector")
	want(t, "a foreign one", b.get("/web/login?db=x").Header.Get("Location"), "/web/database/selector")
	chosen := b.get("/web/login?db=o18b")
	want(t, "an own one", chosen.StatusCode, 302)
	contains(t, "page", b.get(chosen.Header.Get("Location")).text, "database o18b")
}

func TestDatabaseHeaderOfVersion19(t *testing.T) {
	s := start(t, Config{Version: "19.0", Databases: []string{"a", "b"}})
	b := newBrowser(t, s.HTTPAddr())
	a := b.get("/standin/visit", "X-Odoo-Database", "b")
	want(t, "database", a.json(t)["db"], any("b"))
	want(t, "cookie", a.sid(), "")
	b.get("/web/login?db=a")
	want(t, "with a session of another", b.get("/standin/visit", "X-Odoo-Database", "b").StatusCode, 403)
}
