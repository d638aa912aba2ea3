package odoohygiene

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"
)

// interpreted loads the plugin and routing/odoo from source into Yaegi, the way a stock
// Traefik does, and returns a New that takes our Config.
func interpreted(t *testing.T) func(http.Handler, *Config) (http.Handler, error) {
	t.Helper()
	goPath := t.TempDir()
	for to, from := range map[string]string{"plugins/odoohygiene": ".", "routing/odoo": "../../routing/odoo"} {
		copySources(t, from, filepath.Join(goPath, "src/sluicegate.dev/sluice", to))
	}
	i := interp.New(interp.Options{GoPath: goPath, Env: os.Environ()})
	if err := i.Use(stdlib.Symbols); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Eval(`import "sluicegate.dev/sluice/plugins/odoohygiene"`); err != nil {
		t.Fatalf("Yaegi cannot read the plugin: %v", err)
	}
	create, err := i.Eval("odoohygiene.CreateConfig")
	if err != nil {
		t.Fatal(err)
	}
	makeHandler, err := i.Eval("odoohygiene.New")
	if err != nil {
		t.Fatal(err)
	}
	return func(next http.Handler, config *Config) (http.Handler, error) {
		c := create.Call(nil)[0]
		from := reflect.ValueOf(config).Elem()
		for n := range from.NumField() {
			c.Elem().FieldByName(from.Type().Field(n).Name).Set(from.Field(n))
		}
		out := makeHandler.Call([]reflect.Value{
			reflect.ValueOf(context.Background()), reflect.ValueOf(next), c, reflect.ValueOf("hygiene"),
		})
		if err, _ := out[1].Interface().(error); err != nil {
			return nil, err
		}
		return out[0].Interface().(http.Handler), nil
	}
}

func copySources(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(from, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources in %s: %v", from, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
