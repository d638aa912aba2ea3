package standin

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// serveMany takes every connection of a port at once and keeps it open between requests: the
// gevent process, and the threaded server. It returns once all of them have ended.
func (s *Server) serveMany(ctx context.Context, p *port, gevent bool) {
	var open sync.WaitGroup
	defer open.Wait()
	pid := s.nextPID()
	for {
		conn, err := p.accept()
		if err != nil {
			return
		}
		open.Go(func() {
			defer p.forget(conn)
			defer conn.Close()
			s.serveConn(ctx, conn, pid, gevent)
		})
	}
}

func (s *Server) serveConn(ctx context.Context, conn net.Conn, pid int, gevent bool) {
	in, out := bufio.NewReader(conn), bufio.NewWriter(conn)
	for {
		c := &call{srv: s, ctx: ctx, conn: conn, in: in, pid: pid, realtime: true, gevent: gevent}
		if err := readHead(in, &c.head); err != nil {
			refuseHead(out, err)
			return
		}
		s.requests.Add(1)
		again, died := c.serve(out)
		if again && ctx.Err() == nil {
			continue
		}
		if !died && !c.read && c.upgrade == nil {
			lingerShortly(conn)
		}
		return
	}
}

// answerSmall is the benchmark's answer: 1 KiB, no session, no database, and no fault rules
// looked up.
func (c *call) answerSmall() bool {
	if c.target != "/standin/small" || len(c.srv.faults.current()) > 0 {
		return false
	}
	c.noSession = true
	c.header.Set("Content-Type", "text/plain")
	c.setLength(1024)
	c.WriteHeader(http.StatusOK)
	io.WriteString(c, smallBody())
	return true
}

func smallBody() string { return strings.Repeat("standin ", 128) }

func (c *call) setLength(n int64) { c.header.Set("Content-Length", strconv.FormatInt(n, 10)) }
