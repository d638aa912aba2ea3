package edge

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

func TestTheFirstRequestIsServed(t *testing.T) {
	r := start(t, options{quick: true})
	for {
		status := r.statusOf("http://"+r.web, "acme.tenant.test")
		if status == 200 {
			return
		}
		if status != 0 {
			t.Fatalf("the first answer was %d", status)
		}
		wait(t, time.Millisecond)
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	for name, via := range map[string]func(*testing.T) (http.RoundTripper, string){
		"over HTTP/1.1": func(t *testing.T) (http.RoundTripper, string) {
			plain := &http.Transport{}
			t.Cleanup(plain.CloseIdleConnections)
			return plain, "http://"
		},
		"over HTTP/3": func(t *testing.T) (http.RoundTripper, string) {
			quic := &http3.Transport{TLSClientConfig: insecure("acme.tenant.test")}
			t.Cleanup(func() { _ = quic.Close() })
			return quic, "https://"
		},
	} {
		t.Run(name, func(t *testing.T) {
			arrived, release := make(chan struct{}), make(chan struct{})
			r := start(t, options{path: fakePath{serve: func(w http.ResponseWriter, _ *http.Request) {
				close(arrived)
				<-release
				_, _ = io.WriteString(w, "finished")
			}}})
			transport, scheme := via(t)
			type result struct {
				body string
				err  error
			}
			got := make(chan result, 1)
			go func() {
				resp, err := r.try(transport, scheme+r.web, "acme.tenant.test")
				if err != nil {
					got <- result{err: err}
					return
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				got <- result{string(body), err}
			}()
			<-arrived
			r.stop()
			r.eventually("not ready", func() bool { return !r.edge.Ready() })
			select {
			case <-r.stopped:
				t.Fatal("Run returned while a request was in flight")
			case <-time.After(200 * time.Millisecond):
			}
			close(release)
			if res := <-got; res.err != nil || res.body != "finished" {
				t.Errorf("got %q, %v", res.body, res.err)
			}
		})
	}
}

func TestStopEndsWhatOnStopCloses(t *testing.T) {
	conns := make(chan net.Conn, 1)
	r := start(t, options{
		path: fakePath{serve: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Errorf("Hijack: %v", err)
				return
			}
			conns <- conn
			_, _ = io.Copy(io.Discard, conn) // until OnStop closes it
		}},
		config: func(c *Config) {
			c.OnStop = func(context.Context) {
				if conn := <-conns; conn != nil {
					_ = conn.Close()
				}
			}
		},
	})
	client, err := net.Dial("tcp", r.web)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: acme.tenant.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r.eventually("hijacked", func() bool { return len(conns) == 1 })
	began := time.Now()
	r.end()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v; the hijacked connection held it", took)
	}
}

func TestStopDuringStartIsQuick(t *testing.T) {
	r := start(t, options{quick: true, path: fakePath{middlewares: map[string][]string{"late": {"never@file"}}}})
	for r.statusOf("http://"+r.web, "acme.tenant.test") == 0 {
		wait(t, time.Millisecond)
	}
	began := time.Now()
	r.end()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestRunOfAnEndedContextReturns(t *testing.T) {
	r := start(t, options{})
	edge, err := New(Config{Static: r.edge.cfg.Static, Path: fakePath{}, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := edge.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestRunReportsAPortInUse(t *testing.T) {
	r := start(t, options{})
	edge, err := New(Config{Static: r.static("", ""), Path: fakePath{}, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := edge.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v, want the port in use", err)
	}
}

func TestPanicEndsOneRequestOnly(t *testing.T) {
	r := start(t, options{path: fakePath{serve: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("boom")
		}
		_, _ = io.WriteString(w, "fine")
	}}})
	if status, body, _ := r.get("acme.tenant.test", "/panic"); status != 500 || strings.Contains(body, "boom") {
		t.Errorf("got %d %q, want a 500 that keeps the cause", status, body)
	}
	if status, body, _ := r.get("acme.tenant.test", "/"); status != 200 || body != "fine" {
		t.Errorf("afterwards: %d %q", status, body)
	}
	if page := r.metrics(); !strings.Contains(page, "sluice_edge_panics_total 1") {
		t.Error("the panic was not counted")
	}
}

func (r *rig) metrics() string {
	r.t.Helper()
	resp, err := r.try(http.DefaultTransport, "http://"+r.status+"/metrics", "")
	if err != nil {
		r.t.Fatal(err)
	}
	_, page, _ := read(r.t, resp)
	return page
}
