package upstream

import (
	"bufio"
	"errors"
	"net"
	"syscall"
	"time"
)

// maxHead bounds an answer's head. Odoo's are around one KiB.
const maxHead = 64 << 10

var errHeadTooLarge = errors.New("head of the answer too large")

// conn is one connection to a backend.
type conn struct {
	net.Conn
	tcp net.Conn // beneath TLS; Conn itself without

	reader *bufio.Reader // only while a request is on the way
	budget int           // bytes that the head may still take; negative: unbounded
	got    bool          // a byte of the answer has come
	stall  time.Duration // longest pause while the body comes; 0: no bound

	reused    bool
	idleSince time.Time

	raw   syscall.RawConn
	peek  func(fd uintptr) bool
	quiet bool // what peek found
}

func newConn(c, tcp net.Conn) *conn {
	k := &conn{Conn: c, tcp: tcp}
	if s, ok := tcp.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			k.raw = raw
			k.peek = func(fd uintptr) bool {
				k.quiet = quietSocket(fd)
				return true
			}
		}
	}
	return k
}

// begin makes the connection ready for one request, whose answer must begin within limit.
func (c *conn) begin(reader *bufio.Reader, limit time.Duration) {
	reader.Reset(c)
	c.reader = reader
	c.budget, c.got, c.stall = maxHead, false, 0
	_ = c.SetDeadline(time.Now().Add(limit)) // fails only on a closed connection, as what follows does
}

// Read is what the bufio.Reader reads from: it bounds the head in bytes and the body in time.
func (c *conn) Read(p []byte) (int, error) {
	if c.budget == 0 {
		return 0, errHeadTooLarge
	}
	if c.stall > 0 {
		_ = c.SetReadDeadline(time.Now().Add(c.stall))
	}
	if c.budget > 0 && len(p) > c.budget {
		p = p[:c.budget]
	}
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.got = true
		if c.budget > 0 {
			c.budget -= n
		}
	}
	return n, err
}

// body lifts the bound of the head and sets the one between two reads of the body.
func (c *conn) body(stall time.Duration) {
	c.budget, c.stall = -1, stall
	if stall == 0 {
		_ = c.SetReadDeadline(time.Time{})
	}
}

// alive says whether an idle connection can take another request: open, and silent. Bytes
// that nobody asked for belong to no request of ours.
func (c *conn) alive() bool {
	if c.raw == nil {
		return true
	}
	c.quiet = false
	return c.raw.Read(c.peek) == nil && c.quiet
}

// kill closes the connection under whoever reads or writes it. It goes beneath TLS, whose
// own Close would wait for room to say goodbye.
func (c *conn) kill() { _ = c.tcp.Close() }
