package edge

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// slowEntryPoint gives a request's header one second.
const slowEntryPoint = "transport: {lifeCycle: {graceTimeOut: 10s}, respondingTimeouts: {readTimeout: 1s}}"

// trickle is a body that arrives over two seconds.
func trickle(t *testing.T) io.Reader {
	in, out := io.Pipe()
	go func() {
		for range 8 {
			wait(t, 250*time.Millisecond)
			if _, err := out.Write(make([]byte, 4<<10)); err != nil {
				return
			}
		}
		_ = out.Close()
	}()
	return in
}

func TestUploadsOutlastTheHeaderTimeout(t *testing.T) {
	count := func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "patient.tenant.test" {
			wait(t, 1500*time.Millisecond) // a hold: nobody reads for longer than the time-out
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != 32<<10 {
			t.Errorf("%s over %s: %d bytes, %v", r.Host, r.Proto, n, err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(count))
	t.Cleanup(server.Close)
	r := start(t, options{
		web:   slowEntryPoint,
		files: map[string]string{"ordinary.yaml": strings.ReplaceAll(ordinary, "BACKEND", server.URL)},
		path:  fakePath{serve: count},
	})
	for name, tc := range map[string]struct{ host, url string }{
		"to an ordinary router over HTTP/1": {"plain.test", "http://"},
		"to an ordinary router over HTTP/2": {"plain.test", "https://"},
		"to a tenant on hold over HTTP/2":   {"patient.tenant.test", "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: insecure(tc.host)}
			t.Cleanup(transport.CloseIdleConnections)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tc.url+r.web, trickle(t))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = tc.host
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if status, _, _ := read(t, resp); status != 200 {
				t.Errorf("got %d", status)
			}
		})
	}
}

func TestSlowHeadersEnd(t *testing.T) {
	r := start(t, options{web: slowEntryPoint})
	for name, dial := range map[string]func() (net.Conn, error){
		"of a connection that says nothing": func() (net.Conn, error) { return net.Dial("tcp", r.web) },
		"of half a header": func() (net.Conn, error) {
			conn, err := net.Dial("tcp", r.web)
			if err == nil {
				_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: acme.tenant.test\r\nX-")
			}
			return conn, err
		},
		"inside TLS": func() (net.Conn, error) { return tls.Dial("tcp", r.web, insecure("acme.tenant.test")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Errorf("the connection is still open after 5 s: %v", err)
			}
		})
	}
}
