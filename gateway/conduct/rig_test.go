package conduct

import (
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/internal/standin"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// side is a release in front of one stand-in Odoo.
type side struct {
	cfg       standin.Config
	database  string
	isolation routing.Isolation
	sessions  routing.Sessions
	version   string // declared; the server's own unless said
}

func odooRunning(t *testing.T, cfg standin.Config) *standin.Server {
	t.Helper()
	if cfg.Version == "" {
		cfg.Version = "18.0"
	}
	if cfg.Workers == 0 {
		cfg.Workers = 2
	}
	s, err := standin.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func releaseOf(t *testing.T, name string, s side) (*routing.Release, *standin.Server) {
	t.Helper()
	server := odooRunning(t, s.cfg)
	version := s.version
	if version == "" {
		version = "18.0"
		if s.cfg.Version != "" {
			version = s.cfg.Version
		}
	}
	profile, _ := odoo.ProfileFor(version)
	if s.isolation == "" {
		s.isolation = routing.IsolationSingle
	}
	if s.sessions == "" {
		s.sessions = routing.SessionsShared
	}
	pool := &routing.Pool{
		Name: "acme-" + name, Profile: profile, Isolation: s.isolation, Sessions: s.sessions,
		Backends: []routing.Backend{{Name: "b1", HTTP: "http://" + server.HTTPAddr(), Realtime: "http://" + server.RealtimeAddr(), Workers: 2}},
	}
	return &routing.Release{Name: name, Pool: pool, Database: s.database}, server
}

// acme is a tenant with two releases.
func acme(blue, green *routing.Release) *routing.Tenant {
	return &routing.Tenant{
		Name: "acme", Hosts: []string{"*.acme.example", "erp.acme.example"}, Active: blue,
		Releases: map[string]*routing.Release{blue.Name: blue, green.Name: green},
	}
}

// asker is the gateway's own client.
func asker(t *testing.T) *upstream.Upstream {
	t.Helper()
	space, err := spool.New(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	u := upstream.New(upstream.Config{Space: space, Log: quiet()})
	t.Cleanup(func() { u.Apply(map[string]*routing.Pool{}) })
	return u
}

func apply(t *testing.T, s *standin.Server, c standin.Control) {
	t.Helper()
	if err := s.Apply(c); err != nil {
		t.Fatal(err)
	}
}

// only is a Conductor for what needs no cutover.
func only(cfg Config) *Conductor {
	if cfg.Log == nil {
		cfg.Log = quiet()
	}
	return New(cfg)
}

// logged is a log that a test reads while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// rubbish is text that cannot be compressed well.
func rubbish(size int, seed int64) string {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	text := make([]byte, size)
	for i := range text {
		text[i] = byte('0' + random.IntN(64))
	}
	return string(text)
}

// hookSecret is what a receiver was told of the key "secret".
func hookSecret() []byte { return []byte("736563726574") }
