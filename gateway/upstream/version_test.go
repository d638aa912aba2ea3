package upstream

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
)

func TestVersionIsAskedOfTheServers(t *testing.T) {
	for rule, c := range map[string]struct {
		status     int
		body, want string
	}{
		"the server's own word":       {200, `{"result":{"server_version":"17.0","server_version_info":[17,0]}}`, "17.0"},
		"an error says nothing":       {200, `{"error":{"code":200}}`, ""},
		"a page that is no JSON":      {200, `<html>`, ""},
		"a status that is no success": {503, `{"result":{"server_version":"17.0"}}`, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			var asked string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.URL.Path
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			space, err := spool.New(spool.Config{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			u := New(Config{Space: space, Log: slog.New(slog.DiscardHandler)})
			u.Apply(map[string]*routing.Pool{"p": {Name: "p", Backends: []routing.Backend{{Name: "b", HTTP: server.URL, Weight: 1}}}})
			got, err := u.Version(context.Background(), "p")
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
			if asked != "POST /web/webclient/version_info" {
				t.Errorf("asked %q", asked)
			}
		})
	}
}
