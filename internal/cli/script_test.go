package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluicegate.dev/sluice/internal/client"
)

var update = flag.Bool("update", false, "rewrite generated files")

// TestMain makes this test binary the command sluice of the scripts, with a gateway that
// only says that it was started.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sluice": func() {
		ctx, stop := Interruptible(context.Background())
		defer stop()
		deps := Deps{Build: Build{Version: "v1.2.3", Commit: "abcdef", Go: "go1", Platform: "os/arch"}, Serve: pretend}
		os.Exit(Execute(ctx, deps, Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Args[1:]))
	}})
}

func pretend(ctx context.Context, o ServeOptions) error {
	o.Log.InfoContext(ctx, "serving", "install", o.Install, "version", o.Version)
	return nil
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"exits": exits,
	}, Setup: func(e *testscript.Env) error {
		e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
		return nil
	}})
}

// exits runs a command and compares its exit code: exits 2 sluice run --no-such-flag
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

func TestExitCodes(t *testing.T) {
	cases := map[string]struct {
		err  error
		code int
	}{
		"a refusal":            {&client.Refused{Status: 403}, 1},
		"anything else":        {errors.New("x"), 1},
		"a wrong command line": {fmt.Errorf("x: %w", usageError{errors.New("y")}), 2},
		"nobody there":         {fmt.Errorf("x: %w", &client.Unreachable{Err: errors.New("y")}), 3},
		"too slow":             {fmt.Errorf("x: %w", context.DeadlineExceeded), 4},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := exitCode(c.err); got != c.code {
				t.Errorf("got %d, want %d", got, c.code)
			}
		})
	}
}

func TestReferenceIsInStep(t *testing.T) {
	const file = "../../docs/reference/cli.md"
	want := Reference(Root(Deps{}))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the commands say (%v): run go run ./internal/cli/reference > docs/reference/cli.md", file, err)
	}
}
