package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/config"
)

func compiled(t *testing.T, names ...string) *config.Snapshot {
	t.Helper()
	text := pool
	for _, name := range names {
		text += "---\n" + tenant(name, name+".example")
	}
	s := config.Compile(config.Document{Resources: config.Parse("a.yaml", text)}, nil, config.Options{Now: time.Now()})
	if len(s.Tenants) != len(names) {
		t.Fatal(s.Problems)
	}
	return s
}

func TestLastGood(t *testing.T) {
	dir := t.TempDir()
	if s, err := LoadLastGood(dir, config.Options{}); s != nil || err != nil {
		t.Fatalf("nothing was saved: got %v, %v", s, err)
	}
	one, two := compiled(t, "acme"), compiled(t, "acme", "beta")
	for _, s := range []*config.Snapshot{one, two} {
		if err := Save(dir, s); err != nil {
			t.Fatal(err)
		}
	}
	load := func(want *config.Snapshot, complaint string) {
		t.Helper()
		got, err := LoadLastGood(dir, config.Options{})
		if got == nil || got.Revision != want.Revision || !strings.Contains(fmt.Sprint(err), complaint) {
			t.Fatalf("got %+v, %v; want %s and %q", got, err, want.Revision, complaint)
		}
	}
	load(two, "nil")

	newest := filepath.Join(dir, newestName)
	info, err := os.Stat(newest)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("keys are in it, yet others may read it: %v %v", info.Mode(), err)
	}
	if err := os.Truncate(newest, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	load(one, "its sum does not fit")
	if err := os.Remove(newest); err != nil {
		t.Fatal(err)
	}
	load(one, "nil") // the moment between the two renames
	if err := os.WriteFile(filepath.Join(dir, previousName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := LoadLastGood(dir, config.Options{}); s != nil || err == nil {
		t.Errorf("both are damaged: got %v, %v", s, err)
	}
}

// A burst of changes is saved once, when it is over, or now and then while it lasts.
func TestKeeperWaitsForALull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeeper("", nil)
		start := time.Now()
		go func() {
			for range 6 {
				time.Sleep(k.quiet / 2)
				k.Note(nil)
			}
		}()
		k.lull(t.Context())
		if took := time.Since(start); took != 4*k.quiet {
			t.Errorf("six changes, half the quiet time apart: a lull after %v, want %v", took, 4*k.quiet)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			for ctx.Err() == nil {
				time.Sleep(k.quiet / 2)
				k.Note(nil)
			}
		}()
		start = time.Now()
		k.lull(t.Context())
		if took := time.Since(start); took != k.patience {
			t.Errorf("changes all the time: saved after %v, want %v", took, k.patience)
		}
		stop()
		time.Sleep(k.quiet) // in the bubble: the last goroutine sees the end
	})
}

// Who starts for the first time and is killed a moment later starts again with something.
func TestKeeperSavesTheFirstAtOnce(t *testing.T) {
	dir := t.TempDir()
	k := NewKeeper(dir, func(err error) { t.Error(err) })
	k.quiet, k.patience = time.Hour, time.Hour
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	first, second := compiled(t, "acme"), compiled(t, "acme", "beta")
	saved := func() string {
		if s, _ := LoadLastGood(dir, config.Options{}); s != nil {
			return s.Revision
		}
		return ""
	}
	k.Note(first)
	for end := time.Now().Add(30 * time.Second); saved() != first.Revision; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the first snapshot waits for a lull")
		}
	}
	k.Note(second)
	if got := saved(); got != first.Revision {
		t.Errorf("saved %s: the second did not wait for a lull", got)
	}
	stop()
	<-done
	if got := saved(); got != second.Revision {
		t.Errorf("saved %s at the end, want %s", got, second.Revision)
	}
}

func TestKeeperSavesTheNewest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "late")
	reports := make(chan error, 8)
	k := NewKeeper(dir, func(err error) { reports <- err })
	k.quiet = time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()

	k.Note(compiled(t, "acme"))
	if err := <-reports; err == nil {
		t.Error("there is no such folder, and no report")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	k.Note(compiled(t, "acme", "beta"))
	if err := <-reports; err != nil {
		t.Errorf("it works again: got %v", err)
	}
	last := compiled(t, "acme", "beta", "gamma")
	k.Note(last)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if s, err := LoadLastGood(dir, config.Options{}); err != nil || s.Revision != last.Revision {
		t.Errorf("got %v, %v; want what was noted before the end", s, err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".snapshot-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A restart after kill -9, with a directory that is broken by now.
func TestRestartWithABrokenDirectory(t *testing.T) {
	data := t.TempDir()
	for name, ruin := range map[string]func(r *rig){
		"every file is broken": func(r *rig) { r.write("pool.yaml", "kind: Pool\nspec: ["); r.write("acme.yaml", "{") },
		"every file is empty":  func(r *rig) { r.write("pool.yaml", ""); r.write("acme.yaml", "") },
		"the folder is empty":  func(r *rig) { r.must(os.RemoveAll(r.dir)); r.must(os.Mkdir(r.dir, 0o700)) },
		"the folder is gone":   func(r *rig) { r.must(os.RemoveAll(r.dir)) },
		"a tenant is wrong":    func(r *rig) { r.write("acme.yaml", tenant("acme", "not a host")) },
		"the pool is wrong":    func(r *rig) { r.write("pool.yaml", strings.Replace(pool, "http://", "ftp://", 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"pool.yaml": pool, "acme.yaml": tenant("acme", "acme.example")})
			New(Config{Dir: r.dir, Apply: r.apply}).Sync()
			r.must(Save(data, r.live.Load()))
			ruin(r)

			last, err := LoadLastGood(data, config.Options{Now: time.Now()})
			r.must(err)
			r.live = config.NewLive(config.LiveConfig{Start: last})
			problems := New(Config{Dir: r.dir, Apply: r.apply, Known: last.Resources()}).Sync()
			if got := r.hosts("acme"); len(got) != 1 || got[0] != "acme.example" {
				t.Errorf("acme is served at %v", got)
			}
			if !problems.Failed() {
				t.Errorf("nobody is told: %s", problems)
			}
			// The pool alone being wrong leaves tenants as declared, on the pool's last good version.
			if name != "the pool is wrong" && !strings.Contains(problems.String(), "last good version") {
				t.Errorf("it does not say what is served: %s", problems)
			}
		})
	}
}
