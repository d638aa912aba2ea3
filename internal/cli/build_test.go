package cli

import (
	"runtime/debug"
	"testing"
)

func TestBuild(t *testing.T) {
	info := &debug.BuildInfo{
		Main:     debug.Module{Version: "v0.9.0"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-22"}},
		Deps:     []*debug.Module{{Path: "github.com/traefik/traefik/v3", Version: "v3.7.13"}},
	}
	cases := map[string]struct{ stamp, want Build }{
		"without a stamp, what the toolchain wrote": {Build{}, Build{Version: "v0.9.0", Commit: "abc", Date: "2026-11-22", Traefik: "v3.7.13"}},
		"a stamp counts more":                       {Build{Version: "v1", Commit: "def", Date: "today"}, Build{Version: "v1", Commit: "def", Date: "today", Traefik: "v3.7.13"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.stamp.completed(info); got != c.want {
				t.Errorf("got %+v", got)
			}
		})
	}
	info.Main.Version = "(devel)"
	if got := (Build{}).completed(info); got.Version != "" {
		t.Errorf("(devel) is no version: %+v", got)
	}
}
