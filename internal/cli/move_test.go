package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// TestMoves runs the scripts in testdata/move, each against a gateway of its own that the
// command sluice finds by itself. Besides the commands of TestScripts there are
//
//	gateway PHASE TEXT...   the cutover takes a step
//	gateway is silent       a gateway is not heard of
//	gateway is alone        the store does not answer
//	gateway is behind       a gateway does not follow
//	gateway is busy         the next write comes too late
//	gateway is frozen       the calendar says no
//	written PATTERN         the last write that was let through
func TestMoves(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/move", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "gateway": stirred, "written": written},
		Setup: func(e *testscript.Env) error {
			f := newFake(t)
			e.Values["gateway"] = f
			config := filepath.Join(e.WorkDir, "config")
			e.Setenv("XDG_CONFIG_HOME", config)
			if err := os.MkdirAll(filepath.Join(config, "sluice"), 0o700); err != nil {
				return err
			}
			text := "current: fake\ncontexts: {fake: {socket: " + filepath.Join(f.dir, "admin.sock") + "}}\n"
			return os.WriteFile(filepath.Join(config, "sluice", "contexts.yaml"), []byte(text), 0o600)
		},
	})
}

func stirred(ts *testscript.TestScript, neg bool, args []string) {
	f := ts.Value("gateway").(*fake)
	if neg || len(args) < 2 {
		ts.Fatalf("usage: gateway PHASE TEXT...")
	}
	if args[0] != "is" {
		f.moves(args[0], strings.Join(args[1:], " "), nil)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch args[1] {
	case "silent":
		f.known = false
		if f.cutover != nil {
			f.cutover.Remainder = &api.Remainder{
				Sentence: "7 sessions", Unknown: []string{"node-b (r2) is not heard of: if it is gone for good, evict it"},
				Replicas: []api.ReplicaRemainder{{ID: "r2", Host: "node-b", Silent: true}},
			}
		}
	case "alone":
		f.shared = false
	case "behind":
		f.lag = []string{"node-b (r2)"}
	case "frozen":
		f.frozen = true
	case "busy":
		f.busy = 1
	default:
		ts.Fatalf("a gateway is never %s", args[1])
	}
}

func written(ts *testscript.TestScript, neg bool, args []string) {
	f := ts.Value("gateway").(*fake)
	f.mu.Lock()
	defer f.mu.Unlock()
	last := "nothing"
	if n := len(f.writes); n > 0 {
		last = f.writes[n-1]
	}
	if regexp.MustCompile(args[0]).MatchString(last) == neg {
		ts.Fatalf("the last write was %s", last)
	}
}
