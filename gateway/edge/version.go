package edge

import (
	"runtime/debug"
	"strings"

	"github.com/traefik/traefik/v3/pkg/version"
)

const traefikModule = "github.com/traefik/traefik/v3"

// nameVersion tells Traefik its own version, which its release builds set by a linker flag:
// its API, traces and metrics show it.
func nameVersion() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, module := range info.Deps {
		if module.Path == traefikModule {
			version.Version = strings.TrimPrefix(module.Version, "v")
		}
	}
}
