package admin

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWrongTokensAreBounded(t *testing.T) {
	h := newServer(t, sample(), nil).remote()
	wrong := map[string]string{"Authorization": "Bearer wrong"}
	for i := range guessBurst {
		if response, _ := ask(t, h, "GET", "/api/v1/status", "", wrong); response.StatusCode != 401 {
			t.Fatalf("guess %d: %d", i, response.StatusCode)
		}
	}
	response, _ := ask(t, h, "GET", "/api/v1/status", "", as(Admin))
	if response.StatusCode != 429 || response.Header.Get("Retry-After") == "" {
		t.Errorf("after %d guesses: %d", guessBurst, response.StatusCode)
	}
}

func TestGoodTokensCostNothing(t *testing.T) {
	h := newServer(t, sample(), nil).remote()
	for range 5 * guessBurst {
		if response, _ := ask(t, h, "GET", "/api/v1/status", "", as(Viewer)); response.StatusCode != 200 {
			t.Fatalf("got %d", response.StatusCode)
		}
	}
}

func TestGuesses(t *testing.T) {
	now := time.Unix(1700000000, 0)
	no, yes := func() bool { return false }, func() bool { return true }
	exhausted := func(addr string) *guesses {
		g := newGuesses()
		for range guessBurst {
			g.try(netip.MustParseAddr(addr), now, no)
		}
		return g
	}
	t.Run("another address is not held up", func(t *testing.T) {
		if ok, wait := exhausted("192.0.2.1").try(netip.MustParseAddr("192.0.2.2"), now, yes); !ok || wait > 0 {
			t.Error(ok, wait)
		}
	})
	t.Run("a right token waits as well", func(t *testing.T) {
		if ok, wait := exhausted("192.0.2.1").try(netip.MustParseAddr("192.0.2.1"), now, yes); ok || wait != guessInterval {
			t.Error(ok, wait)
		}
	})
	t.Run("the budget comes back", func(t *testing.T) {
		if ok, _ := exhausted("192.0.2.1").try(netip.MustParseAddr("192.0.2.1"), now.Add(guessInterval), yes); !ok {
			t.Error("still refused")
		}
	})
	t.Run("a /64 is one client", func(t *testing.T) {
		if ok, _ := exhausted("2001:db8::1").try(netip.MustParseAddr("2001:db8::ffff"), now, yes); ok {
			t.Error("let through")
		}
	})
	t.Run("a /64 is not the next one", func(t *testing.T) {
		if ok, _ := exhausted("2001:db8::1").try(netip.MustParseAddr("2001:db8:0:1::1"), now, yes); !ok {
			t.Error("held up")
		}
	})
	t.Run("memory is bounded", func(t *testing.T) {
		g := newGuesses()
		for i := range 2 * guessMemory {
			g.try(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now, no)
		}
		if len(g.byAddr) != guessMemory || g.recent.Len() != guessMemory {
			t.Errorf("%d addresses kept", len(g.byAddr))
		}
	})
}

func TestTokenFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	cases := map[string]struct {
		content string
		token   Token
		says    string
	}{
		"a missing file":  {"", Token{Name: "ops", Role: Operator, File: file + ".not"}, "no such file"},
		"a short token":   {"short\n", Token{Name: "ops", Role: Operator, File: file}, "openssl rand"},
		"an unknown role": {strings.Repeat("x", 32), Token{Name: "ops", Role: "root", File: file}, "viewer, operator, admin"},
		"an empty file":   {"  \n", Token{Name: "ops", Role: Operator, File: file}, "holds 0 characters"},
		"names the token": {"", Token{Name: "ops", Role: Operator, File: file}, `token "ops"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := New(Config{Tokens: []Token{c.token}, Log: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

func TestTokensRotateWithoutRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	old, next := strings.Repeat("a", 32), strings.Repeat("b", 32)
	write(old, start.Add(-time.Hour))
	l, err := newLogins([]Token{{Name: "ops", Role: Operator, File: file}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	known := func(token string, at time.Time) bool { _, ok := l.who(token, at); return ok }
	write(next, start)
	if at := start.Add(2 * freshFor); known(old, at) || !known(next, at) {
		t.Error("the new token does not count, or the old one still does")
	}
	write("short", start.Add(time.Minute))
	if at := start.Add(4 * freshFor); !known(next, at) || known("short", at) {
		t.Error("a broken file took the good token away")
	}
}

func TestRoles(t *testing.T) {
	order := []Role{Viewer, Operator, Admin}
	for i, has := range order {
		for j, needs := range order {
			if got, want := has.allows(needs), i >= j; got != want {
				t.Errorf("%s for %s: %v", has, needs, got)
			}
		}
		if has.allows("") || Role("").allows(has) || Role("root").allows(has) {
			t.Error(fmt.Sprint("an unknown role counts: ", has))
		}
	}
}
