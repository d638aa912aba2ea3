package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	nameFresh   = 5 * time.Second // a backend's name is looked up again after this
	nameTimeout = 2 * time.Second // of one look-up
)

// name is a backend's host name with the addresses it had last. Prefork Odoo gets a new
// connection with each request, which must not wait for DNS each time, nor fail with it:
// while the name cannot be looked up, the last good addresses serve on. Each address is
// checked when it is dialled.
type name struct {
	host   string
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	mu    sync.Mutex // held by the one who looks up
	known atomic.Pointer[resolved]
	turn  atomic.Uint32
}

type resolved struct {
	addresses []netip.Addr
	at        time.Time
}

func newName(host string) *name {
	n := &name{host: host, lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}}
	if addr, err := netip.ParseAddr(host); err == nil {
		n.known.Store(&resolved{addresses: []netip.Addr{addr}})
		n.lookup = nil
	}
	return n
}

// addresses are those of the name. Only one request waits for a look-up that is due; the
// others take what was known, unless nothing was.
func (n *name) addresses(ctx context.Context, now time.Time) ([]netip.Addr, error) {
	known := n.known.Load()
	if known != nil && (n.lookup == nil || now.Sub(known.at) < nameFresh) {
		return known.addresses, nil
	}
	if known != nil && !n.mu.TryLock() {
		return known.addresses, nil
	}
	if known == nil {
		n.mu.Lock()
	}
	defer n.mu.Unlock()
	if again := n.known.Load(); again != nil && again != known {
		return again.addresses, nil // somebody else did it meanwhile
	}
	return n.refresh(ctx, known, now)
}

func (n *name) refresh(ctx context.Context, known *resolved, now time.Time) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	found, err := n.lookup(ctx, n.host)
	if err == nil && len(found) == 0 {
		err = errors.New("no addresses")
	}
	if err != nil {
		if known == nil {
			return nil, err
		}
		found = known.addresses
	}
	n.known.Store(&resolved{addresses: found, at: now})
	return found, nil
}

// dial tries the addresses of the name one after another, each request beginning with
// another one.
func (n *name) dial(ctx context.Context, d *dialer, port string, timeout time.Duration) (net.Conn, error) {
	addresses, err := n.addresses(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	first := int(n.turn.Add(1))
	var failed error
	for i := range addresses {
		a := addresses[(first+i)%len(addresses)]
		c, err := d.dial(ctx, net.JoinHostPort(a.String(), port), timeout)
		if err == nil {
			return c, nil
		}
		failed = errors.Join(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}
