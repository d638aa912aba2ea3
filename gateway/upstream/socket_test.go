package upstream

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluicegate.dev/sluice/routing"
)

// accept answers a handshake as Odoo does, and returns what it asked.
func accept(c wire) (*http.Request, error) {
	r, _, err := readRequest(c)
	if err != nil {
		return nil, err
	}
	return r, answerHandshake(c, r)
}

func answerHandshake(c wire, r *http.Request) error {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err := fmt.Fprintf(c.Conn, "HTTP/1.1 101 SWITCHING PROTOCOLS\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nSet-Cookie: session_id=new; HttpOnly; Path=/\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	return err
}

// message is a frame as it was read.
type message struct {
	op      byte
	fin     bool
	masked  bool
	payload []byte
}

func (m message) code() int {
	if len(m.payload) < 2 {
		return 1005
	}
	return int(binary.BigEndian.Uint16(m.payload))
}

// next reads one frame and unmasks it.
func next(r io.Reader) (message, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return message{}, err
	}
	m := message{op: head[0] & 0x0F, fin: head[0]&0x80 != 0, masked: head[1]&0x80 != 0}
	n := uint64(head[1] & 0x7F)
	var ext [8]byte
	switch n {
	case 126:
		io.ReadFull(r, ext[:2])
		n = uint64(binary.BigEndian.Uint16(ext[:2]))
	case 127:
		io.ReadFull(r, ext[:8])
		n = binary.BigEndian.Uint64(ext[:8])
	}
	var mask [4]byte
	if m.masked {
		io.ReadFull(r, mask[:])
	}
	m.payload = make([]byte, n)
	_, err := io.ReadFull(r, m.payload)
	for i := range m.payload {
		m.payload[i] ^= mask[i%4]
	}
	return m, err
}

// echo is Odoo's realtime process: it sends each message back, answers pings and closes.
func echo(c wire) {
	if _, err := accept(c); err != nil {
		return
	}
	for {
		m, err := next(c)
		if err != nil {
			return
		}
		switch m.op {
		case opPing:
			m.op = opPong
		case opPong:
			continue
		}
		c.Conn.Write(frame(m.fin, m.op, m.payload, false))
		if m.op == opClose {
			return
		}
	}
}

func realtime(t testing.TB, serve func(wire), options ...option) *rig {
	port := startWorker(t, serve)
	main := startWorker(t, say(ok, false))
	return newRig(t, []string{main.url()}, append([]option{func(_ *Config, p *routing.Pool) { p.Backends[0].Realtime = port.url() }}, options...)...)
}

const handshake = "GET /websocket?version=18.0-5 HTTP/1.1\r\nHost: acme.test\r\nOrigin: https://acme.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"

// open opens a socket by hand.
func (g *rig) open() wire {
	g.t.Helper()
	c := g.dial()
	io.WriteString(c.Conn, handshake+"\r\n")
	response, err := http.ReadResponse(c.Reader, nil)
	if err != nil || response.StatusCode != 101 {
		g.t.Fatalf("handshake: %v, %v", response, err)
	}
	return c
}

func TestASocketCarriesMessagesBothWays(t *testing.T) {
	g := realtime(t, echo)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, response, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(g.front.URL, "http")+"/websocket", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://acme.test"}}, CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(10 << 20)
	if cookie := response.Header.Get("Set-Cookie"); !strings.Contains(cookie, "session_id=new") || !strings.Contains(cookie, "Secure") {
		t.Errorf("cookie on the 101: %q", cookie)
	}
	if e := response.Header.Get("Sec-Websocket-Extensions"); e != "" {
		t.Errorf("extensions %q", e)
	}
	for _, size := range []int{0, 1, 125, 126, 70_000, 3 << 20} {
		want := bytes.Repeat([]byte{'x'}, size)
		written := make(chan error, 1)
		go func() { written <- c.Write(ctx, websocket.MessageBinary, want) }()
		_, got, err := c.Read(ctx)
		if err != nil || !bytes.Equal(got, want) || <-written != nil {
			t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
	if n := g.backend(0); n.Sockets != 1 || n.InFlight != 0 || g.TenantSockets("acme") != 1 {
		t.Errorf("sockets %d, in flight %d, of the tenant %d", n.Sockets, n.InFlight, g.TenantSockets("acme"))
	}
	if err := c.Close(websocket.StatusNormalClosure, "done"); err != nil {
		t.Errorf("close: %v", err)
	}
	eventually(t, "the socket is gone", func() bool { return g.backend(0).Sockets == 0 && g.TenantSockets("acme") == 0 })
	if x := g.last.Load(); x.Status != 101 || x.Backend != "b1" {
		t.Errorf("status %d, backend %q", x.Status, x.Backend)
	}
}

func TestFragmentsAndControlFramesPassUntouched(t *testing.T) {
	got := make(chan message, 10)
	g := realtime(t, func(c wire) {
		accept(c)
		for {
			m, err := next(c)
			if err != nil {
				return
			}
			got <- m
		}
	})
	c := g.open()
	want := []message{{opText, false, true, []byte("a")}, {opPing, true, true, []byte("p")}, {opContinue, false, true, []byte("b")}, {opContinue, true, true, []byte("c")}}
	var stream []byte
	for _, m := range want {
		stream = append(stream, frame(m.fin, m.op, m.payload, true)...)
	}
	for _, b := range stream { // each byte in a packet of its own
		c.Conn.Write([]byte{b})
	}
	for _, m := range want {
		if g := <-got; fmt.Sprint(g) != fmt.Sprint(m) {
			t.Errorf("got %v, want %v", g, m)
		}
	}
}

func TestWhatComesWithTheHandshakeIsNotLost(t *testing.T) {
	g := realtime(t, func(c wire) {
		r, _, err := readRequest(c)
		if err != nil {
			return
		}
		sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		c.Conn.Write(append([]byte("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
			base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n"), text("hello", false)...))
		m, _ := next(c)
		c.Conn.Write(text("got "+string(m.payload), false))
		io.Copy(io.Discard, c)
	})
	c := g.dial()
	c.Conn.Write(append([]byte(handshake+"\r\n"), text("early", true)...))
	if response, err := http.ReadResponse(c.Reader, nil); err != nil || response.StatusCode != 101 {
		t.Fatalf("%v, %v", response, err)
	}
	for _, want := range []string{"hello", "got early"} {
		if m, err := next(c); err != nil || string(m.payload) != want {
			t.Errorf("got %q, %v; want %q", m.payload, err, want)
		}
	}
}

func TestHowSocketsEnd(t *testing.T) {
	hold := func(c wire) { accept(c); io.Copy(io.Discard, c) }
	for name, tc := range map[string]struct {
		serve  func(wire)
		client func(c wire)
		code   int // that the client gets
	}{
		"Odoo's own code passes":                  {func(c wire) { accept(c); c.Conn.Write(closeFrame(4001, "SESSION_EXPIRED", false)); next(c) }, nil, 4001},
		"Odoo goes without a word: come back":     {func(c wire) { accept(c) }, nil, closeRestart},
		"Odoo goes inside a frame: no frame fits": {func(c wire) { accept(c); c.Conn.Write(text("hello", false)[:4]) }, nil, 0},
		"Odoo masks":                               {func(c wire) { accept(c); c.Conn.Write(text("x", true)); io.Copy(io.Discard, c) }, nil, closeRestart},
		"the client does not mask":                 {hold, func(c wire) { c.Conn.Write(text("x", false)) }, closeProtocol},
		"the client sets reserved bits":            {hold, func(c wire) { c.Conn.Write([]byte{0xF1, 0x80, 0, 0, 0, 0}) }, closeProtocol},
		"the client announces far too much":        {hold, func(c wire) { c.Conn.Write([]byte{0x82, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) }, closeProtocol},
		"the client closes and gets its code back": {echo, func(c wire) { c.Conn.Write(closeFrame(3000, "", true)) }, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			g := realtime(t, tc.serve)
			c := g.open()
			if tc.client != nil {
				tc.client(c)
			}
			code := 0
			for {
				m, err := next(c)
				if err != nil {
					break
				}
				if m.masked {
					t.Error("a masked frame towards the client")
				}
				if m.op == opClose {
					code = m.code()
					c.Conn.Write(closeFrame(code, "", true))
				}
			}
			if code != tc.code {
				t.Errorf("code %d, want %d", code, tc.code)
			}
			eventually(t, "the socket is gone", func() bool { return g.backend(0).Sockets == 0 })
		})
	}
}

func TestOdooHearsThatAClientLeft(t *testing.T) {
	heard := make(chan message, 1)
	g := realtime(t, func(c wire) {
		accept(c)
		m, _ := next(c)
		heard <- m
	})
	c := g.open()
	eventually(t, "the socket is open", func() bool { return g.backend(0).Sockets == 1 })
	c.Close()
	if m := <-heard; m.op != opClose || m.code() != closeGoingAway || !m.masked {
		t.Errorf("got %v with %d", m, m.code())
	}
}

func TestSilentSocketsEnd(t *testing.T) {
	g := realtime(t, func(c wire) { accept(c); io.Copy(io.Discard, c) }, withTiming(Timing{SocketIdle: 100 * time.Millisecond, SocketFarewell: 100 * time.Millisecond}))
	c := g.open()
	if m, err := next(c); err != nil || m.op != opClose || m.code() != closeRestart && m.code() != closeGoingAway {
		t.Errorf("got %v, %v", m, err)
	}
	eventually(t, "the socket is gone", func() bool { return g.backend(0).Sockets == 0 })
}

func TestASocketThatIsNotReadIsCutOff(t *testing.T) {
	g := realtime(t, func(c wire) {
		accept(c)
		big := frame(true, opBinary, make([]byte, 1<<20), false)
		for {
			if _, err := c.Conn.Write(big); err != nil {
				return
			}
		}
	}, withTiming(Timing{SocketStall: 200 * time.Millisecond, SocketFarewell: 100 * time.Millisecond}))
	g.open()
	eventually(t, "the socket is gone", func() bool { return g.backend(0).Sockets == 0 })
}

func TestSocketsOfATenantAreBounded(t *testing.T) {
	for name, tc := range map[string]struct{ tenant, all int }{
		"by the tenant's own number": {2, 9},
		"by the gateway's":           {0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			g := realtime(t, echo, func(c *Config, _ *routing.Pool) { c.SocketsPerTenant = tc.all })
			g.tenant.Sockets = tc.tenant
			twoAreLetIn(t, g)
		})
	}
}

func twoAreLetIn(t *testing.T, g *rig) {
	t.Helper()
	first := g.open()
	g.open()
	refused := func() bool {
		c := g.dial()
		io.WriteString(c.Conn, handshake+"\r\n")
		response, err := http.ReadResponse(c.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode == 503 && response.Header.Get("Retry-After") != ""
	}
	if !refused() {
		t.Error("the third was let in")
	}
	first.Close()
	eventually(t, "one is gone", func() bool { return g.TenantSockets("acme") == 1 })
	if refused() {
		t.Error("with one gone the next was refused")
	}
}
