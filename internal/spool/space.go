package spool

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// What callers branch on.
var (
	ErrTooLarge = errors.New("body too large")      // 413
	ErrNoSpace  = errors.New("no spool space left") // 503
)

// chunkSize is the unit of memory: what one read from a fast socket yields, and enough for
// nearly every request body in one piece.
const chunkSize = 32 << 10

type chunk = [chunkSize]byte

// Config says where a Space lies and how large it may grow. Zero values take the defaults.
type Config struct {
	Dir       string // for the files; made when absent; the system's own when empty
	MaxMemory int64  // of all bodies together; 256 MiB
	MaxDisk   int64  // of all bodies together; 8 GiB
	MaxBody   int64  // of one request body; 128 MiB, Odoo's own limit

	BodyMemory int64 // of one request body before it goes to disk; 1 MiB
	PipeMemory int64 // of one answer before it goes to disk; 1 MiB
	PipeDisk   int64 // of one answer before its writer waits; 1 GiB

	Metrics prometheus.Registerer // may be nil
}

// Space is the memory and the disk that all bodies share.
type Space struct {
	cfg     Config
	memory  account
	disk    account
	chunks  sync.Pool
	metrics *metrics
}

// New returns a Space. It makes one file at once, so that a folder that cannot be written
// is an error at the start and not on the first large upload.
func New(cfg Config) (*Space, error) {
	s := &Space{cfg: withDefaults(cfg)}
	s.memory.limit, s.disk.limit = s.cfg.MaxMemory, s.cfg.MaxDisk
	s.chunks.New = func() any { return new(chunk) }
	if s.cfg.Dir != "" {
		if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make spool folder: %w", err)
		}
	}
	file, err := s.newFile()
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("close spool file: %w", err)
	}
	s.metrics = newMetrics(s.cfg.Metrics, s)
	return s, nil
}

func withDefaults(cfg Config) Config {
	for _, d := range []struct {
		field *int64
		value int64
	}{
		{&cfg.MaxMemory, 256 << 20},
		{&cfg.MaxDisk, 8 << 30},
		{&cfg.MaxBody, 128 << 20},
		{&cfg.BodyMemory, 1 << 20},
		{&cfg.PipeMemory, 1 << 20},
		{&cfg.PipeDisk, 1 << 30},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return cfg
}

// newFile makes a file and unlinks it.
func (s *Space) newFile() (*os.File, error) {
	file, err := os.CreateTemp(s.cfg.Dir, "body-")
	if err != nil {
		return nil, fmt.Errorf("make spool file: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("unlink spool file: %w", err)
	}
	return file, nil
}

// takeChunk gives a chunk while the shared bound allows it, nil otherwise.
func (s *Space) takeChunk() *chunk {
	if !s.memory.take(chunkSize) {
		return nil
	}
	return s.chunks.Get().(*chunk)
}

// forceChunk gives a chunk beyond the bound, for the one that each body must have to move
// at all. It is counted like the others.
func (s *Space) forceChunk() *chunk {
	s.memory.used.Add(chunkSize)
	return s.chunks.Get().(*chunk)
}

func (s *Space) giveChunk(c *chunk) {
	s.memory.give(chunkSize)
	s.chunks.Put(c)
}

// account counts what is in use against a limit.
type account struct {
	used  atomic.Int64
	limit int64
}

func (a *account) take(n int64) bool {
	if a.used.Add(n) > a.limit {
		a.used.Add(-n)
		return false
	}
	return true
}

func (a *account) give(n int64) { a.used.Add(-n) }

// InUse is the memory that bodies hold.
func (s *Space) InUse() int64 { return s.memory.used.Load() }
