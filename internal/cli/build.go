package cli

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// Build says what this binary is.
type Build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Traefik  string `json:"traefik,omitempty"`
}

// NewBuild is the stamp, completed by what the toolchain wrote into the binary.
func NewBuild(version, commit, date string) Build {
	b := Build{
		Version: version, Commit: commit, Date: date,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		b = b.completed(info)
	}
	b.Version = cmp.Or(b.Version, "devel")
	return b
}

func (b Build) completed(info *debug.BuildInfo) Build {
	if info.Main.Version != "(devel)" {
		b.Version = cmp.Or(b.Version, info.Main.Version)
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = cmp.Or(b.Commit, s.Value)
		case "vcs.time":
			b.Date = cmp.Or(b.Date, s.Value)
		}
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/traefik/traefik/v3" {
			b.Traefik = module.Version
		}
	}
	return b
}
