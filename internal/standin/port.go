package standin

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

var errStopped = errors.New("server is stopping")

// port is a listening address that can refuse connections for a while and come back.
type port struct {
	backlog int // 0: the kernel's

	mu      sync.Mutex
	address string
	ln      *net.TCPListener // nil while connections are refused
	opened  chan struct{}    // closed as soon as ln is there
	stopped bool
	ended   bool // connections that come in late are closed
	expired bool // ... or may still write, but not read
	conns   map[net.Conn]struct{}
}

func newPort(address string, backlog int) *port {
	return &port{address: address, backlog: backlog, opened: make(chan struct{}), conns: map[net.Conn]struct{}{}}
}

// open binds; after a shut it takes the same address again.
func (p *port) open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != nil || p.stopped {
		return nil
	}
	ln, err := net.Listen("tcp", p.address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	tcp := ln.(*net.TCPListener)
	if err := setBacklog(tcp, p.backlog); err != nil {
		return errors.Join(err, ln.Close())
	}
	p.ln, p.address = tcp, ln.Addr().String()
	close(p.opened)
	return nil
}

// setBacklog listens a second time on the socket: Linux then only changes the length of the
// queue. Odoo's prefork server asks for 8 per worker.
func setBacklog(ln *net.TCPListener, backlog int) error {
	if backlog == 0 {
		return nil
	}
	raw, err := ln.SyscallConn()
	if err != nil {
		return fmt.Errorf("backlog: %w", err)
	}
	var listenErr error
	err = raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), backlog) })
	if err = errors.Join(err, listenErr); err != nil {
		return fmt.Errorf("backlog: %w", err)
	}
	return nil
}

// shut closes the listening socket: connections are refused until open.
func (p *port) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shutLocked()
}

func (p *port) shutLocked() {
	if p.ln == nil {
		return
	}
	_ = p.ln.Close() // it was open
	p.ln = nil
	if !p.stopped {
		p.opened = make(chan struct{})
	}
}

// accept waits for a connection, also over a time of refusing.
func (p *port) accept() (net.Conn, error) {
	for {
		ln, opened, stopped := p.current()
		if stopped {
			return nil, errStopped
		}
		if ln == nil {
			<-opened
			continue
		}
		if conn, err := ln.Accept(); err == nil {
			p.track(conn)
			return conn, nil
		}
	}
}

func (p *port) current() (*net.TCPListener, chan struct{}, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ln, p.opened, p.stopped
}

// halt ends every accept. The socket goes on listening: connections queue in the kernel with
// nobody to take them, as on an Odoo whose last worker is busy while it stops.
func (p *port) halt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.stopped = true
	if p.ln == nil {
		close(p.opened)
		return
	}
	_ = p.ln.SetDeadline(longAgo()) // the socket is open
}

func (p *port) track(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[conn] = struct{}{}
	p.endOne(conn)
}

func (p *port) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// drop closes every open connection without a word.
func (p *port) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
}

// end drops the connections for good.
func (p *port) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.drop()
}

// expire ends every read for good: idle connections close, busy ones can still answer.
func (p *port) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expired = true
	for conn := range p.conns {
		p.endOne(conn)
	}
}

func (p *port) endOne(conn net.Conn) {
	if p.ended {
		conn.Close()
	}
	if p.expired {
		_ = conn.SetReadDeadline(longAgo()) // fails where there is nothing left to end
	}
}

func longAgo() time.Time { return time.Unix(1, 0) }

func (p *port) addr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

func (p *port) openConns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}
