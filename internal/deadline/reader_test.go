package deadline

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestDueFollowsProgress(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		after    time.Duration
		received int64
		want     time.Duration // from the start
	}{
		"a body that has not begun has the whole pause": {0, 0, 30 * time.Second},
		"a fast body may pause again":                   {100 * time.Second, 50 << 20, 130 * time.Second},
		"a byte now and then earns nothing":             {29 * time.Second, 2, 30*time.Second + 1953125},
		"exactly the least rate goes on":                {60 * time.Second, 60 << 10, 90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(nil, nil)
			r.started, r.received = start, tc.received
			if got := r.due(start.Add(tc.after)).Sub(start); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestReaderEndsAStalledBodyAndLetsASlowOneLive(t *testing.T) {
	results := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := NewContext(r.Context(), http.NewResponseController(w))
		_, err := io.Copy(io.Discard, NewReaderWith(r.Body, FromContext(ctx), 300*time.Millisecond, 10))
		results <- err
	}))
	defer server.Close()

	for name, tc := range map[string]struct {
		pieces int
		ok     bool
	}{
		"a body that stops half-way ends with an error":     {pieces: 1},
		"a body that arrives over twice the pause is whole": {pieces: 8, ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 800\r\n\r\n")
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for range tc.pieces {
				io.WriteString(conn, strings.Repeat("x", 100))
				<-tick.C
			}
			if err := <-results; (err == nil) != tc.ok {
				t.Fatalf("got %v, want success %v", err, tc.ok)
			}
			if tc.ok {
				if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
					t.Errorf("answer: %v", err)
				}
			}
		})
	}
}

func TestWithoutASetterNothingChanges(t *testing.T) {
	r := NewReader(strings.NewReader("body"), FromContext(context.Background()))
	if got, err := io.ReadAll(r); err != nil || string(got) != "body" {
		t.Errorf("got %q, %v", got, err)
	}
}
