package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"sluicegate.dev/sluice/routing"
)

// errForbidden is a backend whose address may not be dialled.
var errForbidden = errors.New("forbidden address")

const defaultDial = 5 * time.Second

// dialer opens connections and checks each address after its name was resolved: a name that
// was harmless when it was configured may point at the metadata service by now.
type dialer struct {
	listeners map[uint16][]netip.Addr // by port
	forbidden []netip.Prefix
}

func newDialer(listeners []netip.AddrPort, forbidden []netip.Prefix) *dialer {
	d := &dialer{listeners: map[uint16][]netip.Addr{}}
	for _, l := range listeners {
		d.listeners[l.Port()] = append(d.listeners[l.Port()], l.Addr().Unmap())
	}
	d.forbidden = append(metadataAddresses(), forbidden...)
	return d
}

// metadataAddresses are those that clouds serve credentials and control calls on, beside
// the link-local ones.
func metadataAddresses() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("168.63.129.16/32"),   // Azure's wire server
		netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
		netip.MustParsePrefix("fd00:ec2::/32"),      // AWS
	}
}

func (d *dialer) dial(ctx context.Context, address string, timeout time.Duration) (net.Conn, error) {
	if timeout <= 0 {
		timeout = defaultDial
	}
	nd := net.Dialer{Timeout: timeout, Control: d.control}
	return nd.DialContext(ctx, "tcp", address)
}

func (d *dialer) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q", errForbidden, address)
	}
	return d.check(to)
}

func (d *dialer) check(to netip.AddrPort) error {
	addr := to.Addr().Unmap().WithZone("")
	if addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() {
		return fmt.Errorf("%w: %s", errForbidden, to)
	}
	for _, prefix := range d.forbidden {
		if prefix.Contains(addr) {
			return fmt.Errorf("%w: %s", errForbidden, to)
		}
	}
	for _, own := range d.listeners[to.Port()] {
		if own == addr || own.IsUnspecified() && isLocal(addr) {
			return fmt.Errorf("%w: %s is our own listener", errForbidden, to)
		}
	}
	return nil
}

// isLocal says whether addr is one of this machine's. It is asked only for ports that we
// listen on.
func isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() {
		return true
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return true // not knowing is no reason to dial ourselves
	}
	for _, a := range interfaces {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == addr {
				return true
			}
		}
	}
	return false
}

// endpoint is one address of a backend: that of its HTTP workers or of its realtime process.
type endpoint struct {
	dialer  *dialer
	name    *name
	port    string
	host    string // host:port for a Host header of our own
	tls     *tls.Config
	idle    idle
	failure error // the address makes no sense; every request gets it
}

func newEndpoint(d *dialer, raw string, t *routing.BackendTLS, keepAlive time.Duration) *endpoint {
	e := &endpoint{dialer: d, idle: idle{keepAlive: keepAlive}}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		e.failure = fmt.Errorf("backend address %q is no http or https address", raw)
		return e
	}
	e.host, e.name, e.port = u.Host, newName(u.Hostname()), u.Port()
	if e.port == "" {
		e.port = "80"
	}
	if u.Scheme == "https" {
		if u.Port() == "" {
			e.port = "443"
		}
		e.tls, e.failure = clientTLS(u.Hostname(), t)
	}
	return e
}

func clientTLS(host string, t *routing.BackendTLS) (*tls.Config, error) {
	c := &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS12,
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(8), // a handshake with each request otherwise
	}
	if t == nil {
		return c, nil
	}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if len(t.CA) > 0 {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(t.CA) {
			return nil, errors.New("backend CA holds no certificate")
		}
	}
	if len(t.Cert) > 0 {
		pair, err := tls.X509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("backend client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// dial opens a connection, TLS included.
func (e *endpoint) dial(ctx context.Context, timeout time.Duration) (*conn, error) {
	if e.failure != nil {
		return nil, e.failure
	}
	tcp, err := e.name.dial(ctx, e.dialer, e.port, timeout)
	if err != nil {
		return nil, err
	}
	if e.tls == nil {
		return newConn(tcp, tcp), nil
	}
	secure := tls.Client(tcp, e.tls)
	if timeout <= 0 {
		timeout = defaultDial
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = tcp.Close()
		return nil, fmt.Errorf("TLS with %s: %w", e.host, err)
	}
	return newConn(secure, tcp), nil
}
