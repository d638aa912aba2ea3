package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const keepAlive = 15 * time.Second

// connections are those that a store has open, so that all can be retired at once.
type connections struct {
	bound time.Duration
	tls   *tls.Config
	name  string // that certificates must carry when a server is known by its address only

	mu   sync.Mutex
	open map[*connection]struct{}
}

func newConnections(cfg Config, bound time.Duration) *connections {
	c := &connections{bound: bound, tls: cfg.TLS, open: map[*connection]struct{}{}}
	for _, address := range append([]string{cfg.Address}, cfg.Cluster...) {
		if host, _, err := net.SplitHostPort(address); err == nil && c.name == "" && !isIP(host) {
			c.name = host
		}
	}
	return c
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// dial connects, with TLS when that is configured. Its errors say that nothing was sent.
func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.bound)
	defer cancel()
	dialer := net.Dialer{KeepAlive: keepAlive}
	raw, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, &unsentError{err}
	}
	if c.tls == nil {
		return c.keep(raw), nil
	}
	secure := tls.Client(raw, c.tlsFor(address))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, &unsentError{err}
	}
	return c.keep(secure), nil
}

// tlsFor is the TLS configuration for one address. The nodes of a cluster introduce each
// other by address, while their certificates carry the name that the operator gave.
func (c *connections) tlsFor(address string) *tls.Config {
	t := c.tls.Clone()
	if t.ServerName != "" {
		return t
	}
	host, _, _ := net.SplitHostPort(address)
	if isIP(host) && c.name != "" {
		host = c.name
	}
	t.ServerName = host
	return t
}

// connection is one that can be retired: it finishes what it is doing, and the pool, which
// looks before each use whether a connection still lives, makes a new one instead.
type connection struct {
	net.Conn

	of      *connections
	retired atomic.Bool
}

func (c *connections) keep(raw net.Conn) net.Conn {
	made := &connection{Conn: raw, of: c}
	c.mu.Lock()
	c.open[made] = struct{}{}
	c.mu.Unlock()
	return made
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // a net.Conn returns what net returns
}

// retire has all that are open now replaced when they would be used next.
func (c *connections) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.open {
		one.retired.Store(true)
	}
}

var errRetired = errors.New("the connection is retired")

// SyscallConn implements syscall.Conn: it is what the pool looks at.
func (c *connection) SyscallConn() (syscall.RawConn, error) {
	if c.retired.Load() {
		return nil, errRetired
	}
	if plain, ok := c.Conn.(syscall.Conn); ok {
		return plain.SyscallConn() //nolint:wrapcheck // as the connection itself would
	}
	return unlooked{}, nil
}

// unlooked is the socket under TLS. What waits there may be TLS's own, so nobody looks.
type unlooked struct{}

func (unlooked) Control(func(uintptr)) error    { return nil }
func (unlooked) Read(func(uintptr) bool) error  { return nil }
func (unlooked) Write(func(uintptr) bool) error { return nil }
