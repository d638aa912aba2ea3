package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sluicegate.dev/sluice/config"
)

// Names in the data directory. The previous one is there for the case that the newest is
// damaged.
const (
	newestName   = "snapshot.json"
	previousName = "snapshot.previous.json"
)

// Save keeps a snapshot in the data directory. It is there whole or not at all, whenever
// the power goes: written aside, forced to the disk, then renamed.
func Save(dir string, s *config.Snapshot) error {
	var data bytes.Buffer
	if err := s.Save(&data); err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	aside, err := writeAside(dir, data.Bytes())
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	newest := filepath.Join(dir, newestName)
	if err := os.Rename(newest, filepath.Join(dir, previousName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep previous snapshot: %w", errors.Join(err, os.Remove(aside)))
	}
	if err := os.Rename(aside, newest); err != nil {
		return fmt.Errorf("save snapshot: %w", errors.Join(err, os.Remove(aside)))
	}
	return syncDir(dir)
}

// writeAside writes to a file of its own that only we may read: private keys are in it.
func writeAside(dir string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, ".snapshot-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncDir makes the renames last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// LoadLastGood returns the snapshot that was saved last, or the one before when that is
// damaged; the error then says so although there is a snapshot. Both are nil when none was
// ever saved.
func LoadLastGood(dir string, opts config.Options) (*config.Snapshot, error) {
	var failed error
	for _, name := range []string{newestName, previousName} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			var s *config.Snapshot
			if s, err = config.Restore(data, opts); err == nil {
				return s, failed
			}
		}
		failed = errors.Join(failed, fmt.Errorf("last good %s: %w", name, err))
	}
	return nil, failed
}

// Keeper saves snapshots beside the request path, in order; when they come faster than the
// disk, those between are left out.
type Keeper struct {
	dir      string
	report   func(error)
	quiet    time.Duration // without a change, before it saves
	patience time.Duration // with changes all the time, before it saves nevertheless

	mu     sync.Mutex
	newest *config.Snapshot
	wake   chan struct{}
}

// NewKeeper returns a Keeper for a data directory. Report gets each failure, and nil when
// it works again: requests go on either way.
func NewKeeper(dir string, report func(error)) *Keeper {
	return &Keeper{dir: dir, report: report, quiet: 200 * time.Millisecond, patience: 5 * time.Second, wake: make(chan struct{}, 1)}
}

// Note takes a snapshot to save. It does not wait.
func (k *Keeper) Note(s *config.Snapshot) {
	k.mu.Lock()
	k.newest = s
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run saves what was noted until ctx ends. The first is saved at once: there may be nothing
// yet to start again with. A save takes a processor for a while where there are ten thousand
// tenants, so the later ones wait for a lull: the next change must not wait for them. What is
// noted when ctx ends is saved before Run returns.
func (k *Keeper) Run(ctx context.Context) error {
	failing := false
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			k.save(&failing)
			return nil
		case <-k.wake:
			if !first {
				k.lull(ctx)
			}
			k.save(&failing)
		}
	}
}

// lull returns when nothing has been noted for a moment, or after the longest wait.
func (k *Keeper) lull(ctx context.Context) {
	late := time.NewTimer(k.patience)
	defer late.Stop()
	for {
		select {
		case <-time.After(k.quiet):
			return
		case <-k.wake:
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (k *Keeper) save(failing *bool) {
	k.mu.Lock()
	s := k.newest
	k.newest = nil
	k.mu.Unlock()
	if s == nil {
		return
	}
	err := Save(k.dir, s)
	if err != nil || *failing {
		k.report(err)
	}
	*failing = err != nil
}
