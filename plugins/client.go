package plugins

import (
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"sluicegate.dev/sluice/routing"
)

const maxRequestID = 64

// identify fills in who the client is and how it reached us. All of it is decided here,
// once: later steps read the exchange and never a forwarded header.
func (p *Path) identify(x *routing.Exchange, r *http.Request) {
	peer := peerAddr(r.RemoteAddr)
	trusted := p.trusts(peer)
	x.Client = peer
	if trusted {
		x.Client = p.forwardedFor(peer, r.Header["X-Forwarded-For"])
	}
	x.Scheme = scheme(r, trusted)
	x.PublicHost = p.publicHost(x)
	x.RequestID = requestID(r, trusted)
}

// ClientOf says where a request of any route comes from, by the same rules as a tenant's.
func (p *Path) ClientOf(r *http.Request) netip.Addr {
	if x := routing.FromContext(r.Context()); x != nil {
		return x.Client
	}
	peer := peerAddr(r.RemoteAddr)
	if !p.trusts(peer) {
		return peer
	}
	return p.forwardedFor(peer, r.Header["X-Forwarded-For"])
}

func peerAddr(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func (p *Path) trusts(a netip.Addr) bool {
	for _, prefix := range p.deps.TrustedProxies {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// forwardedFor walks X-Forwarded-For from the right and returns the first address that no
// trusted proxy owns. An entry that is no bare address ends the walk: what stands left of
// it was not written by a proxy of ours.
func (p *Path) forwardedFor(peer netip.Addr, lines []string) netip.Addr {
	client := peer
	entries := strings.Split(strings.Join(lines, ","), ",")
	for i := len(entries) - 1; i >= 0; i-- {
		addr, ok := forwardedAddr(strings.TrimSpace(entries[i]))
		if !ok {
			break
		}
		client = addr
		if !p.trusts(addr) {
			break
		}
	}
	return client
}

// forwardedAddr reads one entry. Azure's Application Gateway writes address:port.
func forwardedAddr(entry string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(entry); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(entry); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

// scheme is http or https as the client sees it, never ws: Odoo builds links and checks
// origins with it.
func scheme(r *http.Request, trusted bool) string {
	if r.TLS != nil {
		return "https"
	}
	if proto := r.Header.Get("X-Forwarded-Proto"); trusted && (proto == "https" || proto == "wss") {
		return "https"
	}
	return "http"
}

// publicHost is the host as links must show it: ours, with the port that the operator
// declared, never the port a client sent.
func (p *Path) publicHost(x *routing.Exchange) string {
	port, ok := p.deps.PublicPorts[x.EntryPoint]
	if !ok || port == 80 || port == 443 {
		return x.Host
	}
	return x.Host + ":" + strconv.Itoa(port)
}

// requestID keeps the id of a trusted proxy, so that one id follows a request through the
// whole estate, and makes one otherwise.
func requestID(r *http.Request, trusted bool) string {
	if id := r.Header.Get("X-Request-Id"); trusted && wellFormedID(id) {
		return id
	}
	const digits = "0123456789abcdef"
	var id [24]byte
	word := rand.Uint64()
	for i := range id {
		if i == 16 {
			word = rand.Uint64()
		}
		id[i] = digits[word&15]
		word >>= 4
	}
	return string(id[:])
}

func wellFormedID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}
