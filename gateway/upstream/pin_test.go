package upstream

import (
	"log/slog"
	"net/http"
	"testing"

	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
)

func TestAnswersTeachTheirSession(t *testing.T) {
	const session = "7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKmUABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
	for rule, c := range map[string]struct {
		answer http.Header
		want   routing.Taught
	}{
		"an answer without a session cookie":    {http.Header{"Set-Cookie": {"tz=UTC"}}, routing.Taught{Backend: "b1"}},
		"one that sets it":                      {http.Header{"Set-Cookie": {"session_id=" + session + "; Path=/"}}, routing.Taught{Backend: "b1", Session: session, Set: true}},
		"of two the last is what browsers keep": {http.Header{"Set-Cookie": {"session_id=x", "session_id=" + session}}, routing.Taught{Backend: "b1", Session: session, Set: true}},
		"one that deletes it":                   {http.Header{"Set-Cookie": {"session_id=; Max-Age=0"}}, routing.Taught{Backend: "b1", Set: true}},
		"one for everybody":                     {http.Header{"Cache-Control": {"public, max-age=9"}}, routing.Taught{Backend: "b1", Public: true}},
	} {
		t.Run(rule, func(t *testing.T) {
			var got routing.Taught
			x := &routing.Exchange{Learn: func(taught routing.Taught) []string {
				got = taught
				return []string{"pin=1"}
			}}
			learn(c.answer, x, "b1")
			if cookies := c.answer["Set-Cookie"]; got != c.want || cookies[len(cookies)-1] != "pin=1" {
				t.Errorf("taught %+v, want %+v; cookies %q", got, c.want, cookies)
			}
		})
	}
}

func TestFencedBackendKeepsItsSessions(t *testing.T) {
	space, err := spool.New(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	u := New(Config{Space: space, Log: slog.New(slog.DiscardHandler)})
	pool := &routing.Pool{Name: "p", Sessions: routing.SessionsLocal, Backends: []routing.Backend{
		{Name: "fenced", HTTP: "http://127.0.0.1:1", Weight: 0}, {Name: "open", HTTP: "http://127.0.0.1:2", Weight: 1},
	}}
	u.Apply(map[string]*routing.Pool{"p": pool})
	for rule, c := range map[string]struct{ pin, want string }{
		"pinned sessions stay":           {"fenced", "fenced"},
		"others go to the open one":      {"", "open"},
		"a pin to nobody does not count": {"gone", "open"},
	} {
		t.Run(rule, func(t *testing.T) {
			x := &routing.Exchange{Pin: c.pin, SessionKey: "k"}
			x.Tenant, x.Pool = &routing.Tenant{Name: "t"}, pool
			got, err := u.choose(u.pool(pool), x, nil)
			if err != nil || got.name != c.want {
				t.Errorf("got %v, %v; want %s", got, err, c.want)
			}
		})
	}
}
