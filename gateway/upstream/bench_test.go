package upstream

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// canned is a backend that answers every request with the same bytes, at next to no cost of
// its own.
func canned(b *testing.B, text string, keep bool) string {
	answer := []byte(text)
	w := startWorker(b, func(c wire) {
		for {
			if err := skipRequest(c.Reader); err != nil {
				return
			}
			if _, err := c.Write(answer); err != nil || !keep {
				return
			}
		}
	})
	return w.url()
}

func skipRequest(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			return nil
		}
	}
}

// sink is the cheapest writer that behaves like the server's.
type sink struct {
	header http.Header
	n      int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { s.n += len(p); return len(p), nil }
func (s *sink) Flush()                      {}
func (s *sink) reset()                      { clear(s.header); s.n = 0 }

func benchUpstream(b *testing.B, address string) *Upstream {
	space, err := spool.New(spool.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	u := New(Config{Space: space, Log: slog.New(slog.DiscardHandler)})
	b.Cleanup(func() { u.Apply(nil) })
	u.Apply(map[string]*routing.Pool{"pool": benchPool(address)})
	return u
}

func benchPool(address string) *routing.Pool {
	profile, _ := odoo.ProfileFor("18.0")
	return &routing.Pool{
		Name: "pool", Profile: profile, Isolation: routing.IsolationHeader,
		Backends: []routing.Backend{{Name: "b1", HTTP: address, Weight: 1}},
	}
}

func benchRequest() *http.Request {
	r := httptest.NewRequest("GET", "/web/dataset?x=1", nil)
	r.Body = http.NoBody
	for name, value := range map[string]string{
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept": "text/html,*/*", "Accept-Language": "en",
		"Accept-Encoding": "gzip, br", "Cookie": "session_id=0123456789; cids=1", "Referer": "https://acme.test/odoo",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// pass serves r through u as the chain would.
func pass(u *Upstream, pool *routing.Pool, tenant *routing.Tenant, w http.ResponseWriter, r *http.Request) {
	x := &routing.Exchange{RequestID: "req-1", Scheme: "https", PublicHost: "acme.test", Client: netip.MustParseAddr("192.0.2.7")}
	x.Route = routing.Route{Tenant: tenant, Host: "acme.test", Path: r.URL.Path, Class: odoo.Web, Release: tenant.Active, Pool: pool}
	x.SessionKey = "key"
	ctx := deadline.NewContext(routing.NewContext(r.Context(), x), http.NewResponseController(w))
	u.ServeHTTP(w, r.WithContext(ctx))
}

func reverseProxy(address string, keep bool) *httputil.ReverseProxy {
	target, _ := url.Parse(address)
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Header.Set("X-Forwarded-Host", "acme.test")
			p.Out.Header.Set("X-Forwarded-Proto", "https")
			p.Out.Header.Set("X-Forwarded-For", "192.0.2.7")
			p.Out.Header.Set("X-Odoo-Dbfilter", `^acme\.db\Z`)
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, DisableKeepAlives: !keep},
	}
}

func answerOf(size int, keep bool) string {
	version := "HTTP/1.0"
	if keep {
		version = "HTTP/1.1"
	}
	return fmt.Sprintf("%s 200 OK\r\nServer: Werkzeug/2.2.2\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		version, size, strings.Repeat("x", size))
}

// BenchmarkServe compares one request through ours and through the standard library's
// proxy, handler alone.
func BenchmarkServe(b *testing.B) {
	for _, size := range []int{1 << 10, 256 << 10} {
		for _, keep := range []bool{true, false} {
			kind := map[bool]string{true: "keepalive", false: "close"}[keep]
			b.Run(fmt.Sprintf("sluice/%dKiB/%s", size>>10, kind), func(b *testing.B) {
				address := canned(b, answerOf(size, keep), keep)
				u, pool := benchUpstream(b, address), benchPool(address)
				tenant := &routing.Tenant{Name: "acme", Active: &routing.Release{Name: "blue", Pool: pool, Database: "acme"}}
				measure(b, size, func(w http.ResponseWriter, r *http.Request) { pass(u, pool, tenant, w, r) })
			})
			b.Run(fmt.Sprintf("httputil/%dKiB/%s", size>>10, kind), func(b *testing.B) {
				proxy := reverseProxy(canned(b, answerOf(size, keep), keep), keep)
				defer proxy.Transport.(*http.Transport).CloseIdleConnections()
				measure(b, size, proxy.ServeHTTP)
			})
		}
	}
}

func measure(b *testing.B, size int, serve http.HandlerFunc) {
	r, w := benchRequest(), &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		w.reset()
		serve(w, r)
		if w.n != size {
			b.Fatalf("got %d bytes", w.n)
		}
	}
}

// BenchmarkEndToEnd adds a server and a client to both.
func BenchmarkEndToEnd(b *testing.B) {
	address := canned(b, answerOf(1<<10, true), true)
	u, pool := benchUpstream(b, address), benchPool(address)
	tenant := &routing.Tenant{Name: "acme", Active: &routing.Release{Name: "blue", Pool: pool, Database: "acme"}}
	proxy := reverseProxy(address, true)
	defer proxy.Transport.(*http.Transport).CloseIdleConnections()
	for name, h := range map[string]http.HandlerFunc{
		"sluice":   func(w http.ResponseWriter, r *http.Request) { pass(u, pool, tenant, w, r) },
		"httputil": proxy.ServeHTTP,
	} {
		b.Run(name, func(b *testing.B) {
			front := httptest.NewServer(h)
			defer front.Close()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) { hammer(b, pb, front.Listener.Addr().String()) })
		})
	}
}

// hammer sends requests over one raw connection, so that the client costs little.
func hammer(b *testing.B, pb *testing.PB, address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Error(err)
		return
	}
	defer c.Close()
	const request = "GET /web/dataset?x=1 HTTP/1.1\r\nHost: acme.test\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nCookie: session_id=0123456789\r\n\r\n"
	reader := bufio.NewReader(c)
	for pb.Next() {
		if _, err := io.WriteString(c, request); err != nil {
			b.Error(err)
			return
		}
		if err := skipRequest(reader); err != nil {
			b.Error(err)
			return
		}
		if _, err := reader.Discard(1 << 10); err != nil {
			b.Error(err)
			return
		}
	}
}
