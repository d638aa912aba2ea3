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
	l.mu.Lock()
	err := l.write(p)
	l.boundary = boundary
	l.ended = l.ended || closed
	l.mu.Unlock()
	l.sendFarewell()
	return err
}

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

// close sends a close frame as soon as a frame ends. It never waits: the goroutine that is
// writing sends it when it is done.
func (l *leg) close(frame []byte) {
	l.farewell.CompareAndSwap(nil, &frame)
	l.sendFarewell()
}

// sendFarewell sends the waiting close frame if this is the place for it. The loop is for
// one that was left while another goroutine held the lock.
func (l *leg) sendFarewell() {
	for l.farewell.Load() != nil && l.mu.TryLock() {
		sent := l.ended
		if l.boundary && !l.ended {
			_ = l.write(*l.farewell.Load()) // a leg that cannot be written to ends on its own
			l.ended, sent = true, true
		}
		waits := !l.boundary && !sent
		l.mu.Unlock()
		if sent || waits {
			return
		}
	}
}
