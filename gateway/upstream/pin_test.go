package upstream

import (
	"log/slog"
	"net/http"
	"testing"

	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
)

func TestPinFollowsTheSession(t *testing.T) {
	const taught = "session_id=7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKmUABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno; Path=/"
	for rule, c := range map[string]struct {
		cookies []string
		x       routing.Exchange
		pins    bool
	}{
		"an answer that names a session pins it":      {[]string{taught}, routing.Exchange{}, true},
		"also when it is pinned there already":        {[]string{taught}, routing.Exchange{Pin: "b1", SessionKey: "k"}, true},
		"a session without a pin gets one":            {nil, routing.Exchange{SessionKey: "k"}, true},
		"served elsewhere for once, it keeps its pin": {nil, routing.Exchange{Pin: "b2", SessionKey: "k"}, false},
		"a visitor without a session is not pinned":   {[]string{"tz=UTC"}, routing.Exchange{}, false},
	} {
		t.Run(rule, func(t *testing.T) {
			x := c.x
			x.Remember = func(backend string) string { return "pin=" + backend }
			to := http.Header{"Set-Cookie": c.cookies}
			remember(to, &x, "b1")
			if pins := len(to["Set-Cookie"]) > len(c.cookies); pins != c.pins {
				t.Errorf("got %v, want %v", to, c.pins)
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
