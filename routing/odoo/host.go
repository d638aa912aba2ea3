package odoo

import (
	"errors"
	"net/netip"
	"strings"
)

// What can be wrong with a host. Both are a client's fault: 400.
var (
	ErrHost = errors.New("host: not a hostname")
	ErrPort = errors.New("host: not a port number")
)

const (
	maxHost  = 253
	maxLabel = 63
)

// CanonicalHost splits a Host header or :authority into the canonical host and the port.
// Canonical is lower case, without the one dot that may stand at the end, punycode as it
// comes. An IPv6 literal loses its brackets (IsIP knows it by its colons). It does not
// allocate when raw is canonical already.
//
// Only ASCII letters, digits, '-', '_' and '.' make a name: user information, spaces,
// percent signs and raw UTF-8 have no one reading, so they are refused. An underscore is
// let through because an operator may have registered such a name exactly.
func CanonicalHost(raw string) (host, port string, err error) {
	if strings.HasPrefix(raw, "[") {
		return canonicalIPv6(raw)
	}
	name := raw
	if i := strings.IndexByte(raw, ':'); i >= 0 {
		name, port = raw[:i], raw[i+1:]
		if !portOK(port) {
			return "", "", ErrPort
		}
	}
	name = strings.TrimSuffix(name, ".")
	upper, ok := checkName(name)
	if !ok {
		return "", "", ErrHost
	}
	if upper {
		name = strings.ToLower(name)
	}
	return name, port, nil
}

// checkName tells whether name is a hostname, and whether it holds upper case.
func checkName(name string) (upper, ok bool) {
	if name == "" || len(name) > maxHost {
		return false, false
	}
	label := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '.' {
			if label == 0 {
				return false, false
			}
			label = 0
			continue
		}
		if !isAlnum(c) && c != '-' && c != '_' {
			return false, false
		}
		upper = upper || (c >= 'A' && c <= 'Z')
		label++
		if label > maxLabel {
			return false, false
		}
	}
	return upper, label > 0
}

// portOK accepts 1 to 65535 and the empty port, which RFC 3986 allows ("host:").
func portOK(port string) bool {
	if len(port) > 5 {
		return false
	}
	n := 0
	for i := 0; i < len(port); i++ {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
		n = n*10 + int(port[i]-'0')
	}
	return port == "" || (n > 0 && n < 65536)
}

func canonicalIPv6(raw string) (host, port string, err error) {
	end := strings.IndexByte(raw, ']')
	if end < 0 {
		return "", "", ErrHost
	}
	host = raw[1:end]
	if addr, err := netip.ParseAddr(host); err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", "", ErrHost
	}
	switch rest := raw[end+1:]; {
	case rest == "":
	case rest[0] == ':' && portOK(rest[1:]):
		port = rest[1:]
	default:
		return "", "", ErrPort
	}
	return strings.ToLower(host), port, nil
}

// IsIP tells whether a canonical host is an IP literal in any spelling that a resolver
// would take: it has a colon, or its last label is a number (127.1, 0x7f000001).
func IsIP(host string) bool {
	if strings.IndexByte(host, ':') >= 0 {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if len(last) > 1 && last[0] == '0' && last[1] == 'x' {
		return allBytes(last[2:], isHex)
	}
	return last != "" && allBytes(last, isDigit)
}

func allBytes(s string, ok func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
}

func isAlnum(c byte) bool {
	return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}
