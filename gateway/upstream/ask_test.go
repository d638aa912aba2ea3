package upstream

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"sluicegate.dev/sluice/routing"
)

func TestAsk(t *testing.T) {
	seen := make(chan *http.Request, 1)
	body := make(chan string, 1)
	w := startWorker(t, func(c wire) {
		r, b, err := readRequest(c)
		if err != nil {
			return
		}
		seen <- r
		body <- b
		if r.Header.Get("Upgrade") != "" {
			io.WriteString(c.Conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
			return
		}
		io.WriteString(c.Conn, "HTTP/1.0 303 SEE OTHER\r\nLocation: /web/login\r\nContent-Length: 5\r\n\r\nthere")
	})
	u := New(Config{Log: slog.New(slog.DiscardHandler)})
	pool := &routing.Pool{Name: "green", Isolation: routing.IsolationHeader, Backends: []routing.Backend{{Name: "b1", HTTP: w.url(), Workers: 1}}}
	q := Question{
		Tenant: &routing.Tenant{Name: "acme"}, Release: &routing.Release{Name: "green", Pool: pool, Database: "acme_v19"},
		Backend: "b1", Host: "erp.acme.example", Scheme: "https", Path: "/web/login?x=1",
	}
	t.Run("a backend hears what a visitor of the tenant would say", func(t *testing.T) {
		got, err := u.Ask(t.Context(), q)
		if err != nil || got.Status != http.StatusSeeOther || string(got.Body) != "there" || got.Header.Get("Location") != "/web/login" {
			t.Fatalf("got %+v, %v", got, err)
		}
		r := <-seen
		<-body
		if r.Host != q.Host || r.Method != http.MethodGet || r.RequestURI != q.Path || r.Header.Get("X-Forwarded-Host") != q.Host ||
			r.Header.Get("X-Forwarded-Proto") != "https" || r.Header.Get("X-Odoo-Dbfilter") != `^acme_v19\Z` || r.Header.Get("Cookie") != "" {
			t.Errorf("it heard %s %s of %s, %v", r.Method, r.RequestURI, r.Host, r.Header)
		}
	})
	t.Run("a JSON body is posted", func(t *testing.T) {
		post := q
		post.JSON = `{"params":{}}`
		if _, err := u.Ask(t.Context(), post); err != nil {
			t.Fatal(err)
		}
		if r, b := <-seen, <-body; r.Method != http.MethodPost || b != post.JSON || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("it heard %s %q, %v", r.Method, b, r.Header)
		}
	})
	t.Run("a WebSocket is asked for as a browser does", func(t *testing.T) {
		socket := q
		socket.Socket, socket.Path = true, "/websocket"
		got, err := u.Ask(t.Context(), socket)
		if err != nil || got.Status != http.StatusSwitchingProtocols {
			t.Fatalf("got %+v, %v", got, err)
		}
		r := <-seen
		<-body
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-WebSocket-Version") != "13" || r.Header.Get("Origin") != "https://erp.acme.example" {
			t.Errorf("it heard %v", r.Header)
		}
	})
	t.Run("a backend that the pool does not have", func(t *testing.T) {
		stranger := q
		stranger.Backend = "b7"
		if _, err := u.Ask(t.Context(), stranger); !errors.Is(err, ErrNoBackend) {
			t.Errorf("got %v", err)
		}
	})
	u.Apply(map[string]*routing.Pool{})
}

func TestOutgoing(t *testing.T) {
	own := netip.MustParseAddrPort("127.0.0.1:9080")
	o := NewOutgoing([]netip.AddrPort{own}, []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")})
	for raw, ok := range map[string]bool{
		"https://hooks.example/x":          true,
		"http://10.8.0.1/x":                true,
		"http://127.0.0.1:9081/x":          true,
		"http://127.0.0.1:9080/api":        false, // our own
		"http://169.254.169.254/latest":    false,
		"http://[fe80::1]/":                false,
		"http://168.63.129.16/":            false,
		"http://10.9.1.1/":                 false,
		"http://0.0.0.0/":                  false,
		"http://[::ffff:169.254.169.254]/": false,
		"ftp://hooks.example/":             false,
		"https://me:secret@hooks.example/": false,
		"/relative":                        false,
		"https:///path":                    false,
		"http://1.2.3.4:99999/":            false,
	} {
		if err := o.Check(raw); (err == nil) != ok {
			t.Errorf("%s: %v", raw, err)
		} else if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the password: %v", raw, err)
		}
	}
	there := httptest.NewServer(http.NotFoundHandler())
	defer there.Close()
	conn, err := o.DialContext(t.Context(), "tcp", there.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	closed := NewOutgoing([]netip.AddrPort{listener.Addr().(*net.TCPAddr).AddrPort()}, nil)
	if _, err := closed.DialContext(t.Context(), "tcp", listener.Addr().String()); !errors.Is(err, errForbidden) {
		t.Errorf("our own listener: %v", err)
	}
}
