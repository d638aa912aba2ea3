package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/config/file"
)

// screen is what a person reads, while it is being written.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// until waits for words on the screen.
func (s *screen) until(t *testing.T, words string) string {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		if text := s.String(); strings.Contains(text, words) {
			return text
		}
		if time.Now().After(deadline) {
			t.Fatalf("never said %q:\n%s", words, s)
		}
	}
}

// proxy stands in for the gateway: it routes by the documents that the demonstration wrote,
// without any of the gateway's rules, and answers on the admin socket.
func proxy(ctx context.Context, install string, _ *slog.Logger) error {
	settings, problems := config.LoadInstall(install)
	if problems.Failed() {
		return problems.Err()
	}
	snapshot := config.Compile(file.Load(string(settings.Spec.Sources.Directory)), nil, config.Options{Now: time.Now()})
	if len(snapshot.Problems) > 0 {
		return errors.New(snapshot.Problems.String())
	}
	if err := os.MkdirAll(string(settings.Spec.DataDir), 0o700); err != nil {
		return err
	}
	socket, err := net.Listen("unix", filepath.Join(string(settings.Spec.DataDir), "admin.sock"))
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", settings.Listeners()[1]) // traefik, web
	if err != nil {
		return err
	}
	ready := &http.Server{Handler: http.NotFoundHandler()}
	ready.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	front := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		tenant, _ := snapshot.Table.Resolve(strings.Split(r.In.Host, ":")[0])
		backend := tenant.Active.Pool.Backends[0]
		to := backend.HTTP
		if r.In.URL.Path == "/websocket" {
			to = backend.Realtime
		}
		target, _ := url.Parse(to)
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("X-Forwarded-Host", r.In.Host)
		r.Out.Header.Set("X-Odoo-Dbfilter", "^"+tenant.Active.Database+`\Z`)
	}}}
	var parts sync.WaitGroup
	parts.Go(func() { _ = ready.Serve(socket) })
	parts.Go(func() { _ = front.Serve(web) })
	<-ctx.Done()
	_ = ready.Close()
	_ = front.Close()
	parts.Wait()
	return nil
}

// start runs a demonstration and returns what it printed once it was ready.
func start(t *testing.T, o Options) (said string, stop func() error) {
	t.Helper()
	out := &screen{}
	o.Out, o.Command, o.Serve = out, "sluice", proxy
	o.Log = func(io.Writer) *slog.Logger { return slog.New(slog.DiscardHandler) }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, o) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return out.until(t, "Stop with Ctrl-C"), stop
}

// shortDir keeps the path of the socket within its bound.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestPrintedLinesWork sends what every curl line says.
func TestPrintedLinesWork(t *testing.T) {
	said, stop := start(t, Options{Dir: shortDir(t), Port: 0})
	want := []string{`"db":"acme"`, `"db":"globex"`, `"db":"initech"`, `"db":"umbrella"`, `"server_version":"18.0"`, "101 Switching Protocols", "200 OK"}
	lines := regexp.MustCompile(`(?m)^  curl .*$`).FindAllString(said, -1)
	if len(lines) != len(want) {
		t.Fatalf("%d lines to paste:\n%s", len(lines), said)
	}
	for i, line := range lines {
		if got := paste(t, line); !strings.Contains(got, want[i]) {
			t.Errorf("%s: got %s, want %s", line, got, want[i])
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// paste does what curl would: it knows -H, -d and an address. The answer is the status and,
// unless the connection changes its protocol, the body without spaces.
func paste(t *testing.T, line string) string {
	t.Helper()
	words := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, word := range words {
		value := strings.Trim(word, "'")
		switch previous := words[max(0, i-1)]; {
		case previous == "-H":
			name, content, _ := strings.Cut(value, ": ")
			request.Header.Set(name, content)
		case previous == "-d":
			request.Method, request.Body = http.MethodPost, io.NopCloser(strings.NewReader(value))
		case strings.HasPrefix(value, "http"):
			if request.URL, err = url.Parse(value); err != nil {
				t.Fatal(err)
			}
		}
	}
	request.Host = request.Header.Get("Host")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return response.Status
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status + strings.ReplaceAll(string(body), " ", "")
}

// TestWebsocketLine does what the line for the browser's console does.
func TestWebsocketLine(t *testing.T) {
	said, _ := start(t, Options{Dir: shortDir(t), Port: 0})
	at := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(said)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	header := http.Header{"Origin": {"http://acme.localhost"}, "User-Agent": {"browser"}}
	ws, _, err := websocket.Dial(ctx, at+websocketPath, &websocket.DialOptions{Host: "acme.localhost", HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if err := ws.Write(ctx, websocket.MessageText, []byte(subscribe)); err != nil {
		t.Fatal(err)
	}
	arrived := make(chan string, 1)
	go func() {
		_, text, err := ws.Read(ctx)
		arrived <- fmt.Sprint(string(text), err)
	}()
	// The subscription has no answer, so the post is repeated until it is seen.
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		postToBus(t, at)
		select {
		case text := <-arrived:
			if !strings.Contains(text, "hello") {
				t.Errorf("got %s", text)
			}
			return
		case <-tick.C:
		}
	}
}

func postToBus(t *testing.T, at string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/standin/bus", strings.NewReader(push))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "acme.localhost"
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("post to the bus: %s", response.Status)
	}
}

func TestTakenPortAndTemporaryDirectory(t *testing.T) {
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	said, stop := start(t, Options{Port: port})
	if !strings.Contains(said, fmt.Sprintf("Port %d is taken: using", port)) {
		t.Errorf("does not say that the port is taken:\n%s", said)
	}
	dir := regexp.MustCompile(`working directory +(\S+)`).FindStringSubmatch(said)[1]
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left behind", dir)
	}
}

func TestOwnDirectoryIsKeptAndUsedAgain(t *testing.T) {
	dir := shortDir(t)
	for range 2 {
		_, stop := start(t, Options{Dir: dir, Port: 0})
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	mine := filepath.Join(dir, "tenants", "acme.yaml")
	if err := os.WriteFile(mine, []byte("# mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Options{Dir: dir, Out: io.Discard, Serve: proxy, Log: func(io.Writer) *slog.Logger { return nil }})
	if err == nil || !strings.Contains(err.Error(), mine) || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("got %v", err)
	}
}

func TestGatewayThatFailsIsExplained(t *testing.T) {
	o := Options{Dir: shortDir(t), Out: io.Discard, Log: func(io.Writer) *slog.Logger { return nil }}
	o.Serve = func(context.Context, string, *slog.Logger) error { return errors.New("no such thing") }
	err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "no such thing") || !strings.Contains(err.Error(), "gateway.log") {
		t.Errorf("got %v", err)
	}
}
