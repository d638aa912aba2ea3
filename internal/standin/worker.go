package standin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// gauge counts busy workers and the time they were busy.
type gauge struct {
	busy  atomic.Int64
	spent atomic.Int64 // nanoseconds of calls that ended
	calls atomic.Int64
}

// stallConn bounds each read and each write, as a Python socket with a timeout does: a
// sendall that is not through in time raises, and the client gets a truncated answer.
type stallConn struct {
	net.Conn
	timeout time.Duration
}

func (c *stallConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *stallConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// work is one prefork worker: it takes a connection, serves it to its end, takes the next.
func (s *Server) work(ctx context.Context) {
	pid := s.nextPID()
	for {
		conn, err := s.http.accept()
		if err != nil {
			return
		}
		start := time.Now()
		s.workers.busy.Add(1)
		if s.serveOne(ctx, conn, pid) {
			pid = s.nextPID()
		}
		s.http.forget(conn)
		s.workers.busy.Add(-1)
		s.workers.calls.Add(1)
		s.workers.spent.Add(int64(time.Since(start)))
	}
}

// serveOne reports whether the worker was killed.
func (s *Server) serveOne(ctx context.Context, raw net.Conn, pid int) bool {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(s.cfg.SendBuffer) // fails on a connection that is over already
	}
	conn := &stallConn{raw, s.cfg.SocketTimeout}
	defer conn.Close()
	s.waitSaturated(ctx)
	c := &call{
		srv: s, ctx: ctx, conn: conn, in: bufio.NewReader(conn), pid: pid,
		killAt: time.Now().Add(s.cfg.LimitTimeReal),
	}
	out := bufio.NewWriter(conn)
	if err := readHead(c.in, &c.head); err != nil {
		refuseHead(out, err)
		return false
	}
	_, died := c.serve(out)
	if !died && !c.read {
		lingerShortly(raw)
	}
	return died
}

// waitSaturated keeps a worker from its connection for as long as the control port wants
// all workers busy.
func (s *Server) waitSaturated(ctx context.Context) {
	if wait := time.Until(s.faults.saturated()); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// refuseHead answers a head that is none. A client that said nothing gets nothing.
func refuseHead(out *bufio.Writer, err error) {
	switch {
	case errors.Is(err, errMalformed):
		io.WriteString(out, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	case errors.Is(err, errLineTooLong):
		io.WriteString(out, "HTTP/1.0 414 Request-URI Too Long\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	case errors.Is(err, errHeadersTooMany):
		io.WriteString(out, "HTTP/1.0 431 Too many headers\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	}
	_ = out.Flush() // nobody else can be told
}

// lingerShortly takes in what the client is still sending, for as long as it sends without a
// pause and a second at most, so that it reads an early answer before the close resets the
// connection.
func lingerShortly(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil {
		return
	}
	scratch := make([]byte, 32<<10)
	began := time.Now()
	for time.Since(began) < time.Second && tcp.SetReadDeadline(time.Now().Add(10*time.Millisecond)) == nil {
		if _, err := tcp.Read(scratch); err != nil {
			return
		}
	}
}
