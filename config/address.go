package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"sluicegate.dev/sluice/routing/odoo"
)

// ForbiddenAddr tells why no backend may ever be at addr: addresses that answer for the
// machine or the cloud instead of for an Odoo. Whoever dials asks again, because a name may
// resolve to one later.
func ForbiddenAddr(addr netip.Addr) (why string, forbidden bool) {
	addr = addr.Unmap()
	switch {
	case !addr.IsValid():
		return "is no address", true
	case isMetadata(addr):
		return "is a cloud's metadata service", true
	case addr.IsUnspecified():
		return "is the unspecified address", true
	case addr.IsLinkLocalUnicast():
		return "is link-local, where clouds keep their metadata services", true
	case addr.IsMulticast():
		return "is a multicast address", true
	case addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "is the broadcast address", true
	case addr.Is4() && addr.As4()[0] == 0:
		return "is of no host (0.0.0.0/8)", true
	}
	return embedded(addr)
}

// embedded looks through IPv6 forms that carry an IPv4 address: NAT64, 6to4 and the old
// compatible form would reach the address inside.
func embedded(addr netip.Addr) (why string, forbidden bool) {
	if !addr.Is6() {
		return "", false
	}
	b := addr.As16()
	var inner [4]byte
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(addr),
		netip.MustParsePrefix("::/96").Contains(addr) && addr != netip.IPv6Loopback():
		inner = [4]byte(b[12:16])
	case netip.MustParsePrefix("2002::/16").Contains(addr):
		inner = [4]byte(b[2:6])
	default:
		return "", false
	}
	return ForbiddenAddr(netip.AddrFrom4(inner))
}

// isMetadata knows the metadata and platform services that are not link-local, and the
// best known one that is.
func isMetadata(addr netip.Addr) bool {
	switch addr.String() {
	case "169.254.169.254", "168.63.129.16", "fd00:ec2::254", "100.100.100.200", "192.0.0.192":
		return true
	}
	return false
}

// endpoint is where a backend URL leads.
type endpoint struct {
	scheme string
	host   string
	port   int
	addr   netip.Addr // when host is an IP literal
}

// parseEndpoint reads a backend URL and says in words what is wrong with it.
func parseEndpoint(raw string) (e endpoint, message, hint string) {
	u, err := url.Parse(raw)
	if err != nil || strings.ContainsAny(raw, " \t\r\n\\") {
		return e, fmt.Sprintf("%q is not a URL", shorten(raw)), "write it as http://10.0.0.5:8069"
	}
	if message, hint = urlShape(u, raw); message != "" {
		return e, message, hint
	}
	e.scheme, e.port = u.Scheme, 80
	if u.Scheme == "https" {
		e.port = 443
	}
	if p := u.Port(); p != "" {
		if e.port, err = strconv.Atoi(p); err != nil || e.port < 1 || e.port > 65535 {
			return e, fmt.Sprintf("port %s is not between 1 and 65535", shorten(p)), ""
		}
	}
	return e.withHost(u.Hostname())
}

func urlShape(u *url.URL, raw string) (message, hint string) {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "want an http or https URL", fmt.Sprintf("write it as http://%s", strings.TrimPrefix(shorten(raw), u.Scheme+"://"))
	case u.User != nil:
		return "a backend URL has no user name or password", ""
	case u.Path != "" && u.Path != "/":
		return "a backend URL has no path", fmt.Sprintf("leave out %q", shorten(u.Path))
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(raw, "#"):
		return "a backend URL has no query and no fragment", ""
	case u.Hostname() == "":
		return "the host is missing", "write it as http://10.0.0.5:8069"
	}
	return "", ""
}

// nowhere is what to do about an address that is never called.
const nowhere = "no backend can be there"

// withHost takes names, and addresses in their one usual spelling. The others (decimal,
// hexadecimal, octal, short) are read differently by different programs, so that a check
// here would not be the check that counts.
func (e endpoint) withHost(raw string) (_ endpoint, message, hint string) {
	if addr, err := netip.ParseAddr(raw); err == nil {
		if addr.Zone() != "" {
			return e, "an address with a zone is link-local", ""
		}
		if why, bad := ForbiddenAddr(addr); bad {
			return e, fmt.Sprintf("%s %s", addr, why), nowhere
		}
		e.host, e.addr = addr.Unmap().String(), addr.Unmap()
		return e, "", ""
	}
	host, _, err := odoo.CanonicalHost(raw)
	switch {
	case err != nil || strings.Contains(raw, ":"):
		return e, fmt.Sprintf("%q is not a host", shorten(raw)), ""
	case odoo.IsIP(host):
		return e, fmt.Sprintf("%q is an address in an unusual spelling", shorten(raw)), "write it as four decimal numbers, such as 10.0.0.5"
	case host == "metadata.google.internal" || host == "instance-data.ec2.internal":
		return e, host + " is a cloud's metadata service", nowhere
	}
	e.host = host
	return e, "", ""
}

// isLoopback tells whether the backend is on this machine, as far as a name can tell.
func (e endpoint) isLoopback() bool {
	return e.addr.IsLoopback() || e.host == "localhost" || strings.HasSuffix(e.host, ".localhost")
}

// url is the canonical form.
func (e endpoint) url() string {
	host := e.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return e.scheme + "://" + host + ":" + strconv.Itoa(e.port)
}

// isListener tells whether the backend is one of our own listeners, given as host:port or
// :port: the gateway would proxy to itself.
func (e endpoint) isListener(listener string) bool {
	host, port, ok := cutPort(listener)
	if !ok || port != e.port {
		return false
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case host == "" || (err == nil && addr.IsUnspecified()):
		return e.isLoopback()
	case err == nil && addr.IsLoopback(), host == "localhost":
		return e.isLoopback()
	default:
		return host == e.host
	}
}

func cutPort(address string) (host string, port int, ok bool) {
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return "", 0, false
	}
	text, _, _ := strings.Cut(address[i+1:], "/") // Traefik writes :443/udp
	port, err := strconv.Atoi(text)
	return strings.Trim(address[:i], "[]"), port, err == nil
}
