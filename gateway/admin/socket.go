package admin

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// maxSocketPath is the longest path that a unix socket can have on Linux and macOS alike,
// with room for the private name under which it is made.
const maxSocketPath = 88

// listenSocket listens on path, for the owner alone. The socket is made in a private
// folder and moved into place, so that it is never open to others, not even between bind
// and chmod, and so that a stale one is replaced in one step. A socket that somebody still
// answers is left alone.
func listenSocket(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("%s: the path has %d bytes, a unix socket may have %d: choose a shorter data directory", path, len(path), maxSocketPath)
	}
	if err := replaceable(path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".s") // mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	return bindAndMove(filepath.Join(private, "s"), path)
}

func bindAndMove(private, path string) (net.Listener, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: private, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	s := &socket{UnixListener: listener, path: path}
	if err := s.move(private); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

// replaceable says whether path is free or a socket that nobody answers.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s exists and is no socket: move it away", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("%s is answered by another gateway: stop it, or give this one a data directory of its own", path)
	}
	return nil
}

// socket removes its file when it is closed, unless another process has replaced it.
type socket struct {
	*net.UnixListener
	path string
	made os.FileInfo
	once sync.Once
}

func (s *socket) move(private string) error {
	if err := os.Chmod(private, 0o600); err != nil {
		return err
	}
	var err error
	if s.made, err = os.Lstat(private); err != nil {
		return err
	}
	return os.Rename(private, s.path)
}

func (s *socket) Close() error {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
			_ = os.Remove(s.path)
		}
	})
	return s.UnixListener.Close()
}
