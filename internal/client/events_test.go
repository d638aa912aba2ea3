package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func streaming(t *testing.T, handle http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return newClient(t, Target{Server: server.URL})
}

func TestStream(t *testing.T) {
	cases := map[string]struct{ sent, heard string }{
		"events with ids and names":            {"id: 1\nevent: phase\ndata: {\"a\":1}\n\nid: 2\ndata: x\n\n", `1 phase {"a":1}|2  x`},
		"comments keep the line open":          {": hello\n\nid: 1\ndata: x\n\n: still there\n\n", "1  x"},
		"data over several lines":              {"data: a\ndata: b\n\n", "  a\nb"},
		"without a blank behind the colon":     {"event:phase\ndata:x\n\n", " phase x"},
		"an event that is not ended is no one": {"id: 1\ndata: x\n\nid: 2\ndata: y\n", "1  x"},
		"an id alone says nothing":             {"id: 7\n\ndata: x\n\n", "  x"},
		"lines that end as on Windows":         {"id: 1\r\ndata: x\r\n\r\n", "1  x"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			client := streaming(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.sent) })
			var heard []string
			err := client.stream(t.Context(), "/x", "", func(e Event) error {
				heard = append(heard, fmt.Sprintf("%s %s %s", e.ID, e.Name, e.Data))
				return nil
			})
			if got := strings.Join(heard, "|"); err != nil || got != c.heard {
				t.Errorf("heard %q (%v), want %q", got, err, c.heard)
			}
		})
	}
}

func TestStreamGoesOnAfterTheLastEvent(t *testing.T) {
	client := streaming(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "data: %s %s %s\n\n", r.URL.Path, r.Header.Get("Last-Event-ID"), r.Header.Get("Accept"))
	})
	stop := errors.New("enough")
	var said string
	err := client.stream(t.Context(), "/cutovers/c1/events", "41", func(e Event) error {
		said = string(e.Data)
		return stop
	})
	if !errors.Is(err, stop) || said != "/api/v1/cutovers/c1/events 41 text/event-stream" {
		t.Errorf("%v: %s", err, said)
	}
}

func TestStreamThatIsRefused(t *testing.T) {
	client := streaming(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"status":404,"detail":"there is no cutover c9"}`)
	})
	err := client.stream(t.Context(), "/x", "", func(Event) error { return nil })
	var refused *Refused
	if !errors.As(err, &refused) || refused.Status != 404 || !strings.Contains(err.Error(), "no cutover c9") {
		t.Errorf("got %v", err)
	}
}
