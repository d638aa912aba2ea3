package standin

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var errKilled = errors.New("worker killed")

// Seconds is a time span in JSON.
type Seconds float64

// Duration converts.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// Rule makes requests fail. Its first four fields say which; the first rule that fits wins.
type Rule struct {
	Path   string `json:"path,omitempty"`   // prefix of the decoded path; empty fits all
	Method string `json:"method,omitempty"` // empty fits all
	Port   string `json:"port,omitempty"`   // "http", "realtime" or both
	Times  int64  `json:"times,omitempty"`  // how often it acts; 0 is always

	Delay         Seconds `json:"delay,omitempty"`         // before anything else
	Status        int     `json:"status,omitempty"`        // answer this instead
	Body          string  `json:"body,omitempty"`          // with this text
	Hang          bool    `json:"hang,omitempty"`          // connected, no answer
	Kill          bool    `json:"kill,omitempty"`          // closed without an answer
	After         bool    `json:"after,omitempty"`         // hang or kill only once the work is done
	ResetAfter    int64   `json:"reset_after,omitempty"`   // reset after so many bytes of the body
	DripBytes     int     `json:"drip_bytes,omitempty"`    // send the body in such pieces ...
	DripEvery     Seconds `json:"drip_every,omitempty"`    // ... with this pause between them
	HugeHeaders   int     `json:"huge_headers,omitempty"`  // so many bytes of headers more
	BadChunking   bool    `json:"bad_chunking,omitempty"`  // chunks that are none
	Informational int     `json:"informational,omitempty"` // so many 103 answers first

	Header map[string]string `json:"header,omitempty"` // set these in the answer

	left *atomic.Int64
	over chan struct{} // closed when other rules take its place: frees what hangs
}

func (r *Rule) spoilsAnswer() bool {
	return r.ResetAfter > 0 || r.DripBytes > 0 || r.HugeHeaders > 0 || r.BadChunking || r.Informational > 0 ||
		len(r.Header) > 0
}

// faults holds the rules and states that the control port sets.
type faults struct {
	rules atomic.Pointer[[]*Rule]
	down  atomic.Bool // the database server is away

	mu        sync.Mutex
	busyUntil time.Time
	over      chan struct{} // of the rules in force

	acted atomic.Int64 // requests that a rule took
}

func newFaults() *faults { return &faults{over: make(chan struct{})} }

func (f *faults) set(rules []*Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.over)
	f.over = make(chan struct{})
	mine := make([]*Rule, len(rules)) // the caller keeps its own, which have no state
	for i, rule := range rules {
		own := *rule
		own.left, own.over = &atomic.Int64{}, f.over
		own.left.Store(rule.Times)
		mine[i] = &own
	}
	f.rules.Store(&mine)
}

func (f *faults) current() []*Rule {
	if rules := f.rules.Load(); rules != nil {
		return *rules
	}
	return nil
}

func (f *faults) saturate(until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busyUntil = until
}

func (f *faults) saturated() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.busyUntil
}

// match returns the rule for a request and takes one of its times.
func (f *faults) match(c *call) *Rule {
	for _, rule := range f.current() {
		if !rule.fits(c) {
			continue
		}
		if rule.Times == 0 || rule.left.Add(-1) >= 0 {
			f.acted.Add(1)
			return rule
		}
	}
	return nil
}

func (r *Rule) fits(c *call) bool {
	port := "http"
	if c.realtime {
		port = "realtime"
	}
	return strings.HasPrefix(c.path, r.Path) &&
		(r.Method == "" || r.Method == c.method) && (r.Port == "" || r.Port == port)
}

// spoilHead sends what a rule wants before and in the head.
func (w *response) spoilHead() {
	for range w.fault.Informational {
		io103 := "HTTP/1.1 103 Early Hints\r\nLink: </web/static/x.css>; rel=preload\r\n\r\n"
		if _, err := w.out.WriteString(io103); err != nil {
			w.err = err
			return
		}
	}
	for name, value := range w.fault.Header {
		w.header.Set(name, value)
	}
	for n, i := w.fault.HugeHeaders, 0; n > 0; n, i = n-4000, i+1 {
		w.header.Set(fmt.Sprintf("X-Huge-%d", i), strings.Repeat("h", min(n, 4000)))
	}
	if w.fault.BadChunking {
		w.header.Del("Content-Length")
		w.header.Set("Transfer-Encoding", "chunked")
		w.chunked = false // spoilBody writes them itself
	}
}

// spoilBody sends a body in the way a rule wants.
func (w *response) spoilBody(p []byte) (int, error) {
	switch rule := w.fault; {
	case rule.BadChunking:
		fmt.Fprintf(w.out, "5\r\nhello\r\nzz\r\n")
		w.flush()
		w.close, w.err = true, errKilled
		return 0, errKilled
	case rule.ResetAfter > 0 && w.length+int64(len(p)) >= rule.ResetAfter:
		if _, err := w.write(p[:rule.ResetAfter-w.length]); err == nil {
			w.flush()
		}
		w.abort()
		w.err = errKilled
		return 0, errKilled
	case rule.DripBytes > 0:
		return w.drip(p)
	}
	return w.write(p)
}

func (w *response) drip(p []byte) (int, error) {
	sent := 0
	for sent < len(p) && w.err == nil {
		n, _ := w.write(p[sent:min(len(p), sent+w.fault.DripBytes)])
		sent += n
		w.flush()
		if err := w.pause(w.fault.DripEvery.Duration()); err != nil {
			w.err = err
		}
	}
	return sent, w.err
}

// reset closes a connection so that the other end sees RST.
func reset(conn net.Conn) {
	if stall, ok := conn.(*stallConn); ok {
		conn = stall.Conn
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails on a connection that is over already
	}
	conn.Close()
}

func (c *call) failAsTold(rule *Rule) error {
	body := rule.Body
	if body == "" {
		body = fmt.Sprintf("<h1>%s</h1>", http.StatusText(rule.Status))
	}
	c.noSession, c.fault = true, rule
	return c.send(rule.Status, htmlType, []byte(body))
}
