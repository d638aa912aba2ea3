package upstream

import (
	"sync"
	"time"
)

// maxIdle bounds the idle connections of one endpoint.
const maxIdle = 64

// freshEnough is how recently a connection must have answered to carry a write. A server
// may close an idle connection at the moment we use it, and a write that was cut off there
// cannot be repeated. No server's keep-alive is this short.
const freshEnough = time.Second

// idle keeps connections for reuse, the last used one first: the rest can grow old and go.
type idle struct {
	keepAlive time.Duration

	mu     sync.Mutex
	conns  []*conn
	closed bool
}

// take returns a connection that was alive a moment ago, nil when there is none.
func (i *idle) take(now time.Time, youngerThan time.Duration) *conn {
	for {
		c := i.pop()
		if c == nil {
			return nil
		}
		if now.Sub(c.idleSince) > youngerThan {
			i.put(c, c.idleSince) // good for another request
			return nil
		}
		if c.alive() {
			c.reused = true
			return c
		}
		_ = c.Close()
	}
}

func (i *idle) pop() *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.conns)
	if n == 0 {
		return nil
	}
	c := i.conns[n-1]
	i.conns[n-1] = nil
	i.conns = i.conns[:n-1]
	return c
}

// put keeps c, or closes it where it cannot be kept.
func (i *idle) put(c *conn, since time.Time) {
	c.idleSince = since
	i.mu.Lock()
	full := i.closed || len(i.conns) >= maxIdle
	if !full {
		i.conns = append(i.conns, c)
	}
	i.mu.Unlock()
	if full {
		_ = c.Close()
	}
}

// sweep closes what has been idle for too long.
func (i *idle) sweep(now time.Time) {
	i.mu.Lock()
	old := 0
	for old < len(i.conns) && now.Sub(i.conns[old].idleSince) > i.keepAlive {
		old++
	}
	stale := append([]*conn(nil), i.conns[:old]...)
	i.conns = append(i.conns[:0], i.conns[old:]...)
	i.mu.Unlock()
	for _, c := range stale {
		_ = c.Close()
	}
}

// close closes all, and whatever comes back later.
func (i *idle) close() {
	i.mu.Lock()
	conns := i.conns
	i.conns, i.closed = nil, true
	i.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

func (i *idle) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.conns)
}
