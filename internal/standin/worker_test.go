package standin

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const healthRequest = "GET /web/health HTTP/1.1\r\nHost: x\r\n\r\n"

func TestWorkerAnswersOncePerConnection(t *testing.T) {
	s := start(t, Config{Workers: 1})
	conn := dial(t, s.HTTPAddr())
	io.WriteString(conn, healthRequest+healthRequest)
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(all), "HTTP/1.0 200 OK\r\n") {
		t.Errorf("status line of %q is not HTTP/1.0", all)
	}
	contains(t, "answer", string(all), "Connection: close\r\n")
	want(t, "answers", strings.Count(string(all), "HTTP/1."), 1)
}

func TestRealtimePortKeepsConnections(t *testing.T) {
	for name, cfg := range map[string]Config{"gevent": {Workers: 1}, "threaded": {}} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, start(t, cfg).RealtimeAddr())
			in := bufio.NewReader(conn)
			for range 3 {
				io.WriteString(conn, healthRequest)
				a := readAnswer(t, in, "GET")
				want(t, "protocol", a.Proto, "HTTP/1.1")
				want(t, "status", a.StatusCode, 200)
			}
		})
	}
}

func TestIdleConnectionBlocksAWorkerForTheSocketTimeout(t *testing.T) {
	s := start(t, Config{Workers: 1, SocketTimeout: 200 * time.Millisecond})
	began := time.Now()
	dial(t, s.HTTPAddr())
	want(t, "status", raw(t, s.HTTPAddr(), healthRequest).StatusCode, 200)
	if took := time.Since(began); took < 190*time.Millisecond {
		t.Errorf("health took %v behind an idle connection, want the socket timeout", took)
	}
}

func TestBacklogIsEightPerWorker(t *testing.T) {
	s := start(t, Config{Workers: 1, SocketTimeout: soon})
	refused := 0
	for range 14 {
		conn, err := net.DialTimeout("tcp", s.HTTPAddr(), 100*time.Millisecond)
		if err != nil {
			refused++
			continue
		}
		t.Cleanup(func() { conn.Close() })
	}
	if refused == 0 || refused > 6 {
		t.Errorf("%d of 14 connections did not fit; want one at work, about eight waiting", refused)
	}
}

func TestBodyThatStallsFailsTheRequest(t *testing.T) {
	const head = " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nContent-Type: "
	tests := map[string]struct{ request, want string }{
		"JSON-RPC": {"POST /jsonrpc" + head + "application/json\r\n\r\n{", "TimeoutError"},
		"XML-RPC":  {"POST /xmlrpc/2/common" + head + "text/xml\r\n\r\n<", "<fault>"},
	}
	s := start(t, Config{Workers: 1, SocketTimeout: 100 * time.Millisecond})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := raw(t, s.HTTPAddr(), test.request)
			want(t, "status", a.StatusCode, 200)
			contains(t, "body", a.text, test.want)
		})
	}
}

func TestSlowReaderGetsATruncatedAnswer(t *testing.T) {
	const size = 8 << 20
	read := func(t *testing.T, addr string) (int, error) {
		t.Helper()
		conn := dial(t, addr)
		io.WriteString(conn, "GET /web/content/big?size=8388608 HTTP/1.1\r\nHost: x\r\n\r\n")
		in := bufio.NewReader(conn)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		want(t, "declared length", response.ContentLength, int64(size))
		<-time.After(400 * time.Millisecond) // the stall
		n, err := io.Copy(io.Discard, response.Body)
		return int(n), err
	}
	s := start(t, Config{Workers: 1, SocketTimeout: 150 * time.Millisecond})
	t.Run("on the worker port", func(t *testing.T) {
		n, err := read(t, s.HTTPAddr())
		if n == size || err == nil {
			t.Errorf("read %d bytes, error %v: want a truncated body", n, err)
		}
	})
	t.Run("not on the realtime port", func(t *testing.T) {
		n, err := read(t, s.RealtimeAddr())
		if n != size || err != nil {
			t.Errorf("read %d bytes, error %v: want all", n, err)
		}
	})
}

func TestBusyWorkersLetHealthWaitButNotTheRealtimePort(t *testing.T) {
	s := start(t, Config{Workers: 2})
	for range 2 {
		conn := dial(t, s.HTTPAddr())
		io.WriteString(conn, "GET /standin/slow?seconds=0.4 HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	eventually(t, "both workers busy", func() bool { return s.Counters().Workers.Busy == 2 })
	began := time.Now()
	raw(t, s.RealtimeAddr(), healthRequest)
	if took := time.Since(began); took > 200*time.Millisecond {
		t.Errorf("realtime health took %v", took)
	}
	raw(t, s.HTTPAddr(), healthRequest)
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("health took %v behind two busy workers", took)
	}
}

func TestWorkerOverItsTimeLimitDiesWithoutAnAnswer(t *testing.T) {
	s := start(t, Config{Workers: 1, LimitTimeReal: 100 * time.Millisecond})
	conn := dial(t, s.HTTPAddr())
	io.WriteString(conn, "GET /standin/slow?seconds=5 HTTP/1.1\r\nHost: x\r\n\r\n")
	if all, err := io.ReadAll(conn); err != nil || len(all) != 0 {
		t.Errorf("got %q, %v; want a closed connection and nothing else", all, err)
	}
	want(t, "the next worker's status", raw(t, s.HTTPAddr(), healthRequest).StatusCode, 200)
}

func TestRequestBodies(t *testing.T) {
	const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of hello
	tests := map[string]string{
		"with a length":         "Content-Length: 5\r\n\r\nhello",
		"in chunks":             "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n",
		"chunks win over a lie": "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"the last length wins":  "Content-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
	}
	for port, addr := range both(start(t, Config{Workers: 1})) {
		for name, rest := range tests {
			t.Run(port+" "+name, func(t *testing.T) {
				a := raw(t, addr, "POST /standin/echo HTTP/1.1\r\nHost: x\r\n"+rest)
				want(t, "sha256", a.json(t)["body_sha256"], any(sum))
			})
		}
	}
}

func both(s *Server) map[string]string {
	return map[string]string{"http": s.HTTPAddr(), "realtime": s.RealtimeAddr()}
}

func TestContinueIsSaidBeforeTheBody(t *testing.T) {
	for port, addr := range both(start(t, Config{Workers: 1})) {
		t.Run(port, func(t *testing.T) {
			conn := dial(t, addr)
			io.WriteString(conn, "POST /standin/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
			in := bufio.NewReader(conn)
			line, err := in.ReadString('\n')
			if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			in.ReadString('\n')
			io.WriteString(conn, "hello")
			want(t, "body length", readAnswer(t, in, "POST").json(t)["body_length"], any(5.0))
		})
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	tests := map[string]struct {
		request string
		want    int
	}{
		"no version":        {"GET /\r\n\r\n", 400},
		"space in a name":   {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
		"too many headers":  {"GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n", 431},
		"line far too long": {"GET /" + strings.Repeat("a", 70000) + " HTTP/1.1\r\n\r\n", 414},
	}
	s := start(t, Config{Workers: 1})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want(t, "status", raw(t, s.HTTPAddr(), test.request).StatusCode, test.want)
		})
	}
}
