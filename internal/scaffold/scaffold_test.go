package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func good() Options {
	return Options{Tenant: "acme", Version: "18.0", Backends: []string{"http://127.0.0.1:8069"}, Port: 8080}
}

func TestRenderRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(*Options)
		says   string
	}{
		"a name with a path":                {func(o *Options) { o.Tenant = "../etc" }, "--tenant"},
		"a name that ends the YAML value":   {func(o *Options) { o.Tenant = "a}\nkind: x" }, "--tenant"},
		"a host with a port":                {func(o *Options) { o.Hosts = []string{"acme.example:80"} }, "--host"},
		"a host with a star in the middle":  {func(o *Options) { o.Hosts = []string{"a.*.example"} }, "--host"},
		"a backend without a scheme":        {func(o *Options) { o.Backends = []string{"127.0.0.1:8069"} }, "http://HOST:PORT"},
		"a backend with a path":             {func(o *Options) { o.Backends = []string{"http://h:1/odoo"} }, "http://HOST:PORT"},
		"a backend with a password":         {func(o *Options) { o.Backends = []string{"http://u:p@h:1"} }, "http://HOST:PORT"},
		"no backend":                        {func(o *Options) { o.Backends = nil }, "--backend"},
		"one realtime port for two servers": {func(o *Options) { o.Backends = []string{"http://a", "http://b"}; o.Realtime = []string{"http://a"} }, "--realtime"},
		"a database with a quote":           {func(o *Options) { o.Database = `a"b` }, "--database"},
		"a port out of range":               {func(o *Options) { o.Port = 70000 }, "--port"},
		"a version in words":                {func(o *Options) { o.Version = "saas~17" }, "--version"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := good()
			c.change(&o)
			if _, err := Render(o); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWriteIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	files, err := Render(good())
	if err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, "tenants", "acme.yaml")
	if err := os.MkdirAll(filepath.Dir(mine), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", mine); err != nil { // also a dangling link is somebody's
		t.Fatal(err)
	}
	if err := Write(dir, files); err == nil || !strings.Contains(err.Error(), mine) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "sluice.yaml")); !os.IsNotExist(err) {
		t.Error("half of it was written")
	}
}
