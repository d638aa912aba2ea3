package standin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// call is one request and its answer.
type call struct {
	srv      *Server
	ctx      context.Context // ends when the process that serves the call is killed
	conn     net.Conn
	in       *bufio.Reader
	pid      int
	realtime bool      // came in by the realtime port, or the server is threaded
	gevent   bool      // came in by the realtime port
	killAt   time.Time // limit_time_real of a worker; zero elsewhere

	head
	response
	payload       io.Reader
	payloadLength int64 // -1: chunked
	expects       bool  // the client waits for 100 Continue
	read          bool  // the whole of it was read

	env  environ
	path string // decoded

	session   *session
	db        string
	noSession bool // the answer does not save the session nor set its cookie
	lang      string
	route     *route
	tail      string // what follows the prefix of the route
	params    object // of a JSON route
	rpcID     any
	fields    *form
	user      *User // set by a bearer key or by the session

	upgrade func() // takes the connection over after the answer
}

func (c *call) begin(out *bufio.Writer) {
	c.payload, c.payloadLength = c.frame(c.in)
	c.read = c.payloadLength == 0
	c.expects = strings.EqualFold(c.get("Expect"), "100-continue")
	if c.expects && !c.gevent {
		c.goOn(out) // Werkzeug says so before the application runs, gevent at the first read
	}
	c.response = response{
		out: out, http10: c.srv.prefork() && !c.gevent, headOnly: c.method == http.MethodHead,
		identity: c.proto == "HTTP/1.0", beforeHead: func() { c.noteLeaver(); c.commit() },
		abort: func() { reset(c.conn) }, pause: c.sleep,
		header: http.Header{}, close: c.wantsClose(),
	}
}

func (c *call) wantsClose() bool {
	connection := c.get("Connection")
	if c.proto == "HTTP/1.0" {
		return !strings.EqualFold(connection, "keep-alive")
	}
	return strings.EqualFold(connection, "close")
}

func (c *call) goOn(out *bufio.Writer) {
	c.expects = false
	io.WriteString(out, "HTTP/1.1 100 Continue\r\n\r\n")
	_ = out.Flush() // the error stays in the buffer and ends the answer
}

// Read reads the request body.
func (c *call) Read(p []byte) (int, error) {
	if c.expects {
		c.goOn(c.out)
	}
	n, err := c.payload.Read(p)
	c.read = c.read || errors.Is(err, io.EOF)
	if err != nil && !c.read {
		c.close = true
	}
	return n, err
}

// serve answers. It reports whether the connection can take another request, and whether
// the worker died over this one.
func (c *call) serve(out *bufio.Writer) (again, died bool) {
	c.begin(out)
	if c.answerSmall() {
		return c.end(), false
	}
	c.env = newEnviron(&c.head, c.conn.RemoteAddr().String(), c.gevent)
	c.path = c.env["PATH_INFO"]
	rule := c.srv.faults.match(c)
	leave := c.srv.load.enter(c)
	err := c.serveUnder(rule)
	leave()
	if errors.Is(err, errKilled) {
		if rule == nil || !rule.spoilsAnswer() {
			c.conn.Close()
		}
		return false, true
	}
	return c.end(), false
}

func (c *call) serveUnder(rule *Rule) error {
	if rule == nil {
		return c.answer()
	}
	if err := c.sleep(rule.Delay.Duration()); err != nil {
		return c.fail(err)
	}
	if rule.Hang || rule.Kill {
		return c.vanish(rule)
	}
	if rule.Status != 0 {
		return c.failAsTold(rule)
	}
	if rule.spoilsAnswer() {
		c.fault = rule
	}
	return c.answer()
}

// vanish ends a call without an answer, before or after its work was done.
func (c *call) vanish(rule *Rule) error {
	if rule.After {
		c.out = bufio.NewWriter(io.Discard)
		if err := c.answer(); err != nil {
			return err
		}
	} else if _, err := io.Copy(io.Discard, c); err != nil {
		return errKilled
	}
	if rule.Hang {
		c.hang(rule)
	}
	return errKilled
}

// hang waits for the rules to change or the server to stop. A client that leaves is not
// noticed, as a busy worker does not notice it.
func (c *call) hang(rule *Rule) {
	select {
	case <-rule.over:
	case <-c.srv.stopping:
	case <-c.ctx.Done():
	}
}

// end finishes the answer and clears the connection of what was not read.
func (c *call) end() bool {
	again := c.finish()
	if c.upgrade != nil {
		c.upgrade()
		return false
	}
	if !again {
		return false
	}
	c.expects = false
	_, err := io.Copy(io.Discard, c.payload)
	return err == nil
}

// sleep stands for work. It ends early with errKilled when the process is killed, at once or
// by its time limit.
func (c *call) sleep(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	killed := !c.killAt.IsZero() && time.Now().Add(d).After(c.killAt)
	if killed {
		d = time.Until(c.killAt)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		if killed {
			return errKilled
		}
		return nil
	case <-c.ctx.Done():
		if c.srv.prefork() {
			return errKilled
		}
		return errCursorClosed
	}
}

func (c *call) send(status int, contentType string, body []byte) error {
	c.header.Set("Content-Type", contentType)
	c.setLength(int64(len(body)))
	c.WriteHeader(status)
	_, err := c.Write(body)
	return c.sent(err)
}

// sent turns a failed write into the end of the connection: there is nobody left to tell.
func (c *call) sent(err error) error {
	if err != nil {
		return errKilled
	}
	return nil
}
