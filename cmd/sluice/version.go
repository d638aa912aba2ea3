package main

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"sluicegate.dev/sluice/internal/cli"
)

// Stamped with -ldflags "-X main.version=v1.2.3 -X main.commit=... -X main.date=...".
var version, commit, date string

// build is the stamp, or what the toolchain wrote into the binary.
func build() cli.Build {
	b := cli.Build{
		Version: version, Commit: commit, Date: date,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		fill(&b, info)
	}
	b.Version = cmp.Or(b.Version, "devel")
	return b
}

func fill(b *cli.Build, info *debug.BuildInfo) {
	if info.Main.Version != "(devel)" {
		b.Version = cmp.Or(b.Version, info.Main.Version)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b.Commit = cmp.Or(b.Commit, settings["vcs.revision"])
	b.Date = cmp.Or(b.Date, settings["vcs.time"])
	for _, module := range info.Deps {
		if module.Path == "github.com/traefik/traefik/v3" {
			b.Traefik = module.Version
		}
	}
}
