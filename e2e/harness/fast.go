package harness

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Fast is a quick backend inside the test: when a request fails under load, it was not
// the backend's fault. It keeps connections, echoes over websockets, and counts.
type Fast struct {
	Addr string

	mu     sync.Mutex
	counts map[string]int // by method and path
	closes []websocket.StatusCode
}

// NewFast starts one; it ends with the test.
func NewFast(t testing.TB) *Fast {
	t.Helper()
	listener, err := net.Listen("tcp", FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	f := &Fast{Addr: listener.Addr().String(), counts: map[string]int{}}
	server := &http.Server{Handler: f}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return f
}

// Count says how often a method and path were asked: "POST /web/login".
func (f *Fast) Count(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[what]
}

// AnonymousPath is a page that gives whoever has no cookie a session, as most of Odoo's
// public pages do.
const AnonymousPath = "/shop"

// SignInPath signs anybody in and answers with a new session.
const SignInPath = "/web/session/authenticate"

// ServeHTTP answers 1 KiB; "/sleep/2s" after that time, "/websocket" by echoing.
func (f *Fast) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.counts[r.Method+" "+r.URL.Path]++
	f.mu.Unlock()
	switch {
	case r.URL.Path == "/web/health":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status": "pass"}`)
	case r.URL.Path == "/websocket":
		f.echo(w, r)
	case r.URL.Path == AnonymousPath:
		if r.Header.Get("Cookie") == "" {
			giveSession(w)
		}
		_, _ = io.WriteString(w, "shop\n")
	case r.URL.Path == SignInPath:
		_, _ = io.Copy(io.Discard, r.Body)
		giveSession(w)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc": "2.0", "id": 1, "result": {"uid": 2}}`)
	default:
		if pause, ok := strings.CutPrefix(r.URL.Path, "/sleep/"); ok {
			sleep(r.Context(), pause)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%-1024s", "ok "+r.Host)
	}
}

func giveSession(w http.ResponseWriter) {
	var random [63]byte
	rand.Read(random[:])
	w.Header().Set("Set-Cookie", "session_id="+base64.URLEncoding.EncodeToString(random[:])+"; Max-Age=604800; HttpOnly; Path=/")
}

func sleep(ctx context.Context, pause string) {
	d, _ := time.ParseDuration(pause)
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// echo compresses where the client wants it.
func (f *Fast) echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1,
	})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	for {
		kind, message, err := conn.Read(context.Background())
		if err != nil {
			f.mu.Lock()
			f.closes = append(f.closes, websocket.CloseStatus(err))
			f.mu.Unlock()
			return
		}
		if conn.Write(context.Background(), kind, message) != nil {
			return
		}
	}
}

// Closes lists the close codes that the backend saw.
func (f *Fast) Closes() []websocket.StatusCode {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]websocket.StatusCode(nil), f.closes...)
}
