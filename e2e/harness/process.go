package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopTime is how long a process may take to end after SIGTERM before it is killed.
const stopTime = 20 * time.Second

// Binary finds a built program: the environment variable wins, else ../bin/name seen from
// the module's root.
func Binary(t testing.TB, env, name string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		path = filepath.Join(moduleRoot(t), "..", "bin", name)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s: build it first (make build) or set %s: %v", name, env, err)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

// Process is a program under test.
type Process struct {
	Name string
	Log  *Log

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // what Wait said, valid after done
	tail int           // lines of the log that a failed test prints
}

// Command says what to start.
type Command struct {
	Name string // for logs
	Path string
	Args []string
	Dir  string
	Env  []string // on top of a minimal environment
}

// Start runs a program until the test ends. Its output is printed when the test fails.
func Start(t testing.TB, c Command) *Process {
	t.Helper()
	p := &Process{Name: c.Name, Log: &Log{}, done: make(chan struct{}), tail: 60}
	p.cmd = exec.Command(c.Path, c.Args...)
	p.cmd.Dir = c.Dir
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC"}, c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.Log, p.Log
	// The kernel ends it when the test process dies, even by SIGKILL.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := startLocked(p.cmd); err != nil {
		t.Fatalf("start %s: %v", c.Name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Stop(stopTime)
		if t.Failed() {
			t.Logf("---- end of the log of %s ----\n%s", p.Name, p.Log.Tail(p.tail))
		}
	})
	return p
}

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal; a process that has ended is no error.
func (p *Process) Signal(signal os.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	return nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running says whether the process is still there.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ExitCode waits for the end, within the time, and returns the code; -1 after a signal.
func (p *Process) ExitCode(within time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(within):
		return 0, fmt.Errorf("%s still runs after %v", p.Name, within)
	}
}

// Stop ends the process: SIGTERM, and SIGKILL when it takes longer than the grace time. It
// says whether SIGTERM was enough.
func (p *Process) Stop(grace time.Duration) bool {
	if p.Running() {
		_ = p.Signal(syscall.SIGTERM)
	}
	select {
	case <-p.done:
		return true
	case <-time.After(grace):
		p.dump()
		p.Kill()
		return false
	}
}

// dump has a Go program write down what its goroutines wait for, and end.
func (p *Process) dump() {
	p.tail = 3000
	_ = p.Signal(syscall.SIGQUIT)
	select {
	case <-p.done:
	case <-time.After(2 * time.Second): // not a Go program, or frozen
	}
}

// Kill ends the process at once, as the kernel's out-of-memory killer would.
func (p *Process) Kill() {
	_ = p.Signal(syscall.SIGKILL)
	<-p.done
}

// Output is what a short command printed.
type Output struct {
	Code           int
	Stdout, Stderr string
}

// All is both streams, for messages.
func (o Output) All() string { return o.Stdout + o.Stderr }

// Run runs a short command to its end.
func Run(t testing.TB, within time.Duration, c Command) Output {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC"}, c.Env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := startLocked(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if ctx.Err() != nil {
		t.Fatalf("%s %v: not ended after %v\n%s%s", c.Path, c.Args, within, stdout.String(), stderr.String())
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %v: %v", c.Path, c.Args, err)
	}
	return Output{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}
