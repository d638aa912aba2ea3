package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"sluicegate.dev/sluice/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const pool = `apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: shared}
spec: {backends: [{name: b1, http: "http://127.0.0.1:8069"}]}
`

func tenant(name string, hosts ...string) string {
	return fmt.Sprintf("apiVersion: sluicegate.dev/v1alpha1\nkind: Tenant\nmetadata: {name: %s}\nspec:\n  hosts: [%s]\n  database: %s\n  pool: shared\n",
		name, strings.Join(hosts, ", "), name)
}

// rig runs a source over a directory.
type rig struct {
	t    *testing.T
	dir  string
	live *config.Live

	mu  sync.Mutex
	doc config.Document
}

func newRig(t *testing.T, files map[string]string) *rig {
	t.Helper()
	r := &rig{t: t, dir: filepath.Join(t.TempDir(), "tenants"), live: config.NewLive(config.LiveConfig{})}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		r.write(name, text)
	}
	return r
}

func (r *rig) start() *rig { return r.startWith(time.Hour) }

func (r *rig) startWith(poll time.Duration) *rig {
	r.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- New(Config{Dir: r.dir, Apply: r.apply, Poll: poll}).Run(ctx) }()
	r.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.await("the first reading", func(d config.Document) bool { return d.Source != "" })
	return r
}

func (r *rig) apply(doc config.Document) config.Problems {
	problems := r.live.Apply(doc)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doc = doc
	return problems
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(name, text string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.path(name)), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.path(name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) document() config.Document {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.doc
}

func (r *rig) await(what string, ok func(config.Document) bool) config.Document {
	r.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok(r.document()) {
		if time.Now().After(deadline) {
			r.t.Fatalf("never saw %s; last: %s", what, show(r.document()))
		}
		pause()
	}
	return r.document()
}

// pause lets the source work; tests poll with a deadline.
func pause() { <-time.After(2 * time.Millisecond) }

func (r *rig) hosts(tenant string) []string {
	if t := r.live.Load().Tenants[tenant]; t != nil {
		return t.Hosts
	}
	return nil
}

func (r *rig) awaitHosts(tenant string, hosts ...string) {
	r.t.Helper()
	r.await(fmt.Sprintf("%s at %v", tenant, hosts), func(config.Document) bool { return slices.Equal(r.hosts(tenant), hosts) })
}

func show(d config.Document) string {
	var out strings.Builder
	for _, r := range d.Resources {
		fmt.Fprintf(&out, "%s:%d %s; ", filepath.Base(r.File), r.Line, r.Label())
	}
	return out.String() + fmt.Sprint("torn ", d.Torn, " ", d.Problems)
}

func reported(d config.Document, words string) bool {
	return strings.Contains(d.Problems.String(), words)
}

func TestChangesAreFollowed(t *testing.T) {
	start := map[string]string{"pool.yaml": pool, "acme.yaml": tenant("acme", "acme.example")}
	other := tenant("acme", "new.example")
	for name, change := range map[string]func(r *rig){
		"a file is written in place": func(r *rig) { r.write("acme.yaml", other) },
		"a file is replaced by rename": func(r *rig) {
			r.write(".acme.tmp", other)
			r.must(os.Rename(r.path(".acme.tmp"), r.path("acme.yaml")))
		},
		"an editor moves the old one away": func(r *rig) {
			r.write("4913", "")
			r.must(os.Remove(r.path("4913")))
			r.write(".acme.yaml.swp", "\x00")
			r.must(os.Rename(r.path("acme.yaml"), r.path("acme.yaml~")))
			r.write("acme.yaml", other)
			r.must(os.Remove(r.path("acme.yaml~")))
		},
		"a file is written in pieces": func(r *rig) {
			f, err := os.OpenFile(r.path("acme.yaml"), os.O_WRONLY|os.O_TRUNC, 0)
			r.must(err)
			for i := range other {
				_, err := f.WriteString(other[i : i+1])
				r.must(err)
			}
			r.must(f.Close())
		},
		"it moves to another file": func(r *rig) {
			r.write("b.yaml", other)
			r.must(os.Remove(r.path("acme.yaml")))
		},
		"it moves to a new folder": func(r *rig) {
			r.must(os.Remove(r.path("acme.yaml")))
			r.write("eu/west/acme.yml", other)
		},
		"the whole directory is replaced": func(r *rig) {
			r.must(os.Rename(r.dir, r.dir+".old"))
			r.write("pool.yaml", pool)
			r.write("acme.json", `{"apiVersion": "sluicegate.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "acme"}, "spec": {"hosts": ["new.example"], "database": "acme", "pool": "shared"}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, start).start()
			r.awaitHosts("acme", "acme.example")
			change(r)
			r.awaitHosts("acme", "new.example")
		})
	}
}

func TestFilesOfEditorsAreIgnored(t *testing.T) {
	r := newRig(t, map[string]string{"pool.yaml": pool, "acme.yaml": tenant("acme", "acme.example")}).start()
	for _, name := range []string{"acme.yaml~", ".acme.yaml.swp", ".#acme.yaml", "#acme.yaml#", "4913", ".git/x.yaml", "~$acme.yaml", "README.md", "acme.yaml.bak"} {
		r.write(name, tenant("stranger", "stranger.example"))
	}
	r.write("beta.yaml", tenant("beta", "beta.example"))
	r.awaitHosts("beta", "beta.example")
	if d := r.document(); len(d.Resources) != 3 || len(d.Problems)+len(d.Torn) != 0 {
		t.Error(show(d))
	}
}

func TestWhatCannotBeReadChangesNothing(t *testing.T) {
	both := tenant("acme", "acme.example") + "---\n" + tenant("beta", "beta.example")
	for name, c := range map[string]struct {
		tear func(r *rig)
		says string
	}{
		"an empty file":          {func(r *rig) { r.write("all.yaml", "") }, "the file is empty"},
		"a file of blanks":       {func(r *rig) { r.write("all.yaml", "\n \n") }, "the file is empty"},
		"a file cut in a word":   {func(r *rig) { r.write("all.yaml", both[:len(both)-180]) }, ""},
		"a file cut in a list":   {func(r *rig) { r.write("all.yaml", tenant("acme", "acme.example")+"---\na: [") }, ""},
		"a link that leads away": {func(r *rig) { r.must(os.Remove(r.path("all.yaml"))); r.must(os.Symlink("nowhere", r.path("all.yaml"))) }, "cannot read"},
		"a folder in its place":  {func(r *rig) { r.must(os.Remove(r.dir + "/pool.yaml")); r.must(os.RemoveAll(r.dir)) }, "cannot read this folder"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"pool.yaml": pool, "all.yaml": both}).startWith(20 * time.Millisecond)
			r.awaitHosts("beta", "beta.example")
			c.tear(r)
			r.await("the report", func(d config.Document) bool { return len(d.Torn) > 0 && reported(d, c.says) })
			for tenant, want := range map[string]string{"acme": "acme.example", "beta": "beta.example"} {
				if got := r.hosts(tenant); len(got) != 1 || got[0] != want {
					t.Errorf("%s is served at %v", tenant, got)
				}
			}
			if s := r.live.Load(); s.Pending != nil || !s.Due.IsZero() {
				t.Errorf("a removal is under way: %+v, due %s", s.Pending, s.Due)
			}
		})
	}
}

// A ConfigMap is a folder of links to ..data/NAME, where ..data is a link that is swapped.
func TestConfigMapSwap(t *testing.T) {
	r := newRig(t, nil)
	version := func(name, host string) {
		r.write(name+"/pool.yaml", pool)
		r.write(name+"/acme.yaml", tenant("acme", host))
	}
	version("..v1", "one.example")
	r.must(os.Symlink("..v1", r.path("..data")))
	for _, name := range []string{"pool.yaml", "acme.yaml"} {
		r.must(os.Symlink("..data/"+name, r.path(name)))
	}
	r.start().awaitHosts("acme", "one.example")
	version("..v2", "two.example")
	r.must(os.Symlink("..v2", r.path("..data_tmp")))
	r.must(os.Rename(r.path("..data_tmp"), r.path("..data")))
	r.must(os.RemoveAll(r.path("..v1")))
	r.awaitHosts("acme", "two.example")
	r.write("..v2/acme.yaml", tenant("acme", "three.example"))
	r.awaitHosts("acme", "three.example")
}

func TestDirectoryThatIsALink(t *testing.T) {
	r := newRig(t, nil)
	base := filepath.Dir(r.dir)
	r.must(os.Remove(r.dir))
	for version, host := range map[string]string{"v1": "one.example", "v2": "two.example"} {
		r.dir = filepath.Join(base, version)
		r.write("pool.yaml", pool)
		r.write("acme.yaml", tenant("acme", host))
	}
	r.dir = filepath.Join(base, "current")
	r.must(os.Symlink("v1", r.dir))
	r.start().awaitHosts("acme", "one.example")
	r.must(os.Symlink("v2", r.dir+".tmp"))
	r.must(os.Rename(r.dir+".tmp", r.dir))
	r.awaitHosts("acme", "two.example")
	r.must(os.WriteFile(filepath.Join(base, "v2", "acme.yaml"), []byte(tenant("acme", "three.example")), 0o644))
	r.awaitHosts("acme", "three.example")
}

func TestPollFindsWhatWasNotTold(t *testing.T) {
	r := newRig(t, map[string]string{"pool.yaml": pool, "acme.yaml": tenant("acme", "acme.example")})
	s := New(Config{Dir: r.dir, Apply: r.apply})
	if problems := s.Sync(); len(problems) > 0 {
		t.Fatal(problems)
	}
	for i := range 5 { // the same length each time, within one tick of a coarse clock
		host := fmt.Sprintf("new%d.example", i)
		r.write("acme.yaml", tenant("acme", host))
		s.Sync()
		if got := r.hosts("acme"); !slices.Equal(got, []string{host}) {
			t.Fatalf("got %v, want %s", got, host)
		}
	}
	before := r.document()
	s.Sync()
	if after := r.document(); &after.Resources[0] != &before.Resources[0] {
		t.Error("applied again although nothing changed")
	}
}

func TestNamedFilesAreFollowed(t *testing.T) {
	text := tenant("acme", "acme.example") + "  tls: {certificate: {certFile: ../tls/tls.crt, keyFile: ../tls/tls.key}}\n"
	r := newRig(t, map[string]string{"pool.yaml": pool, "acme.yaml": text, "../tls/tls.crt": "one", "../tls/tls.key": "key"}).start()
	certificate := func(want string) func(config.Document) bool {
		return func(d config.Document) bool { return string(d.Resources[0].Files["../tls/tls.crt"]) == want }
	}
	r.await("the certificate", certificate("one"))
	r.write("../tls/tls.crt", "two")
	r.await("the new certificate", certificate("two"))
	r.write("../tls/tls.crt", "")
	d := r.await("the report", func(d config.Document) bool { return reported(d, "the file is empty; what it held before stays") })
	if !certificate("two")(d) {
		t.Error("an empty certificate took the place of a good one")
	}
}

func TestOnlyWhatChangedIsDecoded(t *testing.T) {
	r := newRig(t, map[string]string{"all.yaml": pool + "---\n" + tenant("acme", "acme.example") + "---\n" + tenant("beta", "beta.example")})
	s := New(Config{Dir: r.dir, Apply: r.apply})
	s.Sync()
	before := r.document().Resources
	r.write("all.yaml", "# one line more\n"+pool+"---\n"+tenant("acme", "new.example")+"---\n"+tenant("beta", "beta.example"))
	s.Sync()
	after := r.document().Resources
	if after[2].Spec != before[2].Spec || after[2].Line != before[2].Line+1 {
		t.Errorf("beta was decoded again, or its line is wrong: %d, was %d", after[2].Line, before[2].Line)
	}
	if after[1].Spec == before[1].Spec {
		t.Error("acme was not decoded again")
	}

	known := New(Config{Dir: r.dir, Apply: r.apply, Known: after})
	known.Sync()
	if again := r.document().Resources; again[1].Spec != after[1].Spec {
		t.Error("what was known was decoded again")
	}
}

func TestAPipeDoesNotBlock(t *testing.T) {
	r := newRig(t, map[string]string{"pool.yaml": pool})
	mkfifo(t, r.path("pipe.yaml"))
	doc := Load(r.dir)
	if !reported(doc, "not a plain file") || len(doc.Resources) != 1 {
		t.Error(show(doc))
	}
}

func TestALoopOfLinksEnds(t *testing.T) {
	r := newRig(t, map[string]string{"a/pool.yaml": pool})
	r.must(os.Symlink("..", r.path("a/up")))
	doc := Load(r.dir)
	if len(doc.Resources) != 1 || !reported(doc, "loop") {
		t.Error(show(doc))
	}
}
