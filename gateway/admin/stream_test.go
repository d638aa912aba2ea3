package admin

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The listeners bound how long an answer may take. A stream has none: each event has.
func TestAStreamOutlastsTheTimeouts(t *testing.T) {
	n := newNight(t, nil)
	c := n.begin()
	server := httptest.NewUnstartedServer(n.local())
	server.Config.ReadTimeout = 300 * time.Millisecond
	server.Config.WriteTimeout = 600 * time.Millisecond
	server.Start()
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/v1/cutovers/"+c.ID+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	told := 0
	for lines := bufio.NewScanner(answer.Body); told < 2 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "event: remainder") {
			told++
		}
	}
	if told < 2 {
		t.Errorf("the stream ended after %d seconds", told)
	}
}
