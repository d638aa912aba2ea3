package edge

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/config/static"
	otypes "github.com/traefik/traefik/v3/pkg/observability/types"
	"github.com/traefik/traefik/v3/pkg/plugins"
	"github.com/traefik/traefik/v3/pkg/safe"

	"sluicegate.dev/sluice/internal/deadline"
)

// sender is a Traefik provider that sends what it is given.
type sender []dynamic.Message

func (s sender) Init() error { return nil }

func (s sender) Provide(to chan<- dynamic.Message, pool *safe.Pool) error {
	pool.GoCtx(func(context.Context) {
		for _, message := range s {
			to <- message
		}
	})
	return nil
}

func TestAMessageThatCannotBeCopiedIsDropped(t *testing.T) {
	odd := dynamic.Message{ProviderName: "odd", Configuration: &dynamic.Configuration{HTTP: &dynamic.HTTPConfiguration{
		Middlewares: map[string]*dynamic.Middleware{"m": {Plugin: map[string]dynamic.PluginConf{"p": {"n": 1}}}}, // an int, not an int64
	}}}
	good := dynamic.Message{ProviderName: "good", Configuration: &dynamic.Configuration{}}
	m := newMetrics(prometheus.NewRegistry())
	c := &checked{Provider: sender{odd, good}, log: testLog(t), metrics: m}
	pool := safe.NewPool(t.Context())
	defer pool.Stop()
	messages := make(chan dynamic.Message)
	if err := c.Provide(messages, pool); err != nil {
		t.Fatal(err)
	}
	if got := <-messages; got.ProviderName != "good" {
		t.Errorf("the message of %q came through", got.ProviderName)
	}
	if got := testutil.ToFloat64(m.rejected.WithLabelValues("odd")); got != 1 {
		t.Errorf("%v rejected messages are counted", got)
	}
}

func TestOurOwnMessagesCanBeCopied(t *testing.T) {
	s, _, err := LoadStatic(nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &Edge{cfg: Config{Static: s, Unknown: http.NotFoundHandler()}}
	p := newProvider(e.catchAlls())
	p.set(map[string][]string{"acme": {"a@file"}, "quoted`\")||": {"b@file"}})
	conf := p.configuration()
	if err := tryCopy(conf); err != nil {
		t.Fatal(err)
	}
	if got, want := conf.HTTP.Routers["tenant-quoted`\")||"].Rule, "Header(\"X-Sluice-Tenant\", \"quoted`\\\")||\")"; got != want {
		t.Errorf("rule %s, want %s", got, want)
	}
	if len(conf.HTTP.Routers) != 4 {
		t.Errorf("%d routers, want two for tenants and two for the rest", len(conf.HTTP.Routers))
	}
}

func TestOurProviderSendsOnlyChanges(t *testing.T) {
	p := newProvider(nil)
	pool := safe.NewPool(t.Context())
	defer pool.Stop()
	messages := make(chan dynamic.Message)
	if err := p.Provide(messages, pool); err != nil {
		t.Fatal(err)
	}
	<-messages
	p.set(map[string][]string{"acme": {"a@file"}})
	if got := <-messages; got.Configuration.HTTP.Routers["tenant-acme"] == nil {
		t.Error("the change was not sent")
	}
	p.set(map[string][]string{"acme": {"a@file"}})
	p.set(map[string][]string{"acme": {"b@file"}})
	if got := <-messages; got.Configuration.HTTP.Routers["tenant-acme"].Middlewares[0] != "b@file" {
		t.Error("a message without a change was sent")
	}
}

func TestPluginBuilder(t *testing.T) {
	b := &pluginBuilder{
		natives: map[string]Native{
			"sluice-stamp": stamp,
			"sluice-panic": func(http.Handler, map[string]any, string) (http.Handler, error) { panic("at once") },
		},
		loaded: map[string]*plugins.Builder{},
		failed: map[string]error{"bad": errors.New("syntax error")},
	}
	for name, tc := range map[string]struct {
		plugin string
		fails  string
	}{
		"a native plugin is made":                       {"sluice-stamp", ""},
		"a constructor that panics fails":               {"sluice-panic", "plugin panicked: at once"},
		"a plugin that did not load says why":           {"bad", "syntax error"},
		"a plugin that was never declared is not found": {"ghost", `unknown plugin "ghost"`},
	} {
		t.Run(name, func(t *testing.T) {
			build, err := b.Build(tc.plugin, nil, "m")
			if err == nil {
				_, err = build(t.Context(), http.NotFoundHandler())
			}
			if (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("got %v, want %q", err, tc.fails)
			}
		})
	}
}

func TestNamesOfNativesAreOurs(t *testing.T) {
	for _, name := range []string{"limit", tenantPlugin, unknownPlugin} {
		if err := checkNatives(map[string]Native{name: stamp}); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
}

func TestLogBridge(t *testing.T) {
	level := zerolog.GlobalLevel()
	zerolog.SetGlobalLevel(zerolog.TraceLevel)
	t.Cleanup(func() { zerolog.SetGlobalLevel(level) })
	for name, tc := range map[string]struct {
		log   func(zerolog.Logger)
		want  []string
		never string
	}{
		"levels and fields come over": {
			func(l zerolog.Logger) {
				l.Error().Err(errors.New("refused")).Str("routerName", "a@file").Msg("Cannot build")
			},
			[]string{"level=ERROR", `msg="Cannot build"`, "err=refused", "routerName=a@file", "part=traefik"},
			"",
		},
		"configurations stay out": {
			func(l zerolog.Logger) {
				l.Debug().RawJSON("config", []byte(`{"users":["secret"]}`)).Msg("Configuration received")
			},
			[]string{"level=DEBUG", "Configuration received"},
			"secret",
		},
		"configurations that are no JSON stay out": {
			func(l zerolog.Logger) { l.Debug().Msg("Configuration received: [struct] &{secret}") },
			[]string{"Configuration received"},
			"secret",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			handler := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})
			tc.log(zerolog.New(&logBridge{handler}))
			for _, part := range tc.want {
				if !strings.Contains(out.String(), part) {
					t.Errorf("%q is missing in %s", part, out.String())
				}
			}
			if tc.never != "" && strings.Contains(out.String(), tc.never) {
				t.Errorf("%q is in %s", tc.never, out.String())
			}
		})
	}
}

func TestTraefikLevel(t *testing.T) {
	for text, want := range map[string]zerolog.Level{"": zerolog.ErrorLevel, "DEBUG": zerolog.DebugLevel, "warn": zerolog.WarnLevel} {
		conf := &static.Configuration{Log: &otypes.TraefikLog{Level: text}}
		if got, err := traefikLevel(conf); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	if _, err := traefikLevel(&static.Configuration{Log: &otypes.TraefikLog{Level: "loud"}}); err == nil {
		t.Error("an unknown level was accepted")
	}
}

// slowClient sends one piece at a time, after a pause, until the deadline has passed.
type slowClient struct {
	pause time.Duration
	piece int
	due   time.Time
}

func (c *slowClient) SetReadDeadline(t time.Time) error  { c.due = t; return nil }
func (c *slowClient) SetWriteDeadline(_ time.Time) error { return nil }
func (c *slowClient) Close() error                       { return nil }

func (c *slowClient) Read(b []byte) (int, error) {
	next := time.Now().Add(c.pause)
	if !c.due.IsZero() && next.After(c.due) {
		time.Sleep(time.Until(c.due))
		return 0, errors.New("timed out")
	}
	time.Sleep(c.pause)
	return min(c.piece, len(b)), nil
}

func TestABodyLastsWhileItMakesProgress(t *testing.T) {
	for name, tc := range map[string]struct {
		client slowClient
		stall  time.Duration // between reads, ours
		lives  bool          // for ten minutes
	}{
		"a steady upload":                            {slowClient{pause: time.Second, piece: 4 << 10}, 0, true},
		"a pause of half a minute ends it":           {slowClient{pause: 31 * time.Second, piece: 1 << 20}, 0, false},
		"a byte now and then ends it":                {slowClient{pause: 5 * time.Second, piece: 1}, 0, false},
		"a slow server is not the client's fault":    {slowClient{pause: time.Millisecond, piece: 1}, time.Minute, true},
		"a client at exactly the least rate goes on": {slowClient{pause: time.Second, piece: deadline.MinRate}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := tc.client
				body := &progress{ReadCloser: &client, setter: &client, clear: true}
				buffer := make([]byte, 1<<20)
				var err error
				for began := time.Now(); err == nil && time.Since(began) < 10*time.Minute; {
					_, err = body.Read(buffer)
					time.Sleep(tc.stall)
				}
				if (err == nil) != tc.lives {
					t.Errorf("got %v, lives: %v", err, tc.lives)
				}
			})
		})
	}
}
