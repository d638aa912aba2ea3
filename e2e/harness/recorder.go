package harness

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Recorder is a backend that keeps every request exactly as it came over the wire, which
// no HTTP library does: header names as spelled, their order, the target as sent. It
// answers like an Odoo worker: HTTP/1.0, then the connection ends.
type Recorder struct {
	Addr string

	mu       sync.Mutex
	requests []Seen
	handle   func(net.Conn, Seen) // answers; nil: 200 with the recorder's name
	name     string

	healthAnswer string
}

// Seen is one request as it came.
type Seen struct {
	Method, Target string
	Header         [][2]string
	Body           []byte
	Head           string // raw, with the blank line
}

// Get returns the values of every header that WSGI would read as the name: case ignored,
// and "-", "_" and "." alike.
func (s Seen) Get(name string) []string {
	var values []string
	for _, field := range s.Header {
		if wsgiName(field[0]) == wsgiName(name) {
			values = append(values, field[1])
		}
	}
	return values
}

func wsgiName(name string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(name))
}

// NewRecorder starts one; it ends with the test.
func NewRecorder(t testing.TB, name string) *Recorder {
	t.Helper()
	listener, err := net.Listen("tcp", FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	r := &Recorder{Addr: listener.Addr().String(), name: name}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		group.Wait()
	})
	return r
}

// Handle replaces the answer to everything but health probes: f writes what it likes to
// the connection, which ends when f returns.
func (r *Recorder) Handle(f func(net.Conn, Seen)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handle = f
}

// Answer replaces the answer by raw bytes.
func (r *Recorder) Answer(raw string) {
	r.Handle(func(conn net.Conn, _ Seen) { _, _ = io.WriteString(conn, raw) })
}

// Matching returns the recorded requests that hold the text in their head or body.
func (r *Recorder) Matching(text string) []Seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Seen
	for _, s := range r.requests {
		if strings.Contains(s.Head, text) || bytes.Contains(s.Body, []byte(text)) {
			all = append(all, s)
		}
	}
	return all
}

func (r *Recorder) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * Patience))
	reader := bufio.NewReader(conn)
	seen, err := readSeen(reader)
	if err != nil {
		return
	}
	if strings.HasPrefix(seen.Target, "/web/health") {
		r.health(conn)
		return
	}
	r.mu.Lock()
	r.requests = append(r.requests, seen)
	handle := r.handle
	r.mu.Unlock()
	switch {
	case handle != nil:
		handle(conn, seen)
	case len(seen.Get("Upgrade")) > 0:
		upgrade(conn, reader, seen)
	default:
		_, _ = io.WriteString(conn, raw200("text/plain", "served by "+r.name+"\n"))
	}
}

// Health replaces the answer to health probes by raw bytes; empty: healthy.
func (r *Recorder) Health(raw string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.healthAnswer = raw
}

func (r *Recorder) health(conn net.Conn) {
	r.mu.Lock()
	raw := r.healthAnswer
	r.mu.Unlock()
	if raw == "" {
		raw = raw200("application/json", `{"status": "pass"}`)
	}
	_, _ = io.WriteString(conn, raw)
}

func raw200(kind, body string) string {
	return fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", kind, len(body), body)
}

// readSeen reads one request, keeping the head's bytes; the body is read as net/http
// frames it.
func readSeen(reader *bufio.Reader) (Seen, error) {
	var head bytes.Buffer
	for !bytes.HasSuffix(head.Bytes(), []byte("\r\n\r\n")) {
		line, err := reader.ReadBytes('\n')
		head.Write(line)
		if err != nil {
			return Seen{}, err
		}
	}
	seen := Seen{Head: head.String()}
	lines := strings.Split(strings.TrimSuffix(seen.Head, "\r\n\r\n"), "\r\n")
	seen.Method, seen.Target, _ = strings.Cut(lines[0], " ")
	seen.Target, _, _ = strings.Cut(seen.Target, " ")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		seen.Header = append(seen.Header, [2]string{name, strings.TrimSpace(value)})
	}
	request, err := http.ReadRequest(bufio.NewReader(io.MultiReader(&head, reader)))
	if err != nil {
		return seen, nil // recorded all the same: the test will say it should not have come
	}
	seen.Body, _ = io.ReadAll(request.Body)
	return seen, nil
}

// upgrade answers 101 and then echoes frames.
func upgrade(conn net.Conn, reader *bufio.Reader, seen Seen) {
	key := strings.Join(seen.Get("Sec-WebSocket-Key"), "")
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	for echoFrame(conn, reader) == nil {
	}
}
