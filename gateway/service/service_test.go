package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// supervisor is the socket that systemd would give.
func supervisor(t *testing.T) <-chan string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	heard := make(chan string, 1000)
	go func() {
		buffer := make([]byte, 256)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				return
			}
			heard <- string(buffer[:n])
		}
	}()
	return heard
}

func next(t *testing.T, heard <-chan string) string {
	t.Helper()
	select {
	case said := <-heard:
		return said
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was said")
		return ""
	}
}

func run(t *testing.T, s *Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestReadyIsSaidOnceItIsTrue(t *testing.T) {
	heard := supervisor(t)
	var ready atomic.Bool
	var asked atomic.Int32
	s := New(func() error {
		if asked.Add(1) > 3 {
			ready.Store(true)
		}
		if !ready.Load() {
			return errors.New("not yet")
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	stop := run(t, s)
	if said := next(t, heard); said != "READY=1" || !ready.Load() {
		t.Errorf("heard %q, ready %v", said, ready.Load())
	}
	s.Stop()
	if said := next(t, heard); said != "STOPPING=1" {
		t.Errorf("at a stop: %q", said)
	}
	stop()
}

func TestTheWatchdogIsFedWhileNotReady(t *testing.T) {
	heard := supervisor(t)
	t.Setenv("WATCHDOG_USEC", strconv.Itoa(30_000))
	t.Setenv("WATCHDOG_PID", "")
	stop := run(t, New(func() error { return errors.New("another key ring") }, slog.New(slog.DiscardHandler)))
	for range 3 {
		if said := next(t, heard); said != "WATCHDOG=1" {
			t.Errorf("heard %q", said)
		}
	}
	stop()
}

func TestWithoutASupervisorNothingHappens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	run(t, New(func() error { return nil }, slog.New(slog.DiscardHandler)))()
}
