package replicas

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"sluicegate.dev/sluice/internal/store"
)

// home is the folder of one gateway. Whoever holds its lock knows that the process before it
// is gone, and says so for it: one that was killed could not, and everybody would wait ten
// minutes for what it may still serve.
type home struct {
	dir    string
	lock   *os.File
	former string // who was here before, and has not been signed off
}

const lockName, nameName = "replica.lock", "replica.id"

// settle takes the folder, unless that was done or the process before us still runs, as in an
// upgrade in place.
func (h *home) settle(me string) error {
	if h.dir == "" || h.lock != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(h.dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("this gateway's folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a file's number is small
		return f.Close() //nolint:wrapcheck // another one is there: tried again with the next beat
	}
	name := filepath.Join(h.dir, nameName)
	text, _ := os.ReadFile(name) // none: nobody was here
	if err := os.WriteFile(name, []byte(me+"\n"), 0o600); err != nil {
		return errors.Join(fmt.Errorf("this gateway's folder: %w", err), f.Close())
	}
	h.lock = f
	if former := strings.TrimSpace(string(text)); former != me {
		h.former = former
	}
	return nil
}

// leave gives the folder back. The next one finds our name: we may be silent by then, but
// have said that we go.
func (h *home) leave() {
	if h.lock != nil {
		_ = h.lock.Close() // and with it goes the lock
		h.lock = nil
	}
}

// signOff says for the process before us that it goes.
func (r *Replicas) signOff(ctx context.Context) {
	if err := r.home.settle(r.me.ID); err != nil {
		if !r.homeless {
			r.log.WarnContext(ctx, "should this gateway be killed, others will wait ten minutes for it", "err", err)
		}
		r.homeless = true
		return
	}
	if r.home.former == "" {
		return
	}
	if _, err := r.store.Beat(ctx, store.Replica{ID: r.home.former}, 0); err == nil {
		r.log.InfoContext(ctx, "the gateway that ran here before is gone", "replica", r.home.former)
		r.home.former = ""
	}
}
