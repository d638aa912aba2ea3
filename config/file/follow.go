package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// follower turns the system's events into readings.
type follower struct {
	source  *Source
	watcher *fsnotify.Watcher
	watched map[string]fs.FileInfo

	moved map[string]bool // paths since the last reading
	since time.Time       // of the first of them
}

func (f *follower) run(ctx context.Context) error {
	poll := time.NewTicker(f.source.cfg.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(time.Hour)
	defer quiet.Stop()
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-f.watcher.Events:
			if !open {
				return nil
			}
			if f.note(event) {
				quiet.Reset(f.wait(time.Now()))
			}
		case _, open := <-f.watcher.Errors:
			if !open {
				return nil
			}
			// The queue overflowed or a folder went away: events may be lost, so look at everything.
			f.source.Sync()
			f.watch()
		case <-quiet.C:
			f.source.refresh(f.moved)
			f.moved = nil
			f.watch()
		case <-poll.C:
			f.source.Sync()
			f.watch()
		}
	}
}

// note remembers an event, and tells whether it was worth it.
func (f *follower) note(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod {
		// Access times and modes; a mode that locks us out shows at the next poll.
		return false
	}
	if f.moved == nil {
		f.moved = map[string]bool{}
		f.since = time.Now()
	}
	f.moved[filepath.Clean(event.Name)] = true
	return true
}

// wait is the time until the change is read, if nothing else moves.
func (f *follower) wait(now time.Time) time.Duration {
	left := f.source.cfg.Longest - now.Sub(f.since)
	return max(0, min(f.source.cfg.Quiet, left))
}

// watch watches what matters now. What changed between the reading that found a new folder
// and its watch would be missed, so that is read again.
func (f *follower) watch() {
	for f.watchMore() {
		f.source.Sync()
	}
}

// watchMore brings the watched folders in line, and tells whether there are new ones. Folders are watched
// rather than files: a file that is replaced would take its watch with it. So would a
// folder, hence the comparison.
func (f *follower) watchMore() bool {
	f.source.mu.Lock()
	folders := f.source.tree.folders()
	f.source.mu.Unlock()
	for folder, was := range f.watched {
		now, wanted := folders[folder]
		if !wanted || (was != nil && now != nil && !os.SameFile(was, now)) {
			// An error means that the folder is gone, and its watch with it.
			_ = f.watcher.Remove(folder)
			delete(f.watched, folder)
		}
	}
	more := false
	var failed error
	for folder, info := range folders {
		if _, done := f.watched[folder]; done {
			continue
		}
		switch err := f.watcher.Add(folder); {
		case err == nil:
			f.watched[folder], more = info, true
		case !errors.Is(err, fs.ErrNotExist):
			failed = err
		}
	}
	if failed != nil {
		f.source.unwatched(failed)
	}
	return more
}
