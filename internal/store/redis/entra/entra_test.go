package entra

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

func TestWorkloadIdentity(t *testing.T) {
	workload(t)
	a := newAuthority(t)
	from, err := ambient(a.options())
	if err != nil {
		t.Fatal(err)
	}
	token, err := ask(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	if user, err := objectID(token.Token); user != oid || err != nil {
		t.Errorf("got %q, %v", user, err)
	}
	asked := a.asked[0]
	for name, text := range map[string]string{
		"client_id": clientID, "scope": scope, "client_assertion": "service-account-token", "grant_type": "client_credentials",
	} {
		if !contains(asked, name, text) {
			t.Errorf("%s: asked with %q, want %q", name, asked.Get(name), text)
		}
	}
	if next(token) > 31*time.Minute || next(token) < 29*time.Minute {
		t.Errorf("renewed in %s; Entra ID said in 30 min", next(token))
	}
	late := azcore.AccessToken{ExpiresOn: time.Now().Add(time.Hour)}
	if n := next(late); n > 56*time.Minute || n < 55*time.Minute {
		t.Errorf("without a hint: renewed in %s, want 4 min before the end", n)
	}
}

func TestNoIdentity(t *testing.T) {
	workload(t)
	t.Setenv("AZURE_TENANT_ID", "not a tenant")
	if _, err := New(Config{Log: quiet()}); err == nil {
		t.Error("an identity that cannot be is taken")
	}
}

func TestTokens(t *testing.T) {
	for rule, c := range map[string]struct{ token, user, says string }{
		"the object id":       {jwt(`{"oid":"o","sub":"s"}`), "o", ""},
		"no object id":        {jwt(`{"sub":"s"}`), "", "no oid claim"},
		"no token":            {"", "", "no JSON web token"},
		"two parts":           {"a.b", "", "no JSON web token"},
		"no base64":           {"a.*.c", "", "claims"},
		"no JSON":             {jwt(`{`), "", "claims"},
		"an id of other type": {jwt(`{"oid":1}`), "", "claims"},
	} {
		t.Run(rule, func(t *testing.T) {
			user, err := objectID(c.token)
			if user != c.user || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, %v", user, err)
			}
			if err != nil && c.token != "" && strings.Contains(err.Error(), c.token) {
				t.Error("the token is in the error")
			}
		})
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// signedIn is a store at a real Redis that knows the tokens of an authority.
func signedIn(t *testing.T, a *authority, log *slog.Logger) (*redis.Store, *redistest.Server) {
	t.Helper()
	workload(t)
	from, err := ambient(a.options())
	if err != nil {
		t.Fatal(err)
	}
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", oid, "on", "resetchannels", "~sluice:v1:*", "&sluice:v1:*", "+@all")
	a.mu.Lock()
	a.accept = func(token string) { server.Do("ACL", "SETUSER", oid, ">"+token) }
	a.mu.Unlock()
	tokens := newTokens(from, log, prometheus.NewRegistry())
	tokens.soonest = 10 * time.Millisecond
	s, err := redis.New(redis.Config{
		Address: server.Addr, Log: log, Metrics: prometheus.NewRegistry(),
		Credentials: redis.Credentials{Stream: tokens, Run: tokens.run},
		Bounds:      redis.Bounds{Call: 3 * time.Second, Reply: 2 * time.Second, Dial: 5 * time.Second, Probe: 100 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, server
}

// A new token signs open connections in again, before the old one ends: no call fails, and
// no connection is made for it.
func TestRenewal(t *testing.T) {
	a := newAuthority(t)
	a.set(false, 1)
	log := &journal{}
	s, server := signedIn(t, a, slog.New(slog.NewTextHandler(log, nil)))
	issued := func(n int) string {
		redistest.Eventually(t, 20*time.Second, "no new token is asked for", func() bool { return len(a.given()) > n })
		return a.given()[n]
	}
	get := func() error { _, err := s.Pin(t.Context(), "acme", "k"); return err }
	first := issued(0)
	redistest.Eventually(t, 10*time.Second, "the store does not sign in", func() bool { return get() == nil && s.Healthy() })

	issued(1)
	signedInAgain := func() bool {
		if err := get(); err != nil {
			t.Fatalf("a call failed during a renewal: %v", err)
		}
		return authentications(server) > 0
	}
	redistest.Eventually(t, 10*time.Second, "live connections are not signed in again", signedInAgain)
	a.set(false, 3600) // the next token is the last one for this test
	last := a.given()
	server.Do("ACL", "SETUSER", oid, ">"+last[len(last)-1], "<"+first)
	server.Do("CLIENT", "KILL", "USER", oid)
	redistest.Eventually(t, 10*time.Second, "new connections use the token that has ended", func() bool {
		given := a.given()
		server.Do("ACL", "SETUSER", oid, ">"+given[len(given)-1])
		return get() == nil && s.Healthy()
	})
	for _, token := range a.given() {
		if strings.Contains(log.String(), token) {
			t.Error("a token is in the log")
		}
	}
}

// authentications is how often a live connection was signed in again: new ones do it as
// part of HELLO.
func authentications(s *redistest.Server) int {
	_, rest, _ := strings.Cut(s.Info("cmdstat_auth"), "calls=")
	n, _ := strconv.Atoi(strings.SplitN(rest, ",", 2)[0])
	return n
}

// Entra ID away is no reason to fail while a token is good, and said where it can be found.
func TestEntraIsAway(t *testing.T) {
	a := newAuthority(t)
	a.set(true, 1)
	log := &journal{}
	s, server := signedIn(t, a, slog.New(slog.NewTextHandler(log, nil)))
	redistest.Eventually(t, 10*time.Second, "nobody says why", func() bool {
		return strings.Contains(log.String(), "no Entra ID token for Redis") && strings.Contains(log.String(), "AADSTS700213")
	})
	if _, err := s.Pin(t.Context(), "acme", "k"); err == nil {
		t.Error("Redis lets us in without a token")
	}
	a.set(false, 1)
	redistest.Eventually(t, 20*time.Second, "no token is asked for again", func() bool { return len(a.given()) > 0 })
	server.Do("ACL", "SETUSER", oid, ">"+a.given()[0])
	redistest.Eventually(t, 10*time.Second, "the store does not sign in", func() bool {
		_, err := s.Pin(t.Context(), "acme", "k")
		for _, token := range a.given() {
			server.Do("ACL", "SETUSER", oid, ">"+token)
		}
		return err == nil
	})
	a.set(true, 1)
	for range 100 {
		if _, err := s.Pin(t.Context(), "acme", "k"); err != nil {
			t.Fatalf("a token that is good is not used: %v", err)
		}
	}
}
