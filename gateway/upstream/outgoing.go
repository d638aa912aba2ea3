package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// Outgoing dials what the gateway calls on its own account, such as webhooks. Their
// addresses come from documents and operators, so the rules of backends hold for them:
// nothing link-local, no metadata service, none of our own listeners.
type Outgoing struct{ dialer *dialer }

// NewOutgoing returns what dials. listeners are our own addresses, forbidden are more
// networks that are never dialled.
func NewOutgoing(listeners []netip.AddrPort, forbidden []netip.Prefix) *Outgoing {
	return &Outgoing{newDialer(listeners, forbidden)}
}

// DialContext is for an http.Transport. Each address is checked after its name was resolved.
func (o *Outgoing) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	nd := net.Dialer{Timeout: defaultDial, KeepAlive: time.Minute, Control: o.dialer.control}
	return nd.DialContext(ctx, network, address)
}

var errCalled = errors.New("not an address that may be called")

// Check says what is wrong with a URL that is to be called, as far as can be said without
// resolving its name.
func (o *Outgoing) Check(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return fmt.Errorf("%w: %q is no http or https URL", errCalled, raw)
	case u.User != nil:
		return fmt.Errorf("%w: %q carries a password, which would be in every log", errCalled, u.Redacted())
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil // a name is checked when it is dialled
	}
	e := newEndpoint(o.dialer, u.Scheme+"://"+u.Host, nil, 0)
	port, err := net.LookupPort("tcp", e.port)
	if err != nil {
		return fmt.Errorf("%w: %q: %w", errCalled, raw, err)
	}
	return o.dialer.check(netip.AddrPortFrom(addr, uint16(port)))
}
