package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// file is the store's file, while it is ours.
type file struct {
	mu       sync.Mutex
	db       *bbolt.DB
	released bool   // given up for good: another process may take over
	trouble  string // what was logged last, so that it is logged once
}

// tryOpen takes the file and what it holds, unless that was done or somebody else has it.
func (s *Store) tryOpen() {
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	if s.file.db != nil || s.file.released {
		return
	}
	db, found, err := open(s.path)
	var damaged *damagedError
	if errors.As(err, &damaged) {
		if err = s.setAside(damaged); err == nil {
			db, found, err = open(s.path)
		}
	}
	if err != nil {
		if s.file.isNews(err) {
			s.log.Error("the file of the embedded store cannot be used: pins are kept in memory only, and a restart sends sessions back to their cookie", "file", s.path, "err", err)
		}
		return
	}
	s.file.db = db
	s.gauges.held.Store(true)
	s.merge(found)
	s.wellAgain()
}

// setAside keeps a damaged file for whoever wants to look at it: one, so that a bad disk does
// not fill up with them.
func (s *Store) setAside(damage error) error {
	aside := s.path + ".damaged"
	err := os.Rename(s.path, aside)
	s.log.Error("the file of the embedded store is damaged and was set aside: the store starts empty, and sessions find their server by their cookie",
		"file", s.path, "kept", aside, "err", errors.Join(damage, err))
	if err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	return nil
}

// isNews says whether a trouble is another one than before: each is logged once.
func (f *file) isNews(err error) bool {
	known := f.trouble == err.Error()
	f.trouble = err.Error()
	return !known
}

// wellAgain says that what was in trouble is over.
func (s *Store) wellAgain() {
	if s.file.trouble != "" {
		s.file.trouble = ""
		s.log.Info("the file of the embedded store is in use again", "file", s.path)
	}
}

// damagedError is a file that cannot be read as ours.
type damagedError struct{ cause error }

func (e *damagedError) Error() string { return e.cause.Error() }
func (e *damagedError) Unwrap() error { return e.cause }

// open opens the file and reads all of it.
func open(path string) (db *bbolt.DB, found contents, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a bad disk shows as a fault
	defer func() {
		if r := recover(); r != nil {
			db, found, err = nil, contents{}, &damagedError{fmt.Errorf("unreadable: %v", r)}
		}
	}()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, contents{}, fmt.Errorf("make its folder: %w", err)
	}
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		OpenFile: openChecked, PageSize: pageSize, Timeout: time.Millisecond, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return nil, contents{}, fmt.Errorf("open: %w", err)
	}
	if found, err = read(db); err != nil {
		return nil, contents{}, errors.Join(&damagedError{err}, db.Close())
	}
	return db, found, nil
}

// openChecked opens and locks a file for bbolt, and checks it before bbolt looks. The lock is
// the one that bbolt takes again on the same file.
func openChecked(path string, flags int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flags, mode)
	if err != nil {
		return nil, err //nolint:wrapcheck // says which file
	}
	if err := lockAndCheck(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lockAndCheck(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a file's number is small
		return errors.New("another process has it open; it is tried again every second")
	}
	info, err := f.Stat()
	if err != nil || info.Size() == 0 { // empty: bbolt makes a new one
		return err //nolint:wrapcheck // says which file
	}
	if err := check(f, info.Size()); err != nil {
		return &damagedError{err}
	}
	return nil
}

// Release writes what is left and closes the file for good, so that another process can have
// it. The store goes on from memory.
func (s *Store) Release() {
	s.flush()
	s.flushRecords()
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	if s.file.db != nil {
		if err := s.file.db.Close(); err != nil {
			s.log.Error("the file of the embedded store did not close cleanly", "file", s.path, "err", err)
		}
	}
	s.file.db, s.file.released = nil, true
	s.gauges.held.Store(false)
}
