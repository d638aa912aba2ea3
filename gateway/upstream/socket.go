package upstream

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// socket is one open WebSocket: a client's connection, a backend's, and two goroutines that
// carry frames. While nothing moves it holds no buffer: each goroutine waits with a few
// bytes, and borrows a buffer only for what comes.
type socket struct {
	upstream *Upstream
	backend  *backend
	tenant   string
	release  string
	database string
	warmth   int // of the database, when it was opened
	opened   time.Time

	client leg          // written by the way down
	server leg          // written by the way up
	limit  atomic.Int64 // UnixNano after which neither side may go on; 0 while open
	code   atomic.Int32 // the first close code seen or sent
	ways   atomic.Int32 // directions still running
	ended  func()       // tells the books; may be nil
	left   atomic.Bool  // the farewell has begun: it keeps nothing warm any more
}

// direction is one goroutine's part of a socket.
type direction struct {
	from   *leg
	to     *leg
	frames frames
	ahead  []byte // what was read together with the handshake
	wait   [maxHeader]byte
}

// carry moves frames until the direction ends, and says why; nil after a close frame.
func (s *socket) carry(d *direction) error {
	if len(d.ahead) > 0 {
		ahead := d.ahead
		d.ahead = nil
		if err := s.burst(d, ahead); err != nil || d.frames.closed() {
			return err
		}
	}
	for {
		s.arm(d.from.conn)
		n, err := d.from.conn.Read(d.wait[:])
		if n > 0 {
			if err := s.burst(d, d.wait[:n]); err != nil || d.frames.closed() {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// burst passes on what has come and what follows, until the direction is silent between two
// frames.
func (s *socket) burst(d *direction, first []byte) error {
	borrowed := s.upstream.buffers.frames.Get().(*[frameSize]byte)
	defer s.upstream.buffers.frames.Put(borrowed)
	held := copy(borrowed[:], first) // less than a buffer: a header, or the rest of a handshake's read
	for {
		n, err := d.frames.scan(borrowed[:held], d.to.parting())
		if werr := d.to.forward(borrowed[:n], d.frames.atBoundary(), d.frames.closed()); werr != nil {
			return &sideError{d.to, werr}
		}
		if err != nil || d.frames.closed() {
			return err
		}
		held = copy(borrowed[:], borrowed[n:held])
		if held == 0 && d.frames.atBoundary() {
			return nil
		}
		s.arm(d.from.conn)
		n, err = d.from.conn.Read(borrowed[held:])
		if n == 0 && err != nil {
			return err
		}
		held += n
	}
}

// sideError is a write that failed: the side that was written to is the one that ended.
type sideError struct {
	side *leg
	err  error
}

func (e *sideError) Error() string { return e.err.Error() }
func (e *sideError) Unwrap() error { return e.err }

// arm sets the deadline of the next read: the idle time, or the end of the farewell. It
// looks again after setting it, because the farewell may begin in between.
func (s *socket) arm(c net.Conn) {
	if limit := s.limit.Load(); limit == 0 {
		_ = c.SetReadDeadline(time.Now().Add(s.upstream.timing.SocketIdle)) // fails as the read will
	}
	if limit := s.limit.Load(); limit != 0 {
		_ = c.SetReadDeadline(time.Unix(0, limit))
	}
}

// part begins the farewell: whatever is still to be said must be said soon.
func (s *socket) part() {
	s.depart(false)
	at := time.Now().Add(s.upstream.timing.SocketFarewell)
	if s.limit.CompareAndSwap(0, at.UnixNano()) {
		_ = s.client.conn.SetDeadline(at) // fails only where everything else will, too
		_ = s.server.conn.SetDeadline(at)
	}
}

// depart counts the socket out of its database.
func (s *socket) depart(broken bool) {
	if !s.left.Swap(true) {
		s.backend.turnstile.closed(s.database, s.warmth, broken)
	}
}

// close ends the socket from our side. The client is told code, Odoo that the client went.
func (s *socket) close(code int, reason string) { s.say(code, closeGoingAway, reason) }

// say sends close frames both ways and begins the farewell. A side that has had one, or is
// gone, is not harmed.
func (s *socket) say(client, server int, reason string) {
	s.note(client)
	// Both are left before either is sent: the answer to one must not overtake the other.
	s.client.part(closeFrame(client, reason, false))
	s.server.part(closeFrame(server, "", true))
	s.client.sendFarewell()
	s.server.sendFarewell()
	s.part()
}

// note keeps the first close code.
func (s *socket) note(code int) { s.code.CompareAndSwap(0, int32(code)) }

// run carries one direction. The one that ends last closes the connections.
func (s *socket) run(d *direction) {
	s.parted(d, s.carry(d))
	if s.ways.Add(-1) > 0 {
		return
	}
	_ = s.client.conn.Close() // everything that could be said was said
	_ = s.server.conn.Close()
	s.upstream.sockets.remove(s)
}

// parted says goodbye where one direction has ended, so that the other one ends too.
func (s *socket) parted(d *direction, err error) {
	var side *sideError
	broken := d.from
	if errors.As(err, &side) {
		broken = side.side
	}
	switch {
	case d.frames.closed():
		s.note(d.frames.code) // the other side answers it, and its direction ends by that
		s.part()
	case isFrameError(err) && broken == &s.client:
		s.say(closeProtocol, closeGoingAway, err.Error())
	case isFrameError(err):
		s.say(closeRestart, closeProtocol, "restart")
	case broken == &s.client:
		s.note(closeNone)
		s.say(closeGoingAway, closeGoingAway, "")
	default:
		// A server that goes without a word restarts, or was killed. 1012 makes the
		// browser come back after a moment; after 1000 it never would.
		s.depart(true)
		s.say(closeRestart, closeGoingAway, "restart")
	}
}

func isFrameError(err error) bool {
	for _, known := range []error{errReserved, errOpcode, errControl, errFragments, errMask, errLength} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
