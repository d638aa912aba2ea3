package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Redis is a real redis-server that can be stopped, frozen and started again.
type Redis struct {
	*Process
	Addr string
	Dir  string

	args   []string
	frozen bool
}

// StartRedis starts one that keeps nothing on disk; more settings follow as "--name",
// "value". It ends with the test.
func StartRedis(t testing.TB, settings ...string) *Redis {
	t.Helper()
	r := NewRedis(t, settings...)
	r.Start(t)
	return r
}

// NewRedis is StartRedis without the start.
func NewRedis(t testing.TB, settings ...string) *Redis {
	t.Helper()
	port := FreePort(t)
	r := &Redis{Addr: LocalAddr(port), Dir: t.TempDir()}
	r.args = append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", r.Dir, "--save", "", "--appendonly", "no", "--loglevel", "notice",
	}, settings...)
	return r
}

// Start runs it, again or for the first time, and waits until it answers.
func (r *Redis) Start(t testing.TB) {
	t.Helper()
	r.Process = Start(t, Command{Name: "redis " + r.Addr, Path: redisServer(t), Args: r.args, Dir: r.Dir})
	t.Cleanup(func() { r.Thaw(t) }) // a frozen process cannot end
	Eventually(t, Patience, "redis answers", func() error {
		_, err := redisDo(r.Addr, time.Second, "PING")
		return err
	})
}

// Freeze stops the process without closing anything: connections stand, nobody answers.
func (r *Redis) Freeze(t testing.TB) {
	t.Helper()
	if err := r.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r.frozen = true
}

// Thaw lets it go on.
func (r *Redis) Thaw(t testing.TB) {
	t.Helper()
	if !r.frozen {
		return
	}
	if err := r.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	r.frozen = false
}

// Try runs one command.
func (r *Redis) Try(args ...any) (any, error) { return redisDo(r.Addr, 5*time.Second, args...) }

// Do runs one command that must work.
func (r *Redis) Do(t testing.TB, args ...any) any {
	t.Helper()
	answer, err := r.Try(args...)
	if err != nil {
		t.Fatalf("redis %v: %v", args, err)
	}
	return answer
}

// Keys lists the keys that match.
func (r *Redis) Keys(t testing.TB, pattern string) []string {
	t.Helper()
	var keys []string
	cursor := "0"
	for {
		answer := r.Do(t, "SCAN", cursor, "MATCH", pattern, "COUNT", 1000).([]any)
		for _, key := range answer[1].([]any) {
			keys = append(keys, key.(string))
		}
		if cursor = answer[0].(string); cursor == "0" {
			return keys
		}
	}
}

// Info reads the fields of a section.
func (r *Redis) Info(t testing.TB, section string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for line := range strings.Lines(r.Do(t, "INFO", section).(string)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// Calls counts the commands since the start (or CONFIG RESETSTAT), by name.
func (r *Redis) Calls(t testing.TB) map[string]int {
	t.Helper()
	calls := map[string]int{}
	for name, value := range r.Info(t, "commandstats") {
		first, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
		n, err := strconv.Atoi(first)
		if err != nil {
			t.Fatalf("commandstats %s: %q", name, value)
		}
		calls[strings.TrimPrefix(name, "cmdstat_")] = n
	}
	return calls
}

// Snapshot writes what it holds to a file and returns its content.
func (r *Redis) Snapshot(t testing.TB) []byte {
	t.Helper()
	r.Do(t, "SAVE")
	dump, err := os.ReadFile(filepath.Join(r.Dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	return dump
}

// Restore ends it and starts it from a snapshot, as an operator does from a backup.
func (r *Redis) Restore(t testing.TB, dump []byte) {
	t.Helper()
	r.Kill()
	if err := os.WriteFile(filepath.Join(r.Dir, "dump.rdb"), dump, 0o600); err != nil {
		t.Fatal(err)
	}
	r.Start(t)
}

// Store is the part of a gateway's install settings that names the address.
func Store(addr string) string { return fmt.Sprintf("  store: {redis: {address: %q}}\n", addr) }
