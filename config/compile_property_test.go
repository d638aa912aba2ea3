package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Compile looks only at what changed. Whatever is edited, it must come to what it would
// come to if it looked at everything, and hold what is promised whatever was declared.
func TestCompileOfTheDifferenceIsCompileOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		var snapshot *Snapshot
		cache := map[string]*Resource{}
		for range rapid.IntRange(1, 8).Draw(t, "rounds") {
			doc := drawDocument(t, cache)
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 11 * time.Second}).Draw(t, "pause"))
			opts := Options{Now: now, Versions: map[string]string{"p0": rapid.SampledFrom([]string{"", "15.0", "19.0"}).Draw(t, "learnt")}}
			if snapshot != nil && snapshot.Pending != nil && rapid.Bool().Draw(t, "confirm") {
				opts.Confirmed = snapshot.Pending.Digest
			}
			next, all := Compile(doc, snapshot, opts), Compile(doc, blind(snapshot), opts)
			if got, want := summary(next, nil), summary(all, nil); got != want {
				t.Fatalf("got:\n%s\nlooking at everything:\n%s", got, want)
			}
			if next.Revision != all.Revision {
				t.Fatalf("revision %s, looking at everything %s", next.Revision, all.Revision)
			}
			checkSnapshot(t, next)
			checkRestored(t, next, opts)
			snapshot = next
		}
	})
}

// blind is a snapshot that does not remember which documents it came from, so that all of
// them are news.
func blind(s *Snapshot) *Snapshot {
	if s == nil {
		return nil
	}
	out := *s
	out.index = index{}
	out.kept = map[ref]bool{}
	for name := range s.tenants {
		out.kept[ref{KindTenant, name}] = true
	}
	for name := range s.pools {
		out.kept[ref{KindPool, name}] = true
	}
	for name := range s.plans {
		out.kept[ref{KindPlan, name}] = true
	}
	return &out
}

// checkRestored saves and restores, and goes on from there as from the original.
func checkRestored(t *rapid.T, s *Snapshot, opts Options) {
	var saved bytes.Buffer
	if err := s.Save(&saved); err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(saved.Bytes(), Options{Now: opts.Now})
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, restored)
	if restored.Revision != s.Revision || len(restored.Tenants) != len(s.Tenants) || len(restored.Pools) != len(s.Pools) {
		t.Fatalf("saved:\n%s\nrestored:\n%s", summary(s, nil), summary(restored, nil))
	}
	doc := Document{Resources: s.resources, Torn: []string{"a.yaml", "b.yaml"}}
	if next := Compile(doc, restored, opts); next.Revision != s.Revision {
		t.Fatalf("the same documents after a restart:\n%s\nbefore:\n%s", summary(next, nil), summary(s, nil))
	}
}

// checkSnapshot holds what requests rely on.
func checkSnapshot(t *rapid.T, s *Snapshot) {
	hosts := 0
	for name, tenant := range s.Tenants {
		for _, host := range tenant.Hosts {
			hosts++
			if owner, _ := s.Table.Resolve(host); owner != tenant {
				t.Fatalf("%s of %s resolves to %v", host, name, owner)
			}
		}
		for _, release := range tenant.Releases {
			if s.Pools[release.Pool.Name] != release.Pool {
				t.Fatalf("%s is on a pool %s that is not the published one", name, release.Pool.Name)
			}
		}
		if tenant.Active == nil {
			t.Fatalf("%s has no active release", name)
		}
	}
	if hosts != s.Table.Len() {
		t.Fatalf("%d hosts of tenants, %d in the table", hosts, s.Table.Len())
	}
}

func drawDocument(t *rapid.T, cache map[string]*Resource) Document {
	var doc Document
	for _, file := range []string{"a.yaml", "b.yaml"} {
		if rapid.IntRange(0, 6).Draw(t, "torn") == 0 {
			doc.Torn = append(doc.Torn, file)
			continue
		}
		line := 1
		for range rapid.IntRange(0, 4).Draw(t, "documents") {
			text := drawText(t)
			r := cache[file+text]
			if r == nil {
				r = ParseOne(text).At(file, line)
				cache[file+text] = r
			}
			doc.Resources = append(doc.Resources, r.At(file, line))
			line += strings.Count(text, "\n") + 1
		}
	}
	return doc
}

func drawText(t *rapid.T) string {
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }
	head := "apiVersion: " + APIVersion + "\n"
	switch pick("kind", 7) {
	case 0:
		return fmt.Sprintf(head+"kind: Plan\nmetadata: {name: plan}\nspec: {floors: %s}\n",
			rapid.SampledFrom([]string{"{}", "{databaseManager: closed}", "{broken: 1}"}).Draw(t, "floors"))
	case 1, 2:
		return fmt.Sprintf(head+"kind: Pool\nmetadata: {name: p%d}\nspec: {backends: [{name: b, http: \"%s\"}]}\n", pick("pool", 2),
			rapid.SampledFrom([]string{"http://10.0.0.1", "http://10.0.0.2", "ftp://broken"}).Draw(t, "url"))
	default:
		return fmt.Sprintf(head+"kind: Tenant\nmetadata: {name: t%d}\nspec: {hosts: [%s], database: d, pool: p%d%s}\n", pick("tenant", 3),
			rapid.SampledFrom([]string{"h0.example", "h1.example", "h1.example, h2.example", "'*.example'", "broken host"}).Draw(t, "hosts"), pick("of", 2),
			rapid.SampledFrom([]string{"", ", plan: plan", ", plan: plan, databaseManager: open", ", active: broken"}).Draw(t, "rest"))
	}
}
