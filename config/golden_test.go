package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"sluicegate.dev/sluice/routing"
)

func updating() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the wanted output in testdata and docs/schema")
	flag.Parse()
	os.Exit(m.Run())
}

// TestCompile runs testdata/*.txtar. Files are named STEP/NAME, where a step is a number
// and how long it comes after the one before: "1/acme.yaml", "2+11s/acme.yaml". A file
// STEP/torn lists torn files, STEP/confirm holds the digest of a confirmed removal. The
// file "want" holds what is reported and served after each step.
func TestCompile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := story(t, archive)
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 {
				archive.Files = append(archive.Files, txtar.File{Name: "want"})
				i = len(archive.Files) - 1
			}
			if want := string(archive.Files[i].Data); got != want && !updating() {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if updating() {
				archive.Files[i].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func story(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	var out strings.Builder
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var snapshot *Snapshot
	for _, step := range steps(archive) {
		_, wait, _ := strings.Cut(step, "+")
		if wait != "" {
			d, err := time.ParseDuration(wait)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(d)
		}
		doc, confirmed := read(archive, step)
		next := Compile(doc, snapshot, Options{Now: now, Confirmed: confirmed, Listeners: []string{":8080", "127.0.0.1:9080"}})
		fmt.Fprintf(&out, "== %s\n%s", step, summary(next, snapshot))
		snapshot = next
	}
	return out.String()
}

func steps(archive *txtar.Archive) []string {
	var out []string
	for _, f := range archive.Files {
		step, _, ok := strings.Cut(f.Name, "/")
		if ok && !slices.Contains(out, step) {
			out = append(out, step)
		}
	}
	return out
}

func read(archive *txtar.Archive, step string) (doc Document, confirmed string) {
	files := map[string][]byte{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, step+"/"); ok {
			files[name] = f.Data
		}
	}
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, step+"/")
		switch {
		case !ok:
		case name == "torn":
			doc.Torn = strings.Fields(string(f.Data))
		case name == "confirm":
			confirmed = strings.TrimSpace(string(f.Data))
		case strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".json"):
			for _, r := range Parse(name, string(f.Data)) {
				found := map[string][]byte{}
				for _, path := range r.Paths() {
					if data, ok := files[path]; ok {
						found[path] = data
					}
				}
				doc.Resources = append(doc.Resources, r.With(found))
			}
		}
	}
	return doc, confirmed
}

// summary is what a snapshot reports and serves; "=" marks what was reused by pointer.
func summary(s, before *Snapshot) string {
	var out strings.Builder
	for _, p := range s.Problems {
		fmt.Fprintln(&out, p)
	}
	for _, name := range sortedKeys(s.Pools) {
		p := s.Pools[name]
		mark := " "
		if before != nil && before.Pools[name] == p {
			mark = "="
		}
		fmt.Fprintf(&out, "%s pool %s: odoo %s, %s, %s", mark, name, p.Profile.Version, p.Sessions, p.Isolation)
		for _, b := range p.Backends {
			fmt.Fprintf(&out, ", %s %s", b.Name, b.HTTP)
		}
		fmt.Fprintln(&out)
	}
	for _, name := range sortedKeys(s.Tenants) {
		tenant := s.Tenants[name]
		mark := " "
		if before != nil && before.Tenants[name] == tenant {
			mark = "="
		}
		fmt.Fprintf(&out, "%s tenant %s (%s): %s ->", mark, name, s.State(name), strings.Join(tenant.Hosts, " "))
		for _, release := range sortedKeys(tenant.Releases) {
			r := tenant.Releases[release]
			active := ""
			if tenant.Active == r {
				active = "*"
			}
			fmt.Fprintf(&out, " %s%s=%s/%s", release, active, r.Pool.Name, r.Database)
		}
		for _, class := range sortedKeys(tenant.ClassPools) {
			fmt.Fprintf(&out, " %s:%s", class, tenant.ClassPools[class].Name)
		}
		if tenant.Manager {
			out.WriteString(" manager")
		}
		for _, m := range tenant.Middlewares {
			out.WriteString(" " + m)
		}
		for _, l := range tenant.Limits {
			fmt.Fprintf(&out, " %s(%s)", l.Policy.Name, rateText(l.Policy))
		}
		fmt.Fprintln(&out)
	}
	if !s.Due.IsZero() {
		fmt.Fprintf(&out, "  due %s after\n", s.Due.Sub(s.AppliedAt))
	}
	return out.String()
}

// rateText is a policy in a few signs, so that a story shows which version is served.
func rateText(p *routing.LimitPolicy) string {
	if p.Rate == 0 {
		return string(p.By)
	}
	return fmt.Sprintf("%s %.4g/s+%d", p.By, p.Rate, p.Burst)
}
