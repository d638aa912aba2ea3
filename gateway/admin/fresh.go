package admin

import (
	"log/slog"
	"os"
	"sync"
	"time"
)

// freshFor is how long files are trusted before they are looked at again.
const freshFor = 5 * time.Second

// fresh is a value read from files that may be replaced while the gateway runs (rotated
// tokens, renewed certificates). It starts nothing: whoever asks also checks. When the new
// files cannot be read the last good value stays, and the log says so.
type fresh[T any] struct {
	files []string
	read  func() (T, error)
	log   *slog.Logger

	mu      sync.Mutex
	value   T
	seen    []stamp
	checked time.Time
}

// stamp tells one version of a file from the next.
type stamp struct {
	changed time.Time
	size    int64
}

func newFresh[T any](log *slog.Logger, files []string, read func() (T, error)) (*fresh[T], error) {
	value, err := read()
	if err != nil {
		return nil, err
	}
	return &fresh[T]{files: files, read: read, log: log, value: value, seen: stamps(files), checked: time.Now()}, nil
}

func (f *fresh[T]) get(now time.Time) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.checked) < freshFor {
		return f.value
	}
	f.checked = now
	seen := stamps(f.files)
	if same(seen, f.seen) {
		return f.value
	}
	f.seen = seen
	value, err := f.read()
	if err != nil {
		f.log.Error("admin API keeps what it had: the new files cannot be used", "err", err)
		return f.value
	}
	f.log.Info("admin API read changed files", "files", f.files)
	f.value = value
	return value
}

// stamps are zero for a file that is not there.
func stamps(files []string) []stamp {
	all := make([]stamp, len(files))
	for i, file := range files {
		if info, err := os.Stat(file); err == nil {
			all[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return all
}

func same(a, b []stamp) bool {
	for i := range a {
		if !a[i].changed.Equal(b[i].changed) || a[i].size != b[i].size {
			return false
		}
	}
	return true
}
