package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// bench holds what the cases share. It stands in for a test towards the harness, which
// wants something that can fail, log and clean up.
type bench struct {
	testing.TB
	options
	out      io.Writer
	cleanups []func()
}

// fatal is a failure on its way up.
type fatal string

func (f fatal) Error() string { return string(f) }

func newBench(o options, out io.Writer) *bench { return &bench{options: o, out: out} }

func (b *bench) Helper()                      {}
func (b *bench) Context() context.Context     { return context.Background() }
func (b *bench) Failed() bool                 { return false }
func (b *bench) Fatal(args ...any)            { panic(fatal(fmt.Sprint(args...))) }
func (b *bench) Fatalf(f string, args ...any) { panic(fatal(fmt.Sprintf(f, args...))) }
func (b *bench) Errorf(f string, args ...any) { b.Logf(f, args...) }
func (b *bench) Logf(f string, args ...any)   { fmt.Fprintf(os.Stderr, f+"\n", args...) }
func (b *bench) Cleanup(f func())             { b.cleanups = append(b.cleanups, f) }
func (b *bench) printf(f string, args ...any) { fmt.Fprintf(b.out, f, args...) }

func (b *bench) TempDir() string {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// close ends everything in turn, newest first.
func (b *bench) close() {
	for len(b.cleanups) > 0 {
		last := len(b.cleanups) - 1
		f := b.cleanups[last]
		b.cleanups = b.cleanups[:last]
		f()
	}
}

// scope runs f and ends what it started.
func (b *bench) scope(f func(*bench)) {
	inner := newBench(b.options, b.out)
	defer inner.close()
	f(inner)
}

// machine says what this was measured on.
func (b *bench) machine() {
	b.printf("# Figures\n\n%s, %d cores, %s, %s.\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.NumCPU(), cpuName(), runtime.Version())
	b.printf("Peers: stock Traefik built from the same module, %s, %s.\n", firstLine("nginx", "-v"), firstLine("haproxy", "-v"))
	b.printf("Medians of %d interleaved rounds of %v with wrk. The machine is shared: trust ratios, not absolute numbers.\n", b.rounds, b.duration)
}

func cpuName() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimLeft(strings.TrimSpace(name), ":\t ")
		}
	}
	return "unknown processor"
}

func firstLine(name string, args ...string) string {
	text, _ := exec.Command(name, args...).CombinedOutput()
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(line, "nginx version: ")
}

// backend starts this program as a small quick backend in a process of its own.
func (b *bench) backend(closing bool) string {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	addr := harness.FreeAddr(b)
	args := []string{"backend", addr}
	if closing {
		args = append(args, "close")
	}
	harness.Start(b, harness.Command{Name: "backend", Path: self, Args: args})
	b.waitFor(addr)
	return addr
}

// waitFor polls until the address answers HTTP.
func (b *bench) waitFor(addr string) {
	client := harness.Client(addr)
	client.Timeout = time.Second
	harness.Eventually(b, time.Minute, addr+" answers", func() error {
		reply, err := harness.TryDo(client, harness.NewRequest(b, "GET", "http://t0.bench.test/web", ""))
		if err == nil && reply.Status >= 400 {
			err = fmt.Errorf("status %d", reply.Status)
		}
		return err
	})
}

// binary finds a built program beside this module.
func (b *bench) binary(env, name string) string { return harness.Binary(b, env, name) }

func (b *bench) file(dir, name, text string) string {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	return path
}
