package ratelimit_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

// life runs a limiter over a file, as a process does from start to end.
func life(t *testing.T, file string, during func(l *ratelimit.Limiter)) {
	t.Helper()
	l := ratelimit.New(ratelimit.Config{File: file})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(ctx)
	}()
	time.Sleep(time.Second)
	during(l)
	cancel()
	<-done
}

func TestQuotasAndBlocksOutliveTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "limits.json")
	p := &ratelimit.Policy{Name: "p", Quotas: []ratelimit.Quota{{Window: ratelimit.Month, Limit: 10}, {Window: ratelimit.Hour, Limit: 8}}}
	synctest.Test(t, func(t *testing.T) {
		life(t, file, func(l *ratelimit.Limiter) {
			if got := admitted(l, p, "a", 6); got != 6 {
				t.Fatalf("%d pass", got)
			}
			if err := l.Block(t.Context(), "acme", "blocked", time.Now().Add(24*time.Hour)); err != nil {
				t.Fatal(err)
			}
		})
		life(t, file, func(l *ratelimit.Limiter) {
			if d := take(l, p, "blocked", 1); d.Allowed {
				t.Errorf("a block is forgotten: %+v", d)
			}
			if got := admitted(l, p, "a", 20); got != 2 {
				t.Errorf("%d more pass in this hour, want 2 of 8", got)
			}
		})
		time.Sleep(time.Hour)
		life(t, file, func(l *ratelimit.Limiter) {
			if got := admitted(l, p, "a", 20); got != 2 {
				t.Errorf("%d more pass in the next hour, want what the month has left: 2 of 10", got)
			}
		})
	})
}

func TestAFileThatCannotBeReadIsReplaced(t *testing.T) {
	for name, text := range map[string]string{"torn": `{"quotas":[{"sc`, "empty": "", "of another kind": "[1,2]"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "limits.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			p := &ratelimit.Policy{Name: "p", Quotas: []ratelimit.Quota{{Window: ratelimit.Month, Limit: 10}}}
			synctest.Test(t, func(t *testing.T) {
				life(t, file, func(l *ratelimit.Limiter) { admitted(l, p, "a", 6) })
				life(t, file, func(l *ratelimit.Limiter) {
					if got := admitted(l, p, "a", 20); got != 4 {
						t.Errorf("%d pass after the restart, want 4", got)
					}
				})
			})
		})
	}
}
