package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestRealtimeFollowsTheSession: sockets and long polls go to the realtime port of the server that
// the user is signed in on, in each version's way, also after a gateway has forgotten
// everything, and also for clients that keep no cookie of ours.
func TestRealtimeFollowsTheSession(t *testing.T) {
	t.Parallel()
	for version, listen := range map[string]func(*testing.T, *harness.User) (server string, heard <-chan string){
		"15.0": poll, "16.0": listenOn("16.0"), "18.0": listenOn("18.0"), "19.0": listenOn("19.0"),
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			odoos := newFarm(t, version, 4, []string{"a", "b"})
			gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{"acme.yaml": odoos.documents(nil)})
			wires := harness.NewWires(gateway.Web)
			t.Cleanup(wires.Close)
			users := make([]*harness.User, 16)
			for i := range users {
				u := harness.NewUser(wires, "acme.test")
				err := error(nil)
				if i%2 == 1 {
					u.Keep = harness.OnlySession
					err = u.SignInByCall(t.Context(), "acme", person(i))
				} else {
					err = u.SignIn(t.Context(), person(i))
				}
				if err != nil {
					t.Fatal(err)
				}
				users[i] = u
			}
			if at := homes(users); at["a"] == 0 || at["b"] == 0 {
				t.Fatalf("users are on %v", at)
			}
			if !gateway.Stop(10 * time.Second) {
				t.Fatal("the gateway did not stop")
			}
			gateway.Start(t)
			t.Cleanup(wires.Close) // before the gateway stops: it would wait for connections that nobody has used yet
			heard := make([]<-chan string, len(users))
			for i, u := range users {
				server, ear := listen(t, u)
				if heard[i] = ear; server != "" && server != u.Home {
					t.Errorf("user %d (%d cookies) is signed in on %s and listens to %s", i, len(u.Cookies()), u.Home, server)
				}
			}
			for i, u := range users {
				want := fmt.Sprintf("for %d", i)
				harness.Eventually(t, harness.Patience, u.Login+" hears of it", func() error {
					odoos.push(t, channel(i), want) // a socket or poll may have come after the one before
					select {
					case got := <-heard[i]:
						if !strings.Contains(got, want) {
							t.Errorf("user %d heard %.200s", i, got)
						}
						return nil
					case <-time.After(200 * time.Millisecond):
						return fmt.Errorf("silence")
					}
				})
			}
			odoos.wantNoneLost(t)
		})
	}
}

// listenOn opens a socket; what it says is heard once.
func listenOn(version string) func(*testing.T, *harness.User) (string, <-chan string) {
	return func(t *testing.T, u *harness.User) (string, <-chan string) {
		t.Helper()
		conn, answer, err := u.Socket(t.Context(), harness.EchoSocket(version))
		if err != nil {
			t.Fatalf("%s: %v", u.Login, err)
		}
		t.Cleanup(func() { conn.CloseNow() })
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(harness.Subscribe)); err != nil {
			t.Fatal(err)
		}
		heard := make(chan string, 1)
		go func() {
			_, message, _ := conn.Read(t.Context())
			heard <- string(message)
		}()
		return answer.Header.Get("X-Standin-Server"), heard
	}
}

// poll waits for a message in Odoo 15's way. Only the realtime port lets it wait.
func poll(t *testing.T, u *harness.User) (string, <-chan string) {
	t.Helper()
	heard := make(chan string, 1)
	twin := u.Twin()
	go func() {
		reply, err := twin.Do(t.Context(), http.MethodPost, "/longpolling/poll", `{"jsonrpc":"2.0","params":{"channels":[],"last":0}}`, "Content-Type: application/json")
		if server := reply.Header.Get("X-Standin-Server"); err == nil && server != u.Home {
			reply.Body = "from " + server
		}
		heard <- fmt.Sprint(reply.Status, reply.Body, err)
	}()
	return "", heard
}

// TestFramesPassUnchanged: fragments, pings between them, binary and empty messages reach the
// server and come back as they were sent, byte for byte but for the mask.
func TestFramesPassUnchanged(t *testing.T) {
	t.Parallel()
	backend := harness.NewRecorder(t, "acme") // echoes frames as they are
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}),
	})
	conn, err := net.Dial("tcp", gateway.Web)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(harness.Patience))
	if _, err := io.WriteString(conn, strings.ReplaceAll(handshake("acme.test", "/websocket?version=18.0-5"), "{case}", "frames")); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 0, 1024)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		one := make([]byte, 1)
		if _, err := io.ReadFull(conn, one); err != nil {
			t.Fatalf("%v after %q", err, head)
		}
		head = append(head, one...)
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		t.Fatalf("handshake: %q", head)
	}
	var sent, want bytes.Buffer
	for _, f := range []struct {
		first byte
		size  int
	}{
		{0x01, 5}, {0x00, 0}, {0x89, 4}, {0x00, 300}, {0x8a, 0}, {0x80, 70_000}, // one text message in four fragments, ping and pong between them
		{0x82, 125}, {0x82, 126}, {0x82, 65_535}, {0x82, 65_536}, {0x81, 0}, // lengths of each form
	} {
		frame(&sent, &want, f.first, f.size)
	}
	go func() { _, _ = conn.Write(sent.Bytes()) }()
	got := make([]byte, want.Len())
	if n, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("after %d of %d bytes: %v, equal: %v", n, want.Len(), err, bytes.Equal(got, want.Bytes()))
	}
}

// frame writes a frame of random bytes as a client sends it, and as a server does.
func frame(client, server *bytes.Buffer, first byte, size int) {
	payload, mask := make([]byte, size), [4]byte{0xa1, 0x52, 0x33, 0x04}
	for i := range payload {
		payload[i] = byte(rand.Uint32())
	}
	head := []byte{first}
	switch {
	case size < 126:
		head = append(head, byte(size))
	case size < 1<<16:
		head = append(head, 126, byte(size>>8), byte(size))
	default:
		head = append(head, 127, 0, 0, 0, 0, byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
	}
	server.Write(head)
	server.Write(payload)
	head[1] |= 0x80
	client.Write(head)
	client.Write(mask[:])
	for i, b := range payload {
		client.WriteByte(b ^ mask[i%4])
	}
}

// TestCompressedMessagesPass: what browser and server agree on is theirs, the context that
// compression keeps over messages, too.
func TestCompressedMessagesPass(t *testing.T) {
	t.Parallel()
	backend := harness.NewFast(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}),
	})
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	client := harness.Client(gateway.Web)
	defer client.CloseIdleConnections()
	conn, answer, err := websocket.Dial(ctx, "ws://acme.test/websocket", &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: http.Header{"Origin": {"http://acme.test"}}, CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if got := answer.Header.Get("Sec-Websocket-Extensions"); !strings.Contains(got, "permessage-deflate") {
		t.Fatalf("agreed on %q", got)
	}
	conn.SetReadLimit(1 << 20)
	for i := range 20 {
		message := strings.Repeat(fmt.Sprintf("message %d, ", i), 1+i*500)
		if err := conn.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.Read(ctx); err != nil || string(got) != message {
			t.Fatalf("message %d of %d bytes: got %d bytes, %v", i, len(message), len(got), err)
		}
	}
}

// TestHowSocketsEnd: what Odoo says is passed on. What we say makes the browser come back: after
// 1000 it never would, after 4002 at once.
func TestHowSocketsEnd(t *testing.T) {
	t.Parallel()
	other := "apiVersion: sluicegate.dev/v1alpha1\nkind: Pool\nmetadata: {name: acme}\nspec:\n  odoo: {version: \"18.0\", sessions: local}\n" +
		"  backends: [{name: other, http: \"http://127.0.0.1:9\"}]\n  realtime: {drain: 1s}\n"
	for name, c := range map[string]struct {
		happens func(*testing.T, *harness.Gateway, *harness.StandIn)
		want    websocket.StatusCode
	}{
		"Odoo ends it for good":                   {tell(`{"close_code": 1000}`), websocket.StatusNormalClosure},
		"Odoo has it come back at once":           {tell(`{"close_code": 4002}`), 4002},
		"Odoo has too much to do":                 {tell(`{"close_code": 1013}`), websocket.StatusTryAgainLater},
		"Odoo's connection breaks without a word": {tell(`{"drop_websockets": true}`), websocket.StatusServiceRestart},
		"Odoo's realtime process restarts":        {tell(`{"restart_gevent": 0.2}`), websocket.StatusServiceRestart},
		"Odoo is killed":                          {func(_ *testing.T, _ *harness.Gateway, odoo *harness.StandIn) { odoo.Kill() }, websocket.StatusServiceRestart},
		"its server is no longer configured": {func(t *testing.T, g *harness.Gateway, _ *harness.StandIn) {
			g.Write(t, "tenants/pool.yaml", other)
		}, websocket.StatusServiceRestart},
		"the gateway stops": {func(t *testing.T, g *harness.Gateway, _ *harness.StandIn) { go g.Stop(harness.Patience) }, websocket.StatusServiceRestart},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme"})
			gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
				"pool.yaml": harness.Pool("acme", []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime}}, "realtime: {drain: 1s}"),
				"acme.yaml": harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
			})
			ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
			defer cancel()
			var conns []*websocket.Conn
			for range 3 {
				conn, _, err := harness.WebSocket(ctx, gateway.Web, "acme.test", harness.EchoSocket("18.0"), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.CloseNow()
				conns = append(conns, conn)
			}
			harness.Eventually(t, harness.Patience, "Odoo counts them", func() error {
				if n := odoo.Counters(t).Websockets; n != len(conns) {
					return fmt.Errorf("%d are open", n)
				}
				return nil
			})
			c.happens(t, gateway, odoo)
			for i, conn := range conns {
				if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != c.want {
					t.Errorf("socket %d ended with %v, want %d", i, err, c.want)
				}
			}
		})
	}
}

func tell(document string) func(*testing.T, *harness.Gateway, *harness.StandIn) {
	return func(t *testing.T, _ *harness.Gateway, odoo *harness.StandIn) {
		t.Helper()
		odoo.Tell(t, document)
	}
}
