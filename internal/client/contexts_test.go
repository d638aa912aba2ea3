package client

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestContexts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sluice", "contexts.yaml")
	load := func() *Contexts {
		t.Helper()
		c, err := LoadContexts(file)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := load().Set("prod", Context{Server: "https://gw.example", TokenFile: "/t"}); err != nil {
		t.Fatal(err)
	}
	if err := load().Set("lab", Context{Socket: "/run/admin.sock"}); err != nil {
		t.Fatal(err)
	}
	if c := load(); c.Current != "prod" || strings.Join(c.Names(), " ") != "lab prod" {
		t.Errorf("the first context is the current one: %+v", c)
	}
	if err := load().Use("lab"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v %v", info, err)
	}
	if err := load().Use("nope"); err == nil || !strings.Contains(err.Error(), "lab, prod") {
		t.Errorf("an unknown context names the known: %v", err)
	}
	if err := load().Set("both", Context{Server: "https://x", Socket: "/y"}); err == nil {
		t.Error("server and socket exclude each other")
	}
	if err := os.WriteFile(file, []byte("curent: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadContexts(file); err == nil || !strings.Contains(err.Error(), "curent") || !strings.Contains(err.Error(), file) {
		t.Errorf("a typing error: %v", err)
	}
}

func TestFind(t *testing.T) {
	contexts := &Contexts{Current: "lab", Contexts: map[string]Context{"lab": {Socket: "/lab"}, "prod": {Server: "https://prod"}}}
	cases := map[string]struct {
		options  Options
		contexts *Contexts
		want     Target
	}{
		"--server wins over the current context":   {Options{Server: "https://x", TokenFile: "t", DataDir: "./data"}, contexts, Target{Server: "https://x", TokenFile: "t", From: "--server"}},
		"--context":                                {Options{Context: "prod", DataDir: "./data"}, contexts, Target{Server: "https://prod", From: "--context prod"}},
		"--data-dir wins over the current context": {Options{DataDir: "/d", DataDirSet: true}, contexts, Target{Socket: "/d/admin.sock", From: "--data-dir"}},
		"the current context":                      {Options{DataDir: "./data"}, contexts, Target{Socket: "/lab", From: "current context lab"}},
		"the default data directory comes last":    {Options{DataDir: "./data"}, &Contexts{}, Target{Socket: "data/admin.sock", From: "default data directory"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Find(c.options, c.contexts)
			if err != nil || got != c.want {
				t.Errorf("got %+v %v", got, err)
			}
		})
	}
	if _, err := Find(Options{Server: "https://x", Context: "prod"}, contexts); err == nil {
		t.Error("--server and --context exclude each other")
	}
	if _, err := Find(Options{Context: "nope"}, contexts); err == nil || !strings.Contains(err.Error(), "lab, prod") {
		t.Errorf("got %v", err)
	}
}
