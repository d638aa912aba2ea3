//go:build linux

package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal runs the command sluice on a real pseudo-terminal and keeps what it writes there.
type terminal struct {
	t    *testing.T
	pty  *os.File
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	all bytes.Buffer
}

// winsize is struct winsize of the kernel.
type winsize struct{ Rows, Cols, X, Y uint16 }

func control(t *testing.T, file *os.File, request uintptr, value unsafe.Pointer) {
	t.Helper()
	connection, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var errno syscall.Errno
	if err := connection.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(value))
	}); err != nil || errno != 0 {
		t.Fatal(err, errno)
	}
}

// onTerminal starts sluice with a terminal of so many columns and rows.
func onTerminal(t *testing.T, columns, rows uint16, args ...string) *terminal {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var locked, number int32
	control(t, pty, syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	control(t, pty, syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(t, pty, syscall.TIOCSWINSZ, unsafe.Pointer(&winsize{Rows: rows, Cols: columns}))
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "sluice") // the test binary is sluice under this name
	if err := os.Symlink(self, bin); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	cmd.Env = append(os.Environ(), "TERM=xterm", "XDG_CONFIG_HOME="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	s := &terminal{t: t, pty: pty, cmd: cmd, done: make(chan struct{})}
	go s.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		<-s.done
		_ = pty.Close()
	})
	return s
}

// read ends when the command has gone: the kernel says EIO then.
func (s *terminal) read() {
	defer close(s.done)
	part := make([]byte, 4<<10)
	for {
		n, err := s.pty.Read(part)
		s.mu.Lock()
		s.all.Write(part[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *terminal) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// says waits until the command has written something.
func (s *terminal) says(text string) {
	s.t.Helper()
	s.until(fmt.Sprintf("it says %q", text), func() bool { return strings.Contains(s.written(), text) })
}

func (s *terminal) until(what string, is func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("not in time: %s. Written:\n%q", what, s.written())
		}
	}
}

// types presses keys. ^C is \x03.
func (s *terminal) types(keys string) {
	s.t.Helper()
	if _, err := s.pty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the command and returns its exit code.
func (s *terminal) ends() int {
	s.t.Helper()
	<-s.done
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// shown is what a person sees: the cells of the terminal after all that was written, as far
// as the sequences go that we use.
func (s *terminal) shown() string {
	var lines [][]rune
	row, column := 0, 0
	at := func() {
		for len(lines) <= row {
			lines = append(lines, nil)
		}
	}
	text := []rune(s.written())
	for i := 0; i < len(text); i++ {
		at()
		switch r := text[i]; r {
		case '\r':
			column = 0
		case '\n':
			row++
		case '\x1b':
			number, j := 0, i+2
			for ; text[j] >= '0' && text[j] <= '9' || text[j] == ';'; j++ {
				if text[j] != ';' {
					number = number*10 + int(text[j]-'0')
				}
			}
			switch text[j] {
			case 'A':
				row -= number
			case 'K':
				lines[row] = lines[row][:min(column, len(lines[row]))]
			case 'J':
				lines[row] = lines[row][:min(column, len(lines[row]))]
				lines = lines[:row+1]
			}
			i = j
		default:
			for len(lines[row]) <= column {
				lines[row] = append(lines[row], ' ')
			}
			lines[row][column] = r
			column++
		}
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.TrimRight(string(line), " ")
	}
	return strings.Join(out, "\n")
}
