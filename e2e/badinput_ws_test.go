package e2e

import (
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// handshake is an honest websocket handshake; lines replace or add.
func handshake(host, target string, lines ...string) string {
	all := append([]string{"Host: " + host, "X-Case: {case}"}, lines...)
	for _, line := range []string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: http://acme.test",
	} {
		name, _, _ := strings.Cut(line, ":")
		if !mentions(lines, name) {
			all = append(all, line)
		}
	}
	return head("GET", target, without(all)...)
}

func mentions(lines []string, name string) bool {
	for _, line := range lines {
		if n, _, _ := strings.Cut(line, ":"); n == name {
			return true
		}
	}
	return false
}

// without drops lines like "Name: -", which say that a header is left out.
func without(lines []string) []string {
	var kept []string
	for _, line := range lines {
		if !strings.HasSuffix(line, ": -") {
			kept = append(kept, line)
		}
	}
	return kept
}

// webSocketRows misuse the upgrade (W01, W03-W05).
func webSocketRows() []row {
	refused := func(id, request string, want ...int) row { return row{id: id, send: request, want: want} }
	frames := func(id, bytes string) row {
		return row{id: id, send: handshake("acme.test", "/websocket?version=18.0-5") + bytes, want: []int{101}, reach: "acme", must: true}
	}
	rows := []row{
		frames("W00 an honest handshake", ""),
		refused("W01 upgrade on a page", handshake("acme.test", "/web"), 400, 403),
		refused("W01 upgrade on RPC", handshake("acme.test", "/jsonrpc"), 400, 403, 405),
		refused("W01 upgrade on a path below a page", handshake("acme.test", "/web/websocket"), 400, 403),
		// An upgrade may be ignored; it must not reach the backend.
		{id: "W01 upgrade to something else", send: handshake("acme.test", "/websocket", "Upgrade: tcp"), want: []int{200, 400, 403, 426}, reach: "acme", seen: lacks("Upgrade")},
		refused("W03 version 8", handshake("acme.test", "/websocket", "Sec-WebSocket-Version: 8"), 400, 426),
		refused("W03 no version", handshake("acme.test", "/websocket", "Sec-WebSocket-Version: -"), 400, 426),
		refused("W03 no key", handshake("acme.test", "/websocket", "Sec-WebSocket-Key: -"), 400),
		refused("W03 bad key", handshake("acme.test", "/websocket", "Sec-WebSocket-Key: short"), 400),
		refused("W03 two upgrades", handshake("acme.test", "/websocket", "Upgrade: websocket, tcp"), 400),
		// Traefik takes h2c and every line but the first off before anybody looks.
		{id: "W03 two upgrade lines", send: handshake("acme.test", "/websocket", "Upgrade: websocket\r\nUpgrade: tcp"), want: []int{101, 400}, reach: "acme", seen: onlyWebSocket},
		{id: "W03 websocket and h2c", send: handshake("acme.test", "/websocket", "Upgrade: websocket, h2c"), want: []int{101, 400}, reach: "acme", seen: onlyWebSocket},
		refused("W03 with a body", handshake("acme.test", "/websocket", "Content-Length: 4")+"abcd", 400),
		refused("W03 with a chunked body", handshake("acme.test", "/websocket", "Transfer-Encoding: chunked")+"1\r\na\r\n0\r\n\r\n", 400),
		refused("W03 by POST", strings.Replace(handshake("acme.test", "/websocket"), "GET", "POST", 1), 400, 405),
		refused("W03 on HTTP 1.0", strings.Replace(handshake("acme.test", "/websocket"), "HTTP/1.1", "HTTP/1.0", 1), 400, 426, 505),
		frames("W05 unmasked frame", "\x81\x02hi"),
		frames("W05 reserved bits", "\xf1\x80\x00\x00\x00\x00"),
		frames("W05 length of 2 to the 63rd", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		frames("W05 text that is no UTF-8", "\x81\x82\x00\x00\x00\x00\xff\xfe"),
		frames("W05 long control frame", "\x89\xfe\x00\x7e\x00\x00\x00\x00"+strings.Repeat("x", 126)),
		frames("W05 many tiny fragments", "\x01\x81\x00\x00\x00\x00a"+strings.Repeat("\x00\x81\x00\x00\x00\x00b", 500)+"\x80\x80\x00\x00\x00\x00"),
		frames("W05 no frame at all", "GET /smuggled HTTP/1.1\r\nHost: beta.test\r\n\r\n"),
	}
	for name, origin := range map[string]string{
		"another tenant": "http://beta.test", "null": "null", "absent": "-", "suffix": "http://acme.test.stranger.test", "prefix": "http://xacme.test",
		"userinfo": "http://acme.test@stranger.test", "no scheme": "acme.test", "two": "http://acme.test http://beta.test",
	} {
		rows = append(rows, refused("W04 origin "+name, handshake("acme.test", "/websocket", "Origin: "+origin), 400, 403))
	}
	return append(rows, row{id: "W04 own origin with https in front of a balancer", send: handshake("acme.test", "/websocket", "Origin: https://acme.test"), want: []int{101, 403}, reach: "acme"})
}

func onlyWebSocket(t *testing.T, s harness.Seen) {
	t.Helper()
	if got := s.Get("Upgrade"); len(got) != 1 || got[0] != "websocket" {
		t.Errorf("the backend saw Upgrade: %q", got)
	}
}

// neverTunnelled: a backend that does not answer 101 leaves an ordinary connection, on
// which the next request is routed like any other (W02).
func (l *lab) neverTunnelled(t *testing.T) {
	for _, status := range []string{"200 OK", "426 Upgrade Required", "503 Service Unavailable"} {
		t.Run("W02 backend answers "+status, func(t *testing.T) {
			host := "no-upgrade.wild.test"
			request := strings.ReplaceAll(handshake(host, "/websocket", "Origin: http://"+host), "{case}", "w02")
			second := strings.ReplaceAll(get("beta.test", "/w02-second"), "{case}", "w02-second")
			l.recorders["wild"].Answer("HTTP/1.1 " + status + "\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nno")
			defer l.recorders["wild"].Handle(nil)
			before := len(l.recorders["beta"].Matching("w02-second"))
			e := harness.Raw(t, l.gateway.Web, request+second)
			if e.Status() == 101 {
				t.Errorf("the client was told 101: %v", e)
			}
			if len(l.recorders["wild"].Matching("w02-second")) > 0 {
				t.Error("the second request was tunnelled to the first tenant's backend")
			}
			after := len(l.recorders["beta"].Matching("w02-second"))
			if !e.Closed && after == before {
				t.Errorf("the second request was neither routed nor was the connection closed: %v", e)
			}
		})
	}
}
