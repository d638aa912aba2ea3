package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// lockWait is how long an open may wait for another process. bbolt asks every 50 ms.
const lockWait = time.Millisecond

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
		s.inTrouble("the file of the embedded store cannot be used: pins are kept in memory only, and a restart sends sessions back to their cookie", err)
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

// inTrouble logs what is wrong when it is new.
func (s *Store) inTrouble(message string, err error) {
	if s.file.trouble == err.Error() {
		return
	}
	s.file.trouble = err.Error()
	s.log.Error(message, "file", s.path, "err", err)
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

// open opens the file and reads all of it. bbolt maps the file into memory and trusts it: a
// file cut short is a fault, a page that makes no sense is a panic, so both are caught here,
// before anything depends on them.
func open(path string) (db *bbolt.DB, found contents, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			db, found, err = nil, contents{}, &damagedError{fmt.Errorf("unreadable: %v", r)}
		}
	}()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, contents{}, fmt.Errorf("make its folder: %w", err)
	}
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, contents{}, whyNot(err)
	}
	if found, err = read(db); err != nil {
		return nil, contents{}, errors.Join(&damagedError{err}, db.Close())
	}
	return db, found, nil
}

// whyNot tells a file that is no use from one that cannot be had now.
func whyNot(err error) error {
	switch {
	case errors.Is(err, bbolt.ErrTimeout):
		return errors.New("another process has it open; it is tried again every second")
	case errors.Is(err, bbolt.ErrInvalid), errors.Is(err, bbolt.ErrVersionMismatch), errors.Is(err, bbolt.ErrChecksum),
		strings.Contains(err.Error(), "file size too small"): // has no error of its own
		return &damagedError{err}
	default:
		return fmt.Errorf("open: %w", err)
	}
}

// Release writes what is left and closes the file for good, so that another process can have
// it. The store goes on from memory.
func (s *Store) Release() {
	s.flush()
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
