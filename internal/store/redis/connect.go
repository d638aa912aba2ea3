package redis

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

const keepAlive = 15 * time.Second

// connections are those that a store has open, so that all can be ended at once.
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
	made := c.keep(raw)
	if c.tls == nil {
		return made, nil
	}
	secure := tls.Client(made, c.tlsFor(address))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = made.Close()
		return nil, &unsentError{err}
	}
	return secure, nil
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

// connection leaves the list when it is closed.
type connection struct {
	*net.TCPConn

	of *connections
}

func (c *connections) keep(raw net.Conn) net.Conn {
	tcp, ok := raw.(*net.TCPConn)
	if !ok {
		return raw
	}
	made := &connection{TCPConn: tcp, of: c}
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
	return c.TCPConn.Close() //nolint:wrapcheck // a net.Conn returns what net returns
}

// end closes them all. The pool makes new ones when it needs them, which sign in again.
func (c *connections) end() {
	c.mu.Lock()
	all := make([]*connection, 0, len(c.open))
	for one := range c.open {
		all = append(all, one)
	}
	c.mu.Unlock()
	for _, one := range all {
		_ = one.Close()
	}
}
