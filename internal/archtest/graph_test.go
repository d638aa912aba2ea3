package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// pkg is the part of go list's answer that the rules read.
type pkg struct {
	ImportPath, Name, Doc string
	Standard              bool
	GoFiles               []string
	Imports               []string
	TestImports           []string
	XTestImports          []string
	Module                *struct{ Main bool }
}

func (p pkg) ours() bool { return p.Module != nil && p.Module.Main }

// graph is every package by its import path.
type graph map[string]pkg

// load lists the module in dir with all that it imports.
func load(t *testing.T, dir string) graph {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps",
		"-json=ImportPath,Name,Doc,Standard,GoFiles,Imports,TestImports,XTestImports,Module", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list in %s: %v", dir, err)
	}
	g := graph{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return g
		case err != nil:
			t.Fatal(err)
		}
		g[p.ImportPath] = p
	}
}

// violations says what breaks the rules: one sentence each, sorted.
func violations(g graph, rules []rule) []string {
	var found []string
	for _, p := range g {
		if !p.ours() {
			continue
		}
		row, ok := rowFor(strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/"), rules)
		if !ok {
			found = append(found, p.ImportPath+" is not in the package table: add it to internal/archtest/table_test.go and ARCHITECTURE.md")
			continue
		}
		found = append(found, strangers(g, p, row)...)
		for _, b := range row.never {
			if chain := reach(g, p, b); chain != nil {
				found = append(found, fmt.Sprintf("%s (%s)", strings.Join(chain, " -> "), b.why))
			}
		}
	}
	slices.Sort(found)
	return found
}

// strangers are the packages of ours that p imports and its row does not allow. Tests are
// freer: they may use any package that does not bring Traefik along.
func strangers(g graph, p pkg, row rule) []string {
	var found []string
	for _, path := range p.Imports {
		short, ours := strings.CutPrefix(path, module+"/")
		if ours && !slices.ContainsFunc(row.ours, func(pattern string) bool { return fits(pattern, short) }) {
			found = append(found, fmt.Sprintf("%s -> %s (its row in the package table allows %v)", p.ImportPath, path, row.ours))
		}
	}
	if slices.ContainsFunc(row.never, func(b ban) bool { return b.prefix == noTraefik().prefix && !b.direct }) {
		tests := pkg{ImportPath: p.ImportPath + " [test]", Imports: slices.Concat(p.TestImports, p.XTestImports)}
		if chain := reach(g, tests, noTraefik()); chain != nil {
			found = append(found, fmt.Sprintf("%s (%s)", strings.Join(chain, " -> "), noTraefik().why))
		}
	}
	return found
}

// reach finds the shortest way from p to something that b forbids, nil when there is none.
func reach(g graph, p pkg, b ban) []string {
	from := map[string]string{}
	queue := []string{}
	visit := func(parent pkg) {
		for _, path := range parent.Imports {
			if _, seen := from[path]; !seen {
				from[path] = parent.ImportPath
				queue = append(queue, path)
			}
		}
	}
	visit(p)
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if forbidden(path, b) {
			chain := []string{path}
			for step := from[path]; step != p.ImportPath; step = from[step] {
				chain = append(chain, step)
			}
			chain = append(chain, p.ImportPath)
			slices.Reverse(chain)
			return chain
		}
		if next := g[path]; !b.direct && !next.Standard {
			visit(next)
		}
	}
	return nil
}

// forbidden says whether path falls under b. The prefix "*." stands for every module but
// ours: import paths outside the standard library have a dot in their first element.
func forbidden(path string, b ban) bool {
	if b.prefix == "*." {
		first, _, _ := strings.Cut(path, "/")
		return strings.Contains(first, ".") && !strings.HasPrefix(path, module)
	}
	return path == b.prefix || strings.HasPrefix(path, strings.TrimSuffix(b.prefix, "/")+"/")
}

func rowFor(path string, rules []rule) (row rule, ok bool) {
	longest := -1
	for _, r := range rules {
		for _, pattern := range r.packages {
			if fits(pattern, path) && len(pattern) > longest {
				row, ok, longest = r, true, len(pattern)
			}
		}
	}
	return row, ok
}

func fits(pattern, path string) bool {
	folder, open := strings.CutSuffix(pattern, "/...")
	return path == folder || open && strings.HasPrefix(path, folder+"/")
}
