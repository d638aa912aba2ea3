package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestImportsFollowTheTable(t *testing.T) {
	for _, v := range violations(load(t, root), table()) {
		t.Error(v)
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range load(t, root) {
		switch {
		case !p.ours():
		case p.Doc == "":
			t.Errorf("%s has no package comment: its duty, its main types, what it refuses to do", p.ImportPath)
		case p.Name != "main" && !slices.Contains(p.GoFiles, "doc.go"):
			t.Errorf("%s keeps its package comment elsewhere than in doc.go", p.ImportPath)
		}
	}
}

// The end-to-end tests know the binary as its users do; a type of ours in them would let a
// change of the wire go unseen.
func TestEndToEndImportsNothingOfOurs(t *testing.T) {
	dir := filepath.Join(root, "e2e")
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	for _, p := range load(t, dir) {
		if !p.ours() {
			continue
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if strings.HasPrefix(path, module+"/") && !strings.HasPrefix(path, module+"/e2e/") {
				t.Errorf("%s -> %s (the end-to-end tests drive the built binary from outside)", p.ImportPath, path)
			}
		}
	}
}

func TestViolations(t *testing.T) {
	ours := &struct{ Main bool }{Main: true}
	traefik := pkg{ImportPath: "github.com/traefik/traefik/v3/pkg/x"}
	rules := []rule{
		{packages: []string{"core"}, never: []ban{noTraefik(), noHTTP(), noThirdParty()}},
		{packages: []string{"plugins/..."}, ours: []string{"core"}, never: []ban{noTraefik()}},
		{packages: []string{"edge"}, ours: []string{"core"}},
		{packages: []string{"gateway"}, ours: []string{"edge"}, never: []ban{noTraefikDirect()}},
	}
	tests := map[string]struct {
		packages []pkg
		want     string // empty: nothing is wrong
	}{
		"an allowed import passes": {
			[]pkg{{ImportPath: module + "/plugins", Imports: []string{module + "/core", "net/http"}, Module: ours}, {ImportPath: module + "/core", Module: ours}}, "",
		},
		"an import of ours that the row does not name": {
			[]pkg{{ImportPath: module + "/plugins/x", Imports: []string{module + "/gateway"}, Module: ours}}, "/plugins/x -> sluicegate.dev/sluice/gateway",
		},
		"Traefik through a library": {
			[]pkg{
				{ImportPath: module + "/plugins", Imports: []string{"lib.example/a"}, Module: ours},
				{ImportPath: "lib.example/a", Imports: []string{traefik.ImportPath}},
				traefik,
			},
			"/plugins -> lib.example/a -> github.com/traefik/traefik/v3/pkg/x",
		},
		"Traefik in a test": {
			[]pkg{{ImportPath: module + "/plugins", XTestImports: []string{traefik.ImportPath}, Module: ours}, traefik}, "/plugins [test] -> github.com/traefik",
		},
		"Traefik through edge is gateway's right": {
			[]pkg{
				{ImportPath: module + "/gateway", Imports: []string{module + "/edge"}, Module: ours},
				{ImportPath: module + "/edge", Imports: []string{traefik.ImportPath}, Module: ours},
				traefik,
			}, "",
		},
		"Traefik itself is not": {
			[]pkg{{ImportPath: module + "/gateway", Imports: []string{traefik.ImportPath}, Module: ours}, traefik}, "/gateway -> github.com/traefik",
		},
		"HTTP in the core":        {[]pkg{{ImportPath: module + "/core", Imports: []string{"net/http"}, Module: ours}}, "/core -> net/http"},
		"a library in the core":   {[]pkg{{ImportPath: module + "/core", Imports: []string{"lib.example/a"}, Module: ours}}, "standard library only"},
		"a package without a row": {[]pkg{{ImportPath: module + "/util", Module: ours}}, "/util is not in the package table"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			g := graph{}
			for _, p := range test.packages {
				g[p.ImportPath] = p
			}
			got := strings.Join(violations(g, rules), "\n")
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q in it", got, test.want)
			}
		})
	}
}
