// Package e2e proves the built gateway from outside, as an operator and as an attacker see
// it: the binary, its configuration folder and its sockets. It knows no package of ours.
package e2e

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more tests wait at once than there are cores: nearly all of them wait for
// timers of the gateway or for slow clients.
func TestMain(m *testing.M) {
	flag.Parse()
	explicit := false
	flag.Visit(func(f *flag.Flag) { explicit = explicit || f.Name == "test.parallel" })
	if !explicit {
		_ = flag.Set("test.parallel", "12")
	}
	os.Exit(m.Run())
}
