package redistest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const startWait = 15 * time.Second

// Server is a redis-server of its own.
type Server struct {
	Addr string

	t       testing.TB
	dir     string
	args    []string
	client  *goredis.Client
	process *exec.Cmd
	ended   chan struct{}
	output  *bytes.Buffer
	meet    int // where the peers of a cluster's node know it
	bus     int // and talk to it
}

// Start starts a server; args are added to its command line.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, "", args...)
}

func start(t testing.TB, mode string, args ...string) *Server {
	t.Helper()
	return startAt(t, FreePort(t), mode, args...)
}

func startAt(t testing.TB, port int, mode string, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, Addr: fmt.Sprintf("127.0.0.1:%d", port), dir: t.TempDir()}
	s.args = []string{"--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--daemonize", "no"}
	if mode == "sentinel" { // takes its settings from a file, which it rewrites
		s.args = args
	} else {
		s.args = append(s.args, args...)
	}
	s.client = goredis.NewClient(&goredis.Options{Addr: s.Addr, MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second, DisableIdentity: true})
	t.Cleanup(func() {
		_ = s.client.Close()
		s.Stop()
	})
	if mode != "sentinel" {
		s.Start()
	}
	return s
}

// Start starts a server that was stopped, on the same port.
func (s *Server) Start() {
	s.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("these tests need a real Redis: install redis-server (apt install redis-server)")
	}
	s.output, s.ended = &bytes.Buffer{}, make(chan struct{})
	s.process = exec.Command(path, s.args...)
	s.process.Stdout, s.process.Stderr = s.output, s.output
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // nothing is left behind
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func(p *exec.Cmd, ended chan struct{}) { // ends with the process, which Cleanup ends
		_ = p.Wait()
		close(ended)
	}(s.process, s.ended)
	Eventually(s.t, startWait, "redis-server does not listen: "+strings.Join(s.args, " "), func() bool {
		select {
		case <-s.ended:
			s.t.Fatalf("redis-server ended:\n%s", s.output)
		default:
		}
		conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// Stop kills the server, as a power cut would.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	<-s.ended
	s.process = nil
}

// Freeze stops the server without closing its connections: it accepts, and never answers.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Do runs a command and fails the test when Redis refuses it.
func (s *Server) Do(words ...any) any {
	s.t.Helper()
	reply, err := s.client.Do(context.Background(), words...).Result()
	if err != nil && err != goredis.Nil { //nolint:errorlint // go-redis returns it as it is
		s.t.Fatalf("redis %v: %v", words, err)
	}
	return reply
}

// Info returns one line of INFO.
func (s *Server) Info(name string) string {
	s.t.Helper()
	text, _ := s.Do("INFO", "everything").(string)
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && key == name {
			return value
		}
	}
	return ""
}

// Eventually waits until what is so, and fails the test with message when it is not in time.
func Eventually(t testing.TB, within time.Duration, message string, what func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); ; <-tick.C {
		if what() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s (waited %s)", message, within)
		}
	}
}

// write puts a file into the server's folder.
func (s *Server) write(name, text string) string {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}
