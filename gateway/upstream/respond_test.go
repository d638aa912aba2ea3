package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// stallLimit is Odoo's two seconds, shortened: how long a worker lets a write wait.
const stallLimit = 800 * time.Millisecond

// impatient is an Odoo worker's rule: a client that does not take a piece in time is cut off.
func impatient(size int, head string) func(wire) {
	return func(c wire) {
		r, _, err := readRequest(c)
		if err != nil || isProbe(r) {
			return
		}
		io.WriteString(c.Conn, head)
		piece := bytes.Repeat([]byte("x"), 64<<10)
		for sent := 0; sent < size; sent += len(piece) {
			c.SetWriteDeadline(time.Now().Add(stallLimit))
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}
}

func TestAStalledClientDoesNotHoldTheWorker(t *testing.T) {
	const size = 25 << 20
	for name, head := range map[string]string{
		"of known length":   fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n", size),
		"of unknown length": "HTTP/1.0 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, []string{startWorker(t, impatient(size, head)).url()})
			c := g.dial()
			io.WriteString(c.Conn, "GET /web HTTP/1.0\r\nHost: a\r\n\r\n")
			eventually(t, "the request is on its way", func() bool { return g.backend(0).InFlight == 1 })
			eventually(t, "the worker is free while the client reads nothing", func() bool { return g.backend(0).InFlight == 0 })
			<-time.After(2 * stallLimit)
			response, err := http.ReadResponse(c.Reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
				t.Errorf("got %d of %d bytes, %v", n, size, err)
			}
			eventually(t, "the spool is empty", func() bool { return !g.spooling() })
		})
	}
}

func TestAClientThatNeverReadsIsCutOff(t *testing.T) {
	const size = 25 << 20
	g := newRig(t, []string{startWorker(t, impatient(size, "HTTP/1.0 200 OK\r\n\r\n")).url()},
		withTiming(Timing{ClientStall: 200 * time.Millisecond}))
	c := g.dial()
	io.WriteString(c.Conn, "GET /web HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, "the request ends", func() bool { return g.last.Load() != nil })
	if x := g.last.Load(); x.Outcome != odoo.ClientGone {
		t.Errorf("outcome %q", x.Outcome)
	}
	n, err := io.Copy(io.Discard, c)
	if n >= size {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

func TestABrokenAnswerIsNeverPassedOffAsWhole(t *testing.T) {
	piece := strings.Repeat("x", 100_000)
	for name, tc := range map[string]struct {
		raw     string
		status  int // of an error page; 0: the connection breaks off
		outcome odoo.Outcome
	}{
		"a small answer that is too short becomes a page": {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", 502, odoo.Unavailable},
		"a large one without a byte becomes a page":       {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", 502, odoo.Unavailable},
		"a large one breaks off":                          {"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + piece, 0, odoo.Truncated},
		"bad chunking breaks off":                         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", 0, odoo.Truncated},
		"a chunked answer without its end breaks off":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0, odoo.Truncated},
		"no answer at all becomes a page":                 {"", 502, odoo.Unavailable},
		"no HTTP becomes a page":                          {"SSH-2.0-OpenSSH\r\n", 502, odoo.Unavailable},
		"half a head becomes a page":                      {"HTTP/1.1 200 OK\r\nContent-", 502, odoo.Unavailable},
		"a huge head becomes a page":                      {"HTTP/1.1 200 OK\r\nX-A: " + piece + "\r\n\r\n", 502, odoo.Unavailable},
		"many headers become a page":                      {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 4000) + "\r\n", 502, odoo.Unavailable},
		"a flood of informational answers does too":       {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 50), 502, odoo.Unavailable},
		"a switch that nobody asked for does too":         {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 502, odoo.Unavailable},
		"a bad status does too":                           {"HTTP/1.1 000 Odd\r\n\r\n", 502, odoo.Unavailable},
		"two lengths do too":                              {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502, odoo.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, []string{startWorker(t, say(tc.raw, false)).url()})
			response, body, err := g.try("POST", "/web", "x")
			eventually(t, "the request ends", func() bool { return g.last.Load() != nil })
			switch x := g.last.Load(); {
			case tc.status == 0 && err == nil:
				t.Errorf("passed off as whole: %d bytes", len(body))
			case tc.status != 0 && (err != nil || response.StatusCode != tc.status || response.Header.Get("X-A") != ""):
				t.Errorf("got %v, %v; want %d", response, err, tc.status)
			case x.Outcome != tc.outcome || x.Cause == nil:
				t.Errorf("outcome %q, cause %v; want %q", x.Outcome, x.Cause, tc.outcome)
			}
			if n := g.backend(0); n.InFlight != 0 || n.Idle != 0 {
				t.Errorf("in flight %d, idle %d", n.InFlight, n.Idle)
			}
		})
	}
}

func TestAWorkerThatStopsHalfWayIsGivenUp(t *testing.T) {
	for name, raw := range map[string]string{
		"before the answer": "",
		"in the head":       "HTTP/1.1 200 OK\r\n",
		"in a small body":   "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			worker := startWorker(t, func(c wire) {
				readRequest(c)
				io.WriteString(c.Conn, raw)
				io.Copy(io.Discard, c) // until the gateway leaves
			})
			g := newRig(t, []string{worker.url()}, func(_ *Config, p *routing.Pool) { p.Timeouts.Response = 100 * time.Millisecond })
			response, _ := g.ask("GET", "/web", "")
			if response.StatusCode != http.StatusGatewayTimeout {
				t.Errorf("got %d", response.StatusCode)
			}
			if n := worker.accepted.Load(); n != 1 {
				t.Errorf("%d attempts; a time-out is never repeated", n)
			}
		})
	}
}

func TestAClientThatLeavesEndsTheRequest(t *testing.T) {
	for name, raw := range map[string]string{
		"before the answer": "",
		"in a large answer": "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\nxxx",
		"in a stream":       "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			asked, left := make(chan struct{}), make(chan struct{})
			g := newRig(t, []string{startWorker(t, func(c wire) {
				readRequest(c)
				io.WriteString(c.Conn, raw)
				close(asked)
				io.Copy(io.Discard, c)
				close(left)
			}).url()})
			c := g.dial()
			io.WriteString(c.Conn, "GET /web HTTP/1.1\r\nHost: a\r\n\r\n")
			<-asked
			c.Close()
			<-left
			eventually(t, "the request ends", func() bool { return g.last.Load() != nil })
			if x := g.last.Load(); x.Outcome != odoo.ClientGone || g.backend(0).InFlight != 0 {
				t.Errorf("outcome %q, in flight %d", x.Outcome, g.backend(0).InFlight)
			}
		})
	}
}

func TestEventsPassThroughAsTheyCome(t *testing.T) {
	for name, tc := range map[string]struct{ path, head string }{
		"server-sent events":  {"/web", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"},
		"a declared stream":   {"/backup/all", "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\n\r\n"},
		"a slow page as well": {"/web", "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan struct{})
			g := newRig(t, []string{startWorker(t, func(c wire) {
				readRequest(c)
				io.WriteString(c.Conn, tc.head)
				for range 3 {
					io.WriteString(c.Conn, "tick")
					<-next
				}
			}).url()}, func(_ *Config, p *routing.Pool) { p.Streams = []string{"/backup/**"} })
			c := g.dial()
			io.WriteString(c.Conn, "GET "+tc.path+" HTTP/1.1\r\nHost: a\r\n\r\n")
			response, err := http.ReadResponse(c.Reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				var tick [4]byte
				if _, err := io.ReadFull(response.Body, tick[:]); err != nil {
					t.Fatalf("tick %d: %v", i, err)
				}
				next <- struct{}{}
			}
			if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
				t.Errorf("at the end: %q, %v", rest, err)
			}
		})
	}
}

func TestOutcomeIsReadFromTheAnswer(t *testing.T) {
	expired := `{"jsonrpc":"2.0","id":1,"error":{"code":100,"message":"Odoo Session Expired","data":{"name":"odoo.http.SessionExpiredException"}}}`
	for name, tc := range map[string]struct {
		raw  string
		want odoo.Outcome
	}{
		"a page":                            {"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", odoo.OK},
		"an expired session, known length":  {fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(expired), expired), odoo.SessionExpired},
		"an expired session, in two pieces": {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(expired[:20], expired[20:]), odoo.SessionExpired},
		"a redirect to the login page":      {"HTTP/1.0 303 See Other\r\nLocation: /web/login?redirect=x\r\nContent-Length: 0\r\n\r\n", odoo.LoginRequired},
		"an error":                          {"HTTP/1.0 500 Oops\r\nContent-Length: 0\r\n\r\n", odoo.ServerError},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, []string{startWorker(t, say(tc.raw, false)).url()})
			g.ask("POST", "/web/dataset/call_kw", "{}")
			eventually(t, "the request ends", func() bool { return g.last.Load() != nil })
			if x := g.last.Load(); x.Outcome != tc.want || x.Backend != "b1" || x.Attempts != 1 || x.Upstream <= 0 {
				t.Errorf("got %q from %q after %d attempts in %v; want %q", x.Outcome, x.Backend, x.Attempts, x.Upstream, tc.want)
			}
		})
	}
}

func chunks(parts ...string) string {
	var b strings.Builder
	for _, p := range append(parts, "") {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(p), p)
	}
	return b.String()
}

func TestBodiesThatCannotBeTaken(t *testing.T) {
	g := newRig(t, []string{startWorker(t, say("", false)).url()})
	for name, tc := range map[string]struct {
		raw    string
		status int
	}{
		"declared too large":   {"POST /web HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n", 413},
		"chunks that are none": {"POST /web HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			c := g.dial()
			io.WriteString(c.Conn, tc.raw)
			response, err := http.ReadResponse(c.Reader, nil)
			if err != nil || response.StatusCode != tc.status {
				t.Errorf("got %v, %v; want %d", response, err, tc.status)
			}
		})
	}
}

func TestABodyThatStallsIsAnsweredAndCutOff(t *testing.T) {
	worker := startWorker(t, say(ok, false))
	g := newRig(t, []string{worker.url()}, withTiming(Timing{BodyStall: 150 * time.Millisecond}))
	c := g.dial()
	io.WriteString(c.Conn, "POST /web HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
	response, err := http.ReadResponse(c.Reader, nil)
	if err != nil || response.StatusCode != http.StatusRequestTimeout {
		t.Fatalf("got %v, %v", response, err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("the connection does not end: %v", err)
	}
	if n := worker.accepted.Load(); n != 0 {
		t.Errorf("%d connections for half a body", n)
	}
}

func TestASlowButLivingUploadArrives(t *testing.T) {
	worker, requests := record(t)
	g := newRig(t, []string{worker.url()}, withTiming(Timing{BodyStall: 300 * time.Millisecond}))
	c := g.dial()
	const pieces, size = 12, 10_000
	fmt.Fprintf(c.Conn, "POST /web HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", pieces*size)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range pieces { // four times the pause in all
		io.WriteString(c.Conn, strings.Repeat("x", size))
		<-tick.C
	}
	if r := <-requests; len(r.body) != pieces*size {
		t.Errorf("got %d bytes", len(r.body))
	}
}

func TestARequestAfterASlowAnswerIsNotHitByItsDeadline(t *testing.T) {
	big := strings.Repeat("x", 20_000)
	g := newRig(t, []string{startWorker(t, say(fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(big), big), false)).url()},
		withTiming(Timing{ClientStall: 50 * time.Millisecond}))
	c := g.dial()
	for range 2 {
		io.WriteString(c.Conn, "GET /web HTTP/1.1\r\nHost: a\r\n\r\n")
		response, err := http.ReadResponse(c.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, response.Body); err != nil || int(n) != len(big) {
			t.Fatalf("got %d bytes, %v", n, err)
		}
		<-time.After(150 * time.Millisecond)
	}
}

func TestAnEarlyAnswerCountsThoughTheBodyWasNotTaken(t *testing.T) {
	g := newRig(t, []string{startWorker(t, func(c wire) {
		if _, err := http.ReadRequest(c.Reader); err == nil {
			io.WriteString(c.Conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
			c.Conn.(*net.TCPConn).CloseWrite()
			<-time.After(300 * time.Millisecond) // the answer arrives before the reset
		}
	}).url()})
	response, _, err := g.try("POST", "/web", strings.Repeat("x", 30<<20))
	if err != nil || response.StatusCode != 413 {
		t.Errorf("got %v, %v", response, err)
	}
	if errors.Is(err, io.EOF) {
		t.Error("the connection ended")
	}
}
