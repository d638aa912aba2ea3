package standin

import (
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// LoadCounts say how hard a server was pressed. They prove a gateway in front: with fewer
// workers declared there than there are here, Most shows how many it really used.
type LoadCounts struct {
	Now  int `json:"now"`  // requests at the HTTP workers, but for health checks
	Most int `json:"most"` // the most at once
	Left int `json:"left"` // requests whose client had gone when the answer was ready

	Handshakes          int `json:"handshakes"`
	HandshakesAtOnce    int `json:"handshakes_at_once"`    // the most
	HandshakesPerSecond int `json:"handshakes_per_second"` // the most in any second

	Databases map[string]DatabaseLoad `json:"databases"` // those that hosts lead to
}

// DatabaseLoad is the part of one database.
type DatabaseLoad struct {
	Now              int `json:"now"`
	Most             int `json:"most"`
	Handshakes       int `json:"handshakes"`
	HandshakesAtOnce int `json:"handshakes_at_once"`

	shaking int
}

// load counts what is under way.
type load struct {
	mu      sync.Mutex
	total   LoadCounts
	by      map[string]*DatabaseLoad
	shaking int
	lately  []time.Time // handshakes of the last second
}

func newLoad() *load { return &load{by: map[string]*DatabaseLoad{}} }

// enter counts a call in and returns what counts it out.
func (l *load) enter(c *call) func() {
	database := c.hostDatabase()
	switch {
	case strings.HasSuffix(c.path, "/health"):
		return func() {}
	case c.path == "/websocket":
		l.change(database, func(of *DatabaseLoad) { l.greet(of, time.Now()) })
		return func() { l.change(database, func(of *DatabaseLoad) { l.shaking--; of.shaking-- }) }
	case c.gevent:
		return func() {}
	}
	l.change(database, func(of *DatabaseLoad) {
		l.total.Now++
		l.total.Most = max(l.total.Most, l.total.Now)
		of.Now++
		of.Most = max(of.Most, of.Now)
	})
	return func() { l.change(database, func(of *DatabaseLoad) { l.total.Now--; of.Now-- }) }
}

func (l *load) greet(of *DatabaseLoad, now time.Time) {
	for len(l.lately) > 0 && now.Sub(l.lately[0]) >= time.Second {
		l.lately = l.lately[1:]
	}
	l.lately = append(l.lately, now)
	l.shaking++
	of.shaking++
	of.Handshakes++
	of.HandshakesAtOnce = max(of.HandshakesAtOnce, of.shaking)
	l.total.Handshakes++
	l.total.HandshakesAtOnce = max(l.total.HandshakesAtOnce, l.shaking)
	l.total.HandshakesPerSecond = max(l.total.HandshakesPerSecond, len(l.lately))
}

func (l *load) change(database string, change func(*DatabaseLoad)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.by[database]
	if of == nil {
		of = &DatabaseLoad{}
		l.by[database] = of
	}
	change(of)
}

// reset begins to count anew; what is under way stays counted.
func (l *load) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total = LoadCounts{Now: l.total.Now, Most: l.total.Now, HandshakesAtOnce: l.shaking}
	l.lately = nil
	for _, of := range l.by {
		*of = DatabaseLoad{Now: of.Now, Most: of.Now, HandshakesAtOnce: of.shaking, shaking: of.shaking}
	}
}

func (l *load) counts() LoadCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := l.total
	counts.Databases = map[string]DatabaseLoad{}
	for name, of := range l.by {
		if name != "" {
			counts.Databases[name] = *of
		}
	}
	return counts
}

// hostDatabase is the only one that the host allows, if there is one.
func (c *call) hostDatabase() string {
	databases, err := c.databases()
	if err != nil || len(databases) != 1 {
		return ""
	}
	return databases[0]
}

// noteLeaver looks for whom the answer is. Odoo would not: it works for nobody, and finds out
// when it writes.
func (c *call) noteLeaver() {
	if !hasLeft(c.conn) {
		return
	}
	l := c.srv.load
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.Left++
}

// hasLeft looks into the receive queue without taking anything out of it.
func hasLeft(conn net.Conn) bool {
	if stall, ok := conn.(*stallConn); ok {
		conn = stall.Conn
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	var n int
	var peekErr error
	err = raw.Control(func(fd uintptr) {
		n, _, peekErr = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return err != nil || n == 0 && peekErr == nil || errors.Is(peekErr, syscall.ECONNRESET)
}
