package file

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"sluicegate.dev/sluice/config"
)

// SourceName is what the documents of this source are applied under.
const SourceName = "directory"

// Defaults of a Source.
const (
	defaultQuiet   = 25 * time.Millisecond
	defaultLongest = 250 * time.Millisecond
	defaultPoll    = 5 * time.Second
)

// Config says what a Source reads, and who gets it.
type Config struct {
	Dir   string
	Apply func(config.Document) config.Problems

	// Known are resources that were decoded before, from the last good snapshot: a
	// document with the same text is not decoded again.
	Known []*config.Resource

	Quiet   time.Duration // a change is read when nothing moved for this long; 25ms
	Longest time.Duration // or this long after it began; 250ms
	Poll    time.Duration // everything is looked at this often; 5s
}

// Source follows a directory.
type Source struct {
	cfg  Config
	mu   sync.Mutex // Sync may be called while Run runs
	tree *tree
}

// New returns a Source. It reads nothing yet.
func New(cfg Config) *Source {
	cfg.Quiet = or(cfg.Quiet, defaultQuiet)
	cfg.Longest = or(cfg.Longest, defaultLongest)
	cfg.Poll = or(cfg.Poll, defaultPoll)
	tree := newTree(cfg.Dir, cfg.Known)
	cfg.Known = nil // not needed after the first reading
	return &Source{cfg: cfg, tree: tree}
}

func or(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}

// Sync looks at the whole directory and applies it when anything changed, or for the first
// time. It returns the problems of what it applied.
func (s *Source) Sync() config.Problems {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.tree.scanned
	if changed := s.tree.scan(); !changed && !first {
		return nil
	}
	return s.cfg.Apply(s.tree.document())
}

// refresh looks at the files that moved.
func (s *Source) refresh(paths map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tree.refresh(paths) {
		s.cfg.Apply(s.tree.document())
	}
}

// Run follows the directory until ctx ends. When the system cannot watch it, Run polls,
// and reports that as a problem.
func (s *Source) Run(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return s.pollOnly(ctx, err)
	}
	defer watcher.Close()
	s.Sync()
	f := follower{source: s, watcher: watcher, watched: map[string]fs.FileInfo{}}
	f.watch()
	return f.run(ctx)
}

func (s *Source) pollOnly(ctx context.Context, cause error) error {
	s.unwatched(cause)
	ticker := time.NewTicker(s.cfg.Poll)
	defer ticker.Stop()
	for {
		s.Sync()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// unwatched reports that changes are only found by looking.
func (s *Source) unwatched(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tree.unwatched(fmt.Sprintf("cannot watch for changes, looking every %s instead: %v", s.cfg.Poll, cause))
}

// Load reads a directory once.
func Load(dir string) config.Document {
	t := newTree(dir, nil)
	t.scan()
	return t.document()
}
