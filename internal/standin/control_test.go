package standin

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func rules(list ...*Rule) Control { return Control{Rules: &list} }

const echoRequest = "POST /standin/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"

func TestFailingOnDemand(t *testing.T) {
	tests := map[string]struct {
		rule    Rule
		request string
		check   func(t *testing.T, conn net.Conn)
	}{
		"an error":           {Rule{Status: 503, Body: "busy"}, echoRequest, answers("HTTP/1.0 503", "busy")},
		"a delay":            {Rule{Delay: 0.05}, echoRequest, answers("HTTP/1.0 200", "body_length")},
		"another path":       {Rule{Path: "/other", Status: 503}, echoRequest, answers("HTTP/1.0 200")},
		"another port":       {Rule{Port: "realtime", Status: 503}, echoRequest, answers("HTTP/1.0 200")},
		"another method":     {Rule{Method: "GET", Status: 503}, echoRequest, answers("HTTP/1.0 200")},
		"a worker killed":    {Rule{Kill: true}, echoRequest, answersNothing},
		"killed after work":  {Rule{Kill: true, After: true}, echoRequest, answersNothing},
		"a reset mid-body":   {Rule{ResetAfter: 100}, "GET /web/content/big?size=1000 HTTP/1.1\r\nHost: x\r\n\r\n", resets},
		"a body in drips":    {Rule{DripBytes: 100, DripEvery: 0.01}, "GET /web/content/big?size=500 HTTP/1.1\r\nHost: x\r\n\r\n", answers("HTTP/1.0 200", string(pattern(500)))},
		"huge headers":       {Rule{HugeHeaders: 50000}, echoRequest, answers(strings.Repeat("h", 4000))},
		"bad chunks":         {Rule{BadChunking: true}, echoRequest, answers("Transfer-Encoding: chunked", "zz\r\n")},
		"headers of its own": {Rule{Header: map[string]string{"X-Accel-Redirect": "/web/filestore/x"}}, echoRequest, answers("X-Accel-Redirect: /web/filestore/x\r\n", "body_length")},
		"an error with one":  {Rule{Status: 503, Header: map[string]string{"Retry-After": "7"}}, echoRequest, answers("HTTP/1.0 503", "Retry-After: 7\r\n")},
		"a flood of 1xx":     {Rule{Informational: 100}, echoRequest, answers(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </web/static/x.css>; rel=preload\r\n\r\n", 100) + "HTTP/1.0 200")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Workers: 1})
			apply(t, s, rules(&test.rule))
			conn := dial(t, s.HTTPAddr())
			io.WriteString(conn, test.request)
			test.check(t, conn)
			apply(t, s, rules())
			want(t, "status once healed", raw(t, s.HTTPAddr(), echoRequest).StatusCode, 200)
		})
	}
}

func answers(parts ...string) func(*testing.T, net.Conn) {
	return func(t *testing.T, conn net.Conn) {
		t.Helper()
		all, err := io.ReadAll(conn)
		if err != nil {
			t.Error(err)
		}
		for _, part := range parts {
			contains(t, "answer", string(all), part)
		}
	}
}

func answersNothing(t *testing.T, conn net.Conn) {
	t.Helper()
	if all, err := io.ReadAll(conn); err != nil || len(all) != 0 {
		t.Errorf("got %q, %v; want a close without an answer", all, err)
	}
}

func resets(t *testing.T, conn net.Conn) {
	t.Helper()
	if all, err := io.ReadAll(conn); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %d bytes, %v; want a reset", len(all), err)
	}
}

func TestRuleActsSoManyTimes(t *testing.T) {
	s := start(t, Config{})
	apply(t, s, rules(&Rule{Status: 500, Times: 2}))
	for _, status := range []int{500, 500, 200} {
		want(t, "status", newBrowser(t, s.HTTPAddr()).get("/web/health").StatusCode, status)
	}
}

func TestKilledAfterTheWorkWasDone(t *testing.T) {
	s := start(t, Config{Workers: 1})
	apply(t, s, rules(&Rule{Path: "/xmlrpc", Kill: true, After: true}))
	conn := dial(t, s.HTTPAddr())
	body := xmlBody("execute_kw", "odoo", "<int>2</int>", "admin", "res.partner", "create",
		"<array><data><value><struct><member><name>name</name><value>x</value></member><member><name>marker</name><value>once</value></member></struct></value></data></array>")
	request, err := http.NewRequest("POST", "http://x/xmlrpc/2/object", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := request.Write(conn); err != nil {
		t.Fatal(err)
	}
	answersNothing(t, conn)
	want(t, "executions", s.Counters().Databases["odoo"].Markers["once"], 1)
}

func TestHangEndsWithTheRule(t *testing.T) {
	s := start(t, Config{Workers: 1})
	apply(t, s, rules(&Rule{Path: "/standin", Hang: true}))
	conn := dial(t, s.HTTPAddr())
	io.WriteString(conn, echoRequest)
	eventually(t, "the worker hangs", func() bool { return s.Counters().Faults == 1 })
	apply(t, s, rules())
	answersNothing(t, conn)
}

func TestDatabaseDown(t *testing.T) {
	s := start(t, Config{Workers: 1})
	b := newBrowser(t, s.HTTPAddr())
	b.login("admin", "admin")
	sid := b.sid()
	socket := connect(t, s.RealtimeAddr(), "/websocket", "Cookie: session_id="+sid+"\r\n")
	socket.subscribe(0)
	apply(t, s, Control{DatabaseDown: yes()})
	for path, status := range map[string]int{
		"/web/health": 200, "/web/static/a.js": 200, "/web/login": 302, "/odoo": 302, "/websocket/health": 404, "/my": 404,
	} {
		b.setSID(sid)
		a := b.get(path)
		want(t, path, a.StatusCode, status)
		if status == 302 {
			want(t, "redirect", a.Header.Get("Location"), path)
			if a.sid() == "" || a.sid() == sid {
				t.Errorf("%s sets session %q, want a new one", path, a.sid())
			}
		}
	}
	b.setSID(sid)
	call := b.call("/web/dataset/call_kw", object{"model": "res.partner", "method": "read"})
	want(t, "call_kw", call.StatusCode, 404)
	contains(t, "call_kw", call.text, "<h1>Not Found</h1>")
	contains(t, "XML-RPC", b.do("POST", "/xmlrpc/2/common", xmlBody("login", "odoo", "a", "b")).text, "<fault>")
	if err := s.Push(Push{Channel: "broadcast", Payload: "late"}); err != nil {
		t.Fatal(err)
	}
	apply(t, s, Control{DatabaseDown: no()})
	b.setSID(sid)
	contains(t, "the session survived", b.get("/odoo").text, "user admin")
	contains(t, "the socket too", socket.read(), "late")
}

func TestSaturation(t *testing.T) {
	s := start(t, Config{Workers: 2})
	apply(t, s, Control{Saturate: 0.2})
	began := time.Now()
	want(t, "realtime", newBrowser(t, s.RealtimeAddr()).get("/web/health").StatusCode, 200)
	if took := time.Since(began); took > 150*time.Millisecond {
		t.Errorf("realtime port took %v", took)
	}
	want(t, "http", newBrowser(t, s.HTTPAddr()).get("/web/health").StatusCode, 200)
	if took := time.Since(began); took < 190*time.Millisecond {
		t.Errorf("worker port took %v", took)
	}
}

func TestRefusingConnections(t *testing.T) {
	for name, cfg := range map[string]Config{"prefork": {Workers: 2}, "threaded": {}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cfg)
			apply(t, s, Control{Refuse: yes()})
			for _, addr := range both(s) {
				if conn, err := net.Dial("tcp", addr); err == nil {
					conn.Close()
					t.Errorf("%s accepts", addr)
				}
			}
			apply(t, s, Control{Refuse: no()})
			for _, addr := range both(s) {
				want(t, addr, raw(t, addr, healthRequest).StatusCode, 200)
			}
			apply(t, s, Control{RefuseFor: 0.01})
			eventually(t, "it is back", func() bool {
				conn, err := net.Dial("tcp", s.HTTPAddr())
				if err == nil {
					conn.Close()
				}
				return err == nil
			})
		})
	}
}

func TestControlPort(t *testing.T) {
	s := start(t, Config{Workers: 1, Name: "one"})
	b := newBrowser(t, s.ControlAddr())
	want(t, "rules", b.do("POST", "/standin/control", `{"rules":[{"path":"/web/login","status":418}]}`).StatusCode, 200)
	want(t, "status", newBrowser(t, s.HTTPAddr()).get("/web/login").StatusCode, 418)
	want(t, "an unknown field", b.do("POST", "/standin/control", `{"rulez":[]}`).StatusCode, 400)
	want(t, "bus", b.do("POST", "/standin/bus", `{"channel":"c","payload":1}`).StatusCode, 200)
	want(t, "bus of no database", b.do("POST", "/standin/bus", `{"db":"x","channel":"c"}`).StatusCode, 500)
	contains(t, "state", b.get("/standin/state").text, `"server":"one"`)
	contains(t, "counters", b.get("/standin/counters").text, `"total":1`)
}

func TestTermLetsBusyWorkersFinish(t *testing.T) {
	s := start(t, Config{Workers: 2})
	busy := dial(t, s.HTTPAddr())
	io.WriteString(busy, "GET /standin/slow?seconds=0.3 HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(t, "a worker is busy", func() bool { return s.Counters().Workers.Busy == 1 })
	s.Stop()
	eventually(t, "the realtime port is closed", func() bool {
		conn, err := net.Dial("tcp", s.RealtimeAddr())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	late := dial(t, s.HTTPAddr()) // still accepted, by the kernel
	io.WriteString(late, healthRequest)
	want(t, "the busy worker's answer", readAnswer(t, bufio.NewReader(busy), "GET").StatusCode, 200)
	if all, err := io.ReadAll(late); err == nil && len(all) > 0 {
		t.Errorf("the late connection was answered: %q", all)
	}
	<-s.done
	if conn, err := net.Dial("tcp", s.HTTPAddr()); err == nil {
		conn.Close()
		t.Error("still listening at the end")
	}
}

func TestSecondSignalLosesWhatIsInFlight(t *testing.T) {
	s := start(t, Config{Workers: 1})
	busy := dial(t, s.HTTPAddr())
	io.WriteString(busy, "GET /standin/slow?seconds=60 HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(t, "the worker is busy", func() bool { return s.Counters().Workers.Busy == 1 })
	s.Stop()
	s.Kill()
	if all, err := io.ReadAll(busy); len(all) != 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %q, %v", all, err)
	}
}

func TestThreadedStopFailsWhatIsInFlight(t *testing.T) {
	s := start(t, Config{})
	b := newBrowser(t, s.HTTPAddr())
	b.login("admin", "admin")
	got := make(chan answer, 1)
	go func() {
		got <- b.call("/web/dataset/call_kw", object{"model": "standin", "method": "slow", "args": []any{60}})
	}()
	eventually(t, "it is called", func() bool { return s.routes.hits()["/web/dataset/call_kw"] > 0 })
	s.Stop()
	contains(t, "answer", (<-got).text, "cursor already closed")
}

func TestConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]Config{
		"version 13": {Version: "13.0"}, "no version": {Version: "new"}, "filter": {DBFilter: "("},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	taken := start(t, Config{})
	if _, err := Start(Config{HTTPAddr: taken.HTTPAddr()}); err == nil || errors.Is(err, errStopped) {
		t.Errorf("a port in use: %v", err)
	}
}
