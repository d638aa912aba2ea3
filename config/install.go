package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// Install is the install settings, with defaults filled and paths made usable from here.
type Install struct {
	File string
	Spec InstallSpec
}

// LoadInstall reads the install settings. It is nil when there are errors among the
// problems.
func LoadInstall(path string) (*Install, Problems) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Problems{{File: path, Message: "cannot read install settings: " + causeOf(err)}}
	}
	return ParseInstall(path, string(data))
}

// causeOf drops the operation and path that a *PathError repeats.
func causeOf(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// ParseInstall is LoadInstall for a text in hand.
func ParseInstall(path, text string) (*Install, Problems) {
	var found *Resource
	var problems Problems
	for _, r := range Parse(path, text) {
		problems = append(problems, r.Problems()...)
		switch {
		case r.Kind == KindInstall && found == nil:
			found = r
		case r.Kind == KindInstall:
			problems = append(problems, r.problem("kind", "", "install settings are here a second time"))
		case r.Known():
			problems = append(problems, r.problem("kind", "move it to the source directory", "a %s does not belong to the install settings", r.Kind))
		}
	}
	if found == nil && !problems.Failed() {
		problems = append(problems, Problem{File: path, Line: 1, Column: 1, Message: "there is no document of kind Install"})
	}
	if problems.Failed() {
		return nil, problems
	}
	return newInstall(path, *found.Spec.(*InstallSpec)), problems
}

func newInstall(path string, spec InstallSpec) *Install {
	spec.DataDir = or(spec.DataDir, "data")
	spec.SecretsFile = or(spec.SecretsFile, Path(filepath.Join(string(spec.DataDir), "keys")))
	if spec.Store.Redis == nil {
		store := EmbeddedStore{Path: spec.DataDir}
		if spec.Store.Embedded != nil {
			store.Path = or(spec.Store.Embedded.Path, spec.DataDir)
		}
		spec.Store.Embedded = &store
	}
	spec.Log.Level = or(spec.Log.Level, "info")
	spec.Log.Format = or(spec.Log.Format, "json")
	dir := filepath.Dir(path)
	eachPath(reflect.ValueOf(&spec), func(p *Path) { *p = Path(Resolve(dir, string(*p))) })
	return &Install{File: path, Spec: spec}
}

// Resolve makes a path usable that is relative to a folder.
func Resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// Listeners are the addresses that the gateway itself listens on, as far as the settings
// say: no backend may be there.
func (i *Install) Listeners() []string {
	var out []string
	if i.Spec.Admin.Address != "" {
		out = append(out, i.Spec.Admin.Address)
	}
	entryPoints, _ := lookup(i.Spec.Traefik, "entryPoints").(map[string]any)
	for _, name := range sortedKeys(entryPoints) {
		settings, _ := entryPoints[name].(map[string]any)
		if address := lookup(settings, "address"); address != nil {
			out = append(out, fmt.Sprint(address))
		}
	}
	return out
}

// lookup ignores case, as Traefik does.
func lookup(m map[string]any, name string) any {
	for key, value := range m {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return nil
}
