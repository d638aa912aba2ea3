package config

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// BenchmarkCompile is one changed tenant among many, without reading it.
func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { compileOne(b, n) })
	}
}

func compileOne(b *testing.B, n int) {
	doc := Document{}
	for i := range n {
		doc.Resources = append(doc.Resources, Parse(fmt.Sprintf("t%05d.yaml", i), declared(i, "one"))...)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	snapshot := Compile(doc, nil, Options{Now: now})
	if len(snapshot.Tenants) != n || len(snapshot.Problems) > 0 {
		b.Fatal(len(snapshot.Tenants), snapshot.Problems)
	}
	versions := [][]*Resource{Parse("t00005.yaml", declared(5, "two")), Parse("t00005.yaml", declared(5, "three"))}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		next := Document{Resources: append([]*Resource(nil), doc.Resources...)}
		copy(next.Resources[10:12], versions[i%2])
		snapshot = Compile(next, snapshot, Options{Now: now})
	}
}

func declared(i int, host string) string {
	return fmt.Sprintf(`apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: t%[1]d}
spec: {odoo: {version: "18.0"}, backends: [{name: b1, http: "http://10.0.0.1:8069", workers: 6}]}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: t%[1]d}
spec: {hosts: [%[2]s%[1]d.example.com, t%[1]d.example.com, "*.t%[1]d.example.com"], database: d, pool: t%[1]d}
`, i, host)
}

func BenchmarkParseOne(b *testing.B) {
	text := Split(declared(1, "one"))[1].Text
	b.ReportAllocs()
	for b.Loop() {
		if ParseOne(text).Broken() {
			b.Fatal("broken")
		}
	}
}

// BenchmarkRestore is a cold start from the saved snapshot, without reading it from disk.
func BenchmarkRestore(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			doc := Document{}
			for i := range n {
				doc.Resources = append(doc.Resources, Parse(fmt.Sprintf("t%05d.yaml", i), declared(i, "one"))...)
			}
			var saved bytes.Buffer
			start := time.Now()
			if err := Compile(doc, nil, Options{}).Save(&saved); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(saved.Len())/1e6, "MB")
			b.Logf("compile and save: %s", time.Since(start))
			for b.Loop() {
				if _, err := Restore(saved.Bytes(), Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
