package gateway

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"sluicegate.dev/sluice/gateway/edge"
)

// addrPort reads a listen address of Traefik's or the admin API's. A missing host is every
// local address; a name is none that could be compared, so it is left out.
func addrPort(address string) (netip.AddrPort, bool) {
	address, _, _ = strings.Cut(address, "/") // ":443/udp"
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	if host == "" {
		host = "::"
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr, uint16(number)), true
}

// ownListeners are the addresses that a backend must never be: our own ports.
func ownListeners(entryPoints []edge.EntryPoint, admin string) []netip.AddrPort {
	var own []netip.AddrPort
	for _, ep := range entryPoints {
		if ap, ok := addrPort(ep.Address); ok {
			own = append(own, ap)
		}
	}
	if ap, ok := addrPort(admin); ok {
		own = append(own, ap)
	}
	return own
}

// tlsEntryPoints are those that are declared with TLS.
func tlsEntryPoints(entryPoints []edge.EntryPoint) map[string]bool {
	declared := map[string]bool{}
	for _, ep := range entryPoints {
		declared[ep.Name] = ep.TLS
	}
	return declared
}

// httpsPort is where plain HTTP is redirected to: the public port of the first entry point
// that is declared with TLS, or that is called websecure or listens on 443. Without one
// there is nowhere to redirect to.
func httpsPort(entryPoints []edge.EntryPoint, public map[string]int) (port int, ok bool) {
	for _, ep := range entryPoints {
		listen, known := addrPort(ep.Address)
		if ep.Status || !ep.TLS && ep.Name != "websecure" && (!known || listen.Port() != 443) {
			continue
		}
		if p, declared := public[ep.Name]; declared {
			return p, true
		}
		return 443, true
	}
	return 0, false
}
