package upstream

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// leg is one side of a socket as it is written to: the frames of the other side pass
// through it, and a close frame of ours can be put between them.
type leg struct {
	conn  net.Conn
	stall time.Duration
	limit *atomic.Int64 // the socket's

	mu       sync.Mutex
	boundary bool // the last byte written ended a frame
	ended    bool // a close frame went out; nothing may follow it

	farewell atomic.Pointer[[]byte] // a close frame that waits for its place
}

// forward writes p, which ends at a frame's end when boundary is set, and ended a close
// frame when closed is set. What comes after a close frame of ours is dropped.
func (l *leg) forward(p []byte, boundary, closed bool) error {
	if len(p) == 0 {
		return nil
	}
	l.sendFarewell() // before the next frame
	l.mu.Lock()
	err := l.write(p)
	l.boundary = boundary
	l.ended = l.ended || closed
	l.mu.Unlock()
	l.sendFarewell() // or after it
	return err
}

// parting is true while a close frame waits for its place.
func (l *leg) parting() bool { return l.farewell.Load() != nil }

func (l *leg) write(p []byte) error {
	if l.ended {
		return nil
	}
	due := time.Now().Add(l.stall)
	if limit := l.limit.Load(); limit != 0 {
		due = time.Unix(0, limit)
	}
	if err := l.conn.SetWriteDeadline(due); err != nil {
		return err
	}
	_, err := l.conn.Write(p)
	return err
}

// part leaves a close frame to be sent by sendFarewell; the first one counts.
func (l *leg) part(frame []byte) { l.farewell.CompareAndSwap(nil, &frame) }

// sendFarewell sends the waiting close frame if this is the place for it. It never waits:
// whoever holds the lock writes a frame, and looks here once more when it is done, or is
// here itself.
func (l *leg) sendFarewell() {
	frame := l.farewell.Load()
	if frame == nil || !l.mu.TryLock() {
		return
	}
	defer l.mu.Unlock()
	if l.boundary && !l.ended {
		_ = l.write(*frame) // a leg that cannot be written to ends on its own
		l.ended = true
	}
}
