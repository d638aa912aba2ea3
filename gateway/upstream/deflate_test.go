package upstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluicegate.dev/sluice/routing"
)

// compressing is a realtime port that agrees to permessage-deflate and echoes.
func compressing(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)
		for {
			kind, b, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if c.Write(r.Context(), kind, b) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func TestCompressedMessagesPassUntouched(t *testing.T) {
	g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, func(_ *Config, p *routing.Pool) { p.Backends[0].Realtime = compressing(t).URL })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, response, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(g.front.URL, "http")+"/websocket", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://acme.test"}}, CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	if e := response.Header.Get("Sec-Websocket-Extensions"); !strings.HasPrefix(e, "permessage-deflate") {
		t.Fatalf("agreed on %q", e)
	}
	for _, size := range []int{1, 100, 200_000} {
		want := bytes.Repeat([]byte("odoo "), size/5+1)
		if err := c.Write(ctx, websocket.MessageText, want); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
	go g.CloseTenantSockets("acme", "restart", 0)
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != closeRestart {
		t.Errorf("ended with %v", err)
	}
}

func TestExtensionsAreAgreedOnByBothOrNot(t *testing.T) {
	for name, tc := range map[string]struct {
		offered, agreed string
		asked           string // what Odoo sees
		status          int
	}{
		"Odoo agrees to nothing":           {"permessage-deflate; client_max_window_bits", "", "permessage-deflate; client_max_window_bits", 101},
		"both agree":                       {"permessage-deflate; client_max_window_bits", "permessage-deflate", "permessage-deflate; client_max_window_bits", 101},
		"what we cannot follow is kept":    {"x-mux, Permessage-Deflate ; a=b, x-other", "permessage-deflate", "Permessage-Deflate ; a=b", 101},
		"nothing is offered":               {"x-mux", "", "", 101},
		"Odoo agrees to what nobody asked": {"x-mux", "permessage-deflate", "", 502},
		"Odoo agrees to something else":    {"permessage-deflate", "x-mux", "permessage-deflate", 502},
		"Odoo agrees to too much":          {"permessage-deflate", "permessage-deflate, x-mux", "permessage-deflate", 502},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 1)
			g := realtime(t, func(c wire) {
				r, _, err := readRequest(c)
				if err != nil {
					return
				}
				asked <- strings.Join(r.Header["Sec-Websocket-Extensions"], ", ")
				extension := ""
				if tc.agreed != "" {
					extension = "Sec-WebSocket-Extensions: " + tc.agreed + "\r\n"
				}
				fmt.Fprintf(c.Conn, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n%s\r\n", extension)
				io.Copy(io.Discard, c)
			})
			c := g.dial()
			io.WriteString(c.Conn, strings.Replace(handshake, "permessage-deflate", tc.offered, 1)+"\r\n")
			response, err := http.ReadResponse(c.Reader, nil)
			if err != nil || response.StatusCode != tc.status {
				t.Fatalf("got %v, %v; want %d", response, err, tc.status)
			}
			if got := <-asked; got != tc.asked {
				t.Errorf("Odoo was asked for %q, want %q", got, tc.asked)
			}
			if got := response.Header.Get("Sec-Websocket-Extensions"); tc.status == 101 && got != tc.agreed {
				t.Errorf("the client was told %q, want %q", got, tc.agreed)
			}
		})
	}
}

func TestTheMarkOfCompression(t *testing.T) {
	for name, tc := range map[string]struct {
		compressed bool
		stream     []byte
		want       error
	}{
		"a compressed message":               {true, []byte{0xC1, 0}, nil},
		"a compressed binary message":        {true, []byte{0xC2, 0}, nil},
		"an uncompressed one beside":         {true, []byte{0x81, 0}, nil},
		"its first fragment":                 {true, []byte{0x41, 0, 0x00, 0, 0x80, 0}, nil},
		"a later fragment":                   {true, []byte{0x41, 0, 0x40, 0}, errReserved},
		"a ping":                             {true, []byte{0xC9, 0}, errReserved},
		"a close":                            {true, []byte{0xC8, 0}, errReserved},
		"another reserved bit":               {true, []byte{0xE1, 0}, errReserved},
		"compressed, and nobody agreed":      {false, []byte{0xC1, 0}, errReserved},
		"a later fragment without its first": {true, []byte{0x80, 0}, errFragments},
	} {
		t.Run(name, func(t *testing.T) {
			f := frames{compressed: tc.compressed}
			if _, err := f.scan(tc.stream, false); err != tc.want { //nolint:errorlint // it is returned as it is
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}
