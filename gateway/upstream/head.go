package upstream

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// What Odoo is told. This file is the only place that writes a request's head.

var errTarget = errors.New("request target holds a control character")

// appendHead writes the head of r for Odoo. length is the body's, -1 for none. Everything
// that decides tenant, database, host, scheme or client comes from the exchange; the
// client's own copies were removed by the guard and are left out here once more, since a
// later step may have brought one back.
func appendHead(b []byte, r *http.Request, x *routing.Exchange, length int64, upgrade bool) ([]byte, error) {
	target := r.URL.RequestURI()
	if !cleanTarget(target) {
		return b, errTarget
	}
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", x.PublicHost)
	b = appendClient(b, r.Header, upgrade)
	b = appendOwn(b, x)
	if upgrade {
		b = append(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	if length >= 0 {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, length, 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// appendOwn writes what the gateway says about the request. X-Forwarded-Host is what makes
// Odoo's proxy mode look at the others at all; X-Forwarded-For is one bare address, because
// Odoo parses it and fails on anything else.
func appendOwn(b []byte, x *routing.Exchange) []byte {
	b = appendField(b, "X-Forwarded-Host", x.PublicHost)
	b = appendField(b, "X-Forwarded-Proto", x.Scheme)
	if x.Client.IsValid() {
		b = append(b, "X-Forwarded-For: "...)
		b = x.Client.Unmap().WithZone("").AppendTo(b)
		b = append(b, "\r\n"...)
	}
	b = appendField(b, answer.RequestIDHeader, x.RequestID)
	if x.Release == nil || x.Release.Database == "" {
		return b
	}
	if x.Pool.Isolation == routing.IsolationHeader {
		b = appendField(b, odoo.DBFilterHeader, odoo.DBFilter(x.Release.Database))
	}
	if namesDatabase(x) {
		b = appendField(b, odoo.DatabaseHeader, x.Release.Database)
	}
	return b
}

// namesDatabase is true for JSON-2 calls, which carry no database of their own. With a
// session cookie the session names it, and Odoo refuses both together.
func namesDatabase(x *routing.Exchange) bool {
	return x.Pool.Profile.DatabaseHeader && x.Pool.Isolation != routing.IsolationSingle &&
		x.SessionKey == "" && strings.HasPrefix(x.Path, "/json/2/")
}

// appendClient copies what the client sent and Odoo may see.
func appendClient(b []byte, h http.Header, upgrade bool) []byte {
	named := h["Connection"]
	for name, values := range h {
		if ownHeader(name) || hopHeader(name) || odoo.AliasHeader(name) {
			continue
		}
		if len(named) > 0 && namedByConnection(named, name) {
			continue
		}
		if !upgrade && strings.HasPrefix(name, "Sec-Websocket-") {
			continue
		}
		if name == "Sec-Websocket-Extensions" {
			values = slices.DeleteFunc(extensions(h), func(e string) bool { return !isDeflate(e) }) // what our frame reader can follow
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	return b
}

// appendField writes one header. A value that could end the line is left out: none comes
// from net/http, and a step of ours must not become a way to write another header.
func appendField(b []byte, name, value string) []byte {
	for i := 0; i < len(value); i++ {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return b
		}
	}
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// ownHeader names what only appendOwn may write.
func ownHeader(name string) bool {
	switch name {
	case "Host", "Content-Length", "X-Request-Id", odoo.DBFilterHeader, odoo.DatabaseHeader, "Forwarded":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-")
}

// hopHeader names what concerns one connection only. Expect was answered by our own server,
// and the body is in hand, so there are no trailers.
func hopHeader(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings", "Expect":
		return true
	}
	return false
}

// namedByConnection says whether the client declared name to be for one hop. Names that
// start with X- stay: steps of ours set such headers after the client's Connection header
// was written, and a client must not be able to take them away.
func namedByConnection(lines []string, name string) bool {
	if strings.HasPrefix(name, "X-") {
		return false
	}
	return hasToken(lines, name)
}

// hasToken looks for token in comma-separated lists, whatever its case.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// cleanTarget refuses what would end the request line.
func cleanTarget(target string) bool {
	for i := 0; i < len(target); i++ {
		if target[i] <= ' ' || target[i] == 0x7f {
			return false
		}
	}
	return target != ""
}
