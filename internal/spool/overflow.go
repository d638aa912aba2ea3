package spool

import (
	"fmt"
	"os"
)

// overflow is the part of a pipe that memory did not hold: a file that is written at one
// end and read at the other, and begins anew whenever all of it was read. The pipe's lock
// guards it; a write goes to the page cache, so the lock is held for a copy at most.
type overflow struct {
	space    *Space
	file     *os.File
	from, to int64
	broken   bool // the disk refused once; memory alone from then on
}

func (o *overflow) unread() int64 { return o.to - o.from }

// write appends b, or says that it cannot.
func (o *overflow) write(b []byte) bool {
	n := int64(len(b))
	if o.broken || o.to+n > o.space.cfg.PipeDisk || !o.space.disk.take(n) {
		return false
	}
	if err := o.append(b); err != nil {
		o.space.disk.give(n)
		o.broken = true // the caller waits for memory instead
		return false
	}
	o.to += n
	return true
}

func (o *overflow) append(b []byte) error {
	if o.file == nil {
		file, err := o.space.newFile()
		if err != nil {
			return err
		}
		o.file = file
		o.space.metrics.spilled.Inc()
	}
	_, err := o.file.WriteAt(b, o.to)
	return err
}

// read takes the next bytes. When none are left, the file is emptied.
func (o *overflow) read(p []byte) (int, error) {
	if left := o.unread(); int64(len(p)) > left {
		p = p[:left]
	}
	n, err := o.file.ReadAt(p, o.from)
	o.from += int64(n)
	if n == 0 {
		return 0, fmt.Errorf("read spool file: %w", err)
	}
	if o.unread() == 0 {
		o.reset()
	}
	return n, nil
}

func (o *overflow) reset() {
	o.space.disk.give(o.to)
	o.from, o.to = 0, 0
	if err := o.file.Truncate(0); err != nil {
		o.broken = true // what it still holds is not counted; do not let it grow
	}
}

func (o *overflow) close() {
	o.space.disk.give(o.to)
	o.from, o.to = 0, 0
	if o.file != nil {
		_ = o.file.Close() // nothing of it is wanted any more
		o.file = nil
	}
}
