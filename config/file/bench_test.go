package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/config"
)

// dedicated is a tenant as most are: three hosts, a pool of its own.
func dedicated(i int, host string) string {
	name := fmt.Sprintf("t%05d", i)
	return fmt.Sprintf(`apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: %[1]s}
spec:
  odoo: {version: "18.0", sessions: local}
  backends:
    - {name: b1, http: "http://10.%[2]d.%[3]d.1:8069", realtime: "http://10.%[2]d.%[3]d.1:8072", workers: 6}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: %[1]s}
spec:
  hosts: [%[4]s, %[1]s.example.com, "*.%[1]s.example.com"]
  database: %[1]s
  plan: standard
  releases: {blue: {pool: %[1]s}}
`, name, i/250, i%250, host)
}

const plan = `apiVersion: sluicegate.dev/v1alpha1
kind: Plan
metadata: {name: standard}
spec: {floors: {databaseManager: closed}}
`

// BenchmarkChange measures one tenant's change, from the write to the moment that requests
// see it: the time that the source waits for more to move (25 ms) is part of it.
func BenchmarkChange(b *testing.B) {
	for _, layout := range []string{"files", "onefile"} {
		for _, n := range []int{10, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", layout, n), func(b *testing.B) { change(b, layout, n) })
		}
	}
}

func change(b *testing.B, layout string, n int) {
	dir, whole := b.TempDir(), all(n)
	// write prepares the file; the rename that makes it ours is what starts the clock.
	write := func(round int) func() {
		if layout == "files" {
			return put(b, filepath.Join(dir, "t00005.yaml"), dedicated(5, fmt.Sprintf("r%d.example.com", round)))
		}
		return put(b, filepath.Join(dir, "all.yaml"), strings.Replace(whole, "h5.example.com", fmt.Sprintf("r%d.example.com", round), 1))
	}
	if layout == "files" {
		for i := range n {
			put(b, filepath.Join(dir, fmt.Sprintf("t%05d.yaml", i)), dedicated(i, fmt.Sprintf("h%d.example.com", i)))()
		}
	}
	write(0)()
	put(b, filepath.Join(dir, "plan.yaml"), plan)()

	live := config.NewLive(config.LiveConfig{})
	changed := make(chan struct{}, 16)
	live.Subscribe(func(_, _ *config.Snapshot) { changed <- struct{}{} })
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- New(Config{Dir: dir, Apply: live.Apply, Poll: time.Hour}).Run(ctx) }()
	<-changed
	first := time.Since(start)
	if got := len(live.Load().Tenants); got != n {
		b.Fatalf("%d tenants: %s", got, live.Load().Problems[:1])
	}
	<-time.After(100 * time.Millisecond)
	b.ResetTimer()
	for round := 1; b.Loop(); round++ {
		b.StopTimer()
		rename := write(round)
		b.StartTimer()
		rename()
		for want := fmt.Sprintf("r%d.example.com", round); ; <-changed {
			if _, ok := live.Load().Table.Resolve(want); ok {
				break
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(first.Milliseconds()), "ms-first-reading")
	stop()
	<-done
}

func all(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString("---\n" + dedicated(i, fmt.Sprintf("h%d.example.com", i)))
	}
	return text.String()
}

func put(b *testing.B, path, text string) (rename func()) {
	b.Helper()
	aside := filepath.Join(filepath.Dir(path), ".aside")
	if err := os.WriteFile(aside, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := os.Rename(aside, path); err != nil {
			b.Fatal(err)
		}
	}
}
