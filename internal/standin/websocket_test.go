package standin

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// client is a websocket client.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	sid  string // set by the handshake
}

const handshake = "Host: a.example\r\nOrigin: https://a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

func connect(t *testing.T, addr, path, headers string) *client {
	t.Helper()
	c := &client{t: t, conn: dial(t, addr)}
	c.in = bufio.NewReader(c.conn)
	io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\n"+handshake+headers+"\r\n")
	a := readAnswer(t, c.in, "GET")
	want(t, "handshake", a.StatusCode, 101)
	want(t, "accept", a.Header.Get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
	c.sid = a.sid()
	return c
}

func (c *client) write(first byte, payload []byte) {
	c.t.Helper()
	head := []byte{first, 0x80 | byte(min(len(payload), 126))}
	if len(payload) > 0xffff {
		head[1] = 0x80 | 127
		head = binary.BigEndian.AppendUint64(head, uint64(len(payload)))
	} else if len(payload) > 125 {
		head = binary.BigEndian.AppendUint16(head, uint16(len(payload)))
	}
	mask := []byte{1, 2, 3, 4}
	head = append(head, mask...)
	for i, b := range payload {
		head = append(head, b^mask[i%4])
	}
	if _, err := c.conn.Write(head); err != nil {
		c.t.Logf("write: %v", err)
	}
}

func (c *client) send(name string, data any) {
	c.t.Helper()
	body, err := json.Marshal(object{"event_name": name, "data": data})
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(0x81, body)
}

func (c *client) subscribe(last int, channels ...string) {
	c.t.Helper()
	c.send("subscribe", object{"channels": channels, "last": last})
	c.send("ping", nil) // its echo says that the subscription is in place
	c.read()
}

// frame reads a frame that is not masked.
func (c *client) frame() (byte, []byte, error) {
	var start [2]byte
	if _, err := io.ReadFull(c.in, start[:]); err != nil {
		return 0, nil, err
	}
	length, err := readLength(c.in, start[1])
	if err != nil {
		return 0, nil, err
	}
	payload := make([]byte, length)
	_, err = io.ReadFull(c.in, payload)
	return start[0] & 0xf, payload, err
}

func (c *client) read() string {
	c.t.Helper()
	opcode, payload, err := c.frame()
	if err != nil || opcode != opText {
		c.t.Fatalf("frame %d %q, %v; want a text", opcode, payload, err)
	}
	return string(payload)
}

// closing reads up to the end and returns the close code and its reason, or "1006".
func (c *client) closing() string {
	c.t.Helper()
	for {
		opcode, payload, err := c.frame()
		switch {
		case errors.Is(err, io.EOF), err != nil && strings.Contains(err.Error(), "reset"):
			return "1006"
		case err != nil:
			return err.Error()
		case opcode == opClose:
			c.write(0x88, payload[:2])
			return strings.TrimSpace(fmt.Sprint(binary.BigEndian.Uint16(payload), " ", string(payload[2:])))
		}
	}
}

func TestHandshake(t *testing.T) {
	s := start(t, Config{Workers: 1})
	tests := map[string]struct {
		addr, headers string
		want          int
	}{
		"good":              {s.RealtimeAddr(), handshake, 101},
		"a foreign origin":  {s.RealtimeAddr(), strings.Replace(handshake, "https://a", "https://evil", 1), 101},
		"without an origin": {s.RealtimeAddr(), strings.Replace(handshake, "Origin", "X-Origin", 1), 400},
		"plain":             {s.RealtimeAddr(), "Host: x\r\n", 400},
		"plain on a worker": {s.HTTPAddr(), "Host: x\r\n", 400},
		"on a worker":       {s.HTTPAddr(), handshake, 500},
		"version 8":         {s.RealtimeAddr(), strings.Replace(handshake, ": 13", ": 8", 1), 500},
		"a short key":       {s.RealtimeAddr(), strings.Replace(handshake, "dGhl", "", 1), 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := raw(t, test.addr, "GET /websocket HTTP/1.1\r\n"+test.headers+"\r\n")
			want(t, "status", a.StatusCode, test.want)
			if test.want == 101 && a.sid() == "" {
				t.Error("the 101 sets no session")
			}
		})
	}
	t.Run("threaded mode serves it on the only port", func(t *testing.T) {
		connect(t, start(t, Config{}).HTTPAddr(), "/websocket", "")
	})
}

func TestWorkerVersionOfBrowsers(t *testing.T) {
	for _, test := range []struct{ version, path, agent, want string }{
		{"18.0", "/websocket?version=18.0-4", "User-Agent: b\r\n", "1000 OUTDATED_VERSION"},
		{"18.0", "/websocket", "User-Agent: b\r\n", "1000 OUTDATED_VERSION"},
		{"18.0", "/websocket?version=18.0-5", "User-Agent: b\r\n", ""},
		{"19.0", "/websocket?version=19.0-2", "User-Agent: b\r\n", ""},
		{"18.0", "/websocket", "", ""},
		{"17.0", "/websocket", "User-Agent: b\r\n", ""},
	} {
		c := connect(t, start(t, Config{Version: test.version, Workers: 1}).RealtimeAddr(), test.path, test.agent)
		if test.want != "" {
			want(t, test.path, c.closing(), test.want)
			continue
		}
		c.send("hello", 1)
		contains(t, test.path, c.read(), `"type":"hello"`)
	}
}

func TestNotifications(t *testing.T) {
	dir := t.TempDir()
	one, two := start(t, Config{Workers: 1, DatabaseDir: dir}), start(t, Config{Workers: 1, DatabaseDir: dir})
	c := connect(t, one.RealtimeAddr(), "/websocket", "")
	c.subscribe(0, "news")
	for i, s := range []*Server{one, two} {
		if err := s.Push(Push{Channel: "other", Payload: 0}); err != nil {
			t.Fatal(err)
		}
		if err := s.Push(Push{Channel: "news", Payload: i}); err != nil {
			t.Fatal(err)
		}
	}
	got := c.read()
	if !strings.Contains(got, `"payload":1`) {
		got += c.read()
	}
	contains(t, "notifications", got, `{"id":2,"message":{"payload":0,"type":"standin"}}`)
	contains(t, "notifications", got, `{"id":4,"message":{"payload":1,"type":"standin"}}`)
	t.Run("what was missed comes on another server", func(t *testing.T) {
		late := connect(t, two.RealtimeAddr(), "/websocket", "")
		late.send("subscribe", object{"channels": []string{"news"}, "last": 2})
		contains(t, "notification", late.read(), `"id":4`)
	})
	t.Run("by a request", func(t *testing.T) {
		b := newBrowser(t, one.HTTPAddr())
		want(t, "push", b.do("POST", "/standin/bus", `{"channel":"news","payload":"p"}`).StatusCode, 200)
		contains(t, "notification", c.read(), `"payload":"p"`)
	})
}

func TestPrivateNotificationsNeedTheSession(t *testing.T) {
	s := start(t, Config{Workers: 1})
	b := newBrowser(t, s.HTTPAddr())
	b.login("admin", "admin")
	mine := connect(t, s.RealtimeAddr(), "/websocket", "Cookie: session_id="+b.sid()+"\r\n")
	want(t, "id set by the handshake", mine.sid, b.sid())
	mine.subscribe(0)
	anonymous := connect(t, s.RealtimeAddr(), "/websocket", "")
	anonymous.subscribe(0, "res.users_2")
	if err := s.Push(Push{Channel: "res.users_2", Payload: "secret"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Push(Push{Channel: "broadcast", Payload: "all"}); err != nil {
		t.Fatal(err)
	}
	contains(t, "own", mine.read(), "secret")
	if got := anonymous.read(); strings.Contains(got, "secret") || !strings.Contains(got, "all") {
		t.Errorf("anonymous: %q", got)
	}
	b.get("/web/session/logout")
	if err := s.Push(Push{Channel: "broadcast", Payload: "again"}); err != nil {
		t.Fatal(err)
	}
	want(t, "after logout", mine.closing(), "4001")
}

func TestWebsocketEnds(t *testing.T) {
	big := make([]byte, maxMessage+1)
	half := make([]byte, maxMessage/2+1)
	tests := map[string]struct {
		cfg  Config
		act  func(*client, *Server)
		want string
	}{
		"its own close comes back":    {Config{}, func(c *client, _ *Server) { c.write(0x88, []byte{0x0f, 0xa0, 'x'}) }, "4000 x"},
		"a message too big":           {Config{}, func(c *client, _ *Server) { c.write(0x81, big) }, "1009"},
		"fragments too big":           {Config{}, func(c *client, _ *Server) { c.write(0x01, half); c.write(0x80, half) }, "1009"},
		"not masked":                  {Config{}, func(c *client, _ *Server) { c.conn.Write([]byte{0x81, 0}) }, "1002 Frame must be masked"},
		"reserved bits":               {Config{}, func(c *client, _ *Server) { c.write(0xc1, nil) }, "1002 Reserved bits must be unset"},
		"text that is no UTF-8":       {Config{}, func(c *client, _ *Server) { c.write(0x81, []byte{0xff}) }, "1007"},
		"too many frames":             {Config{}, func(c *client, _ *Server) { flood(c) }, "1013"},
		"its age":                     {Config{WebsocketLife: 50 * time.Millisecond}, func(*client, *Server) {}, "4002"},
		"no answer to a ping":         {Config{WebsocketIdle: 20 * time.Millisecond, WebsocketPong: 20 * time.Millisecond}, func(*client, *Server) {}, "1006"},
		"on demand":                   {Config{}, func(_ *client, s *Server) { s.Apply(Control{CloseCode: 1012}) }, "1012"},
		"dropped on demand":           {Config{}, func(_ *client, s *Server) { s.Apply(Control{DropWebsockets: true}) }, "1006"},
		"gevent is killed at a stop":  {Config{Workers: 1}, func(_ *client, s *Server) { s.Stop() }, "1006"},
		"threads say goodbye":         {Config{}, func(_ *client, s *Server) { s.Stop() }, "1001"},
		"gevent restarts by itself":   {Config{Workers: 1}, func(_ *client, s *Server) { s.Apply(Control{RestartGevent: 0.01}) }, "1006"},
		"the server goes down hard":   {Config{Workers: 1}, func(_ *client, s *Server) { s.Kill() }, "1006"},
		"a close code that is no one": {Config{}, func(c *client, _ *Server) { c.write(0x88, []byte{3, 0xed}) }, "1002 Invalid close code"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, test.cfg)
			c := connect(t, s.RealtimeAddr(), "/websocket", "")
			c.send("hello", nil)
			c.read()
			test.act(c, s)
			want(t, "close", c.closing(), test.want)
		})
	}
}

func flood(c *client) {
	for range 20 {
		c.send("update_presence", nil)
	}
}

func TestPingIsAnsweredBothWays(t *testing.T) {
	s := start(t, Config{WebsocketIdle: 20 * time.Millisecond, WebsocketBurst: -1})
	c := connect(t, s.RealtimeAddr(), "/websocket", "")
	c.write(0x89, []byte("hi"))
	opcode, payload, err := c.frame()
	if err != nil || opcode != opPong || string(payload) != "hi" {
		t.Fatalf("frame %d %q %v, want a pong", opcode, payload, err)
	}
	for range 3 {
		if opcode, _, err := c.frame(); err != nil || opcode != opPing {
			t.Fatalf("frame %d %v, want a ping", opcode, err)
		}
		c.write(0x8a, nil)
	}
}

func TestFragmentsMakeAMessage(t *testing.T) {
	c := connect(t, start(t, Config{}).RealtimeAddr(), "/websocket", "")
	c.write(0x01, []byte(`{"event_name":`))
	c.write(0x89, nil)
	c.write(0x80, []byte(`"whole"}`))
	if opcode, _, _ := c.frame(); opcode != opPong {
		t.Errorf("frame %d, want a pong between the fragments", opcode)
	}
	contains(t, "message", c.read(), "whole")
}

func TestPeekNotifications(t *testing.T) {
	s := start(t, Config{Workers: 1})
	b := newBrowser(t, s.HTTPAddr())
	params := object{"channels": []string{"news"}, "last": 0}
	contains(t, "without a first poll", b.call("/websocket/peek_notifications", params).text, `"code":100`)
	params["is_first_poll"] = true
	b.call("/websocket/peek_notifications", params)
	if err := s.Push(Push{Channel: "news", Payload: 1}); err != nil {
		t.Fatal(err)
	}
	delete(params, "is_first_poll")
	contains(t, "after it", b.call("/websocket/peek_notifications", params).text, `"id":1`)
	want(t, "health", b.get("/websocket/health").StatusCode, 200)
	elsewhere := newBrowser(t, start(t, Config{Databases: []string{"a", "b"}}).HTTPAddr())
	want(t, "health without a database", elsewhere.get("/websocket/health").StatusCode, 404)
}

func TestLongPolling(t *testing.T) {
	s := start(t, Config{Version: "15.0", Workers: 1, LongpollTimeout: 50 * time.Millisecond})
	params := object{"channels": []string{"news"}, "last": 0}
	contains(t, "on a worker", newBrowser(t, s.HTTPAddr()).call("/longpolling/poll", params).text, "not available in web worker")
	b := newBrowser(t, s.RealtimeAddr())
	contains(t, "silence", b.call("/longpolling/poll", params).text, `"result":[]`)
	pushed := make(chan error, 1)
	time.AfterFunc(10*time.Millisecond, func() { pushed <- s.Push(Push{Channel: "news", Payload: "x"}) })
	contains(t, "a notification", b.call("/longpolling/poll", params).text, `"channel":"news"`)
	if err := <-pushed; err != nil {
		t.Error(err)
	}
}
