package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	fileName   = "audit.log"
	rotateAt   = 16 << 20 // bytes; the file before is kept under the number of its first record
	longestRow = 1 << 20
)

// ErrBroken means that the log on the disk is not what was written.
var ErrBroken = errors.New("the audit log was changed by somebody else")

// Log is the audit log of one gateway.
type Log struct {
	dir  string
	now  func() time.Time
	full int64 // a file that has so many bytes is put aside

	mu   sync.Mutex
	last Record // zero: there is none
	size int64
}

// Open reads how the log ends. A last line that a crash left half written is cut: its change
// was never made. A log that is damaged otherwise is an error, and nothing is changed.
func Open(dir string) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	l := &Log{dir: dir, now: time.Now, full: rotateAt}
	files, err := l.files()
	if err != nil {
		return nil, err
	}
	for _, file := range slices.Backward(files) {
		if err := l.resume(file); err != nil {
			return nil, err
		}
		if l.last.Sequence > 0 {
			break
		}
	}
	return l, nil
}

// resume takes the last record of a file, and cuts what stands behind it.
func (l *Log) resume(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	if whole < len(text) {
		if err := os.Truncate(file, int64(whole)); err != nil {
			return fmt.Errorf("audit log: %w", err)
		}
		text = text[:whole]
	}
	if filepath.Base(file) == fileName {
		l.size = int64(whole)
	}
	if whole == 0 {
		return nil
	}
	row := text[bytes.LastIndexByte(text[:whole-1], '\n')+1 : whole-1]
	if err := json.Unmarshal(row, &l.last); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBroken, file, err)
	}
	return nil
}

// Append writes a record and returns it with its number and hash. When it returns the record
// is on the disk; with an error it counts as not written.
func (l *Log) Append(r Record) (Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Sequence, r.Previous, r.At = l.last.Sequence+1, l.last.Hash, l.now().UTC()
	r, err := r.sealed()
	if err != nil {
		return r, fmt.Errorf("audit log: %w", err)
	}
	if err := l.rotate(); err != nil {
		return r, err
	}
	if err := l.write(r); err != nil {
		return r, fmt.Errorf("audit log: %w", err)
	}
	l.last = r
	return r, nil
}

// write appends one row. One that failed half way is cut off again.
func (l *Log) write(r Record) error {
	row, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := l.open()
	if err != nil {
		return err
	}
	_, err = f.WriteAt(append(row, '\n'), l.size)
	if err == nil {
		err = f.Sync()
	}
	if err == nil && l.size == 0 {
		err = l.syncFolder()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(l.size), f.Close())
	}
	l.size += int64(len(row)) + 1
	return f.Close()
}

// open opens the newest file as we left it. When somebody has moved it away a new one goes on
// with the chain; one that was changed is left as it is, and nothing more is written.
func (l *Log) open() (*os.File, error) {
	name := filepath.Join(l.dir, fileName)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.Size() == 0:
		l.size = 0
		return f, nil
	case info.Size() != l.size:
		err = fmt.Errorf("%w: %s has %d bytes, not %d; keep it as evidence, move it away, and go on", ErrBroken, name, info.Size(), l.size)
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// syncFolder makes a new file's name outlive a crash.
func (l *Log) syncFolder() error {
	d, err := os.Open(l.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// rotate puts a file that is full aside. The chain goes on in the next.
func (l *Log) rotate() error {
	if l.size < l.full {
		return nil
	}
	aside := filepath.Join(l.dir, fmt.Sprintf("audit.%020d.log", l.last.Sequence))
	if err := os.Rename(filepath.Join(l.dir, fileName), aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("audit log: %w", err)
	}
	l.size = 0
	return nil
}

// files are those of the log, oldest first.
func (l *Log) files() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(l.dir, "audit.*.log"))
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	slices.Sort(files)
	if _, err := os.Stat(filepath.Join(l.dir, fileName)); !errors.Is(err, fs.ErrNotExist) {
		files = append(files, filepath.Join(l.dir, fileName))
	}
	return files, nil
}

// Query says which records are asked for.
type Query struct {
	Wanted func(Record) bool // nil: all
	Since  time.Time
	Limit  int
}

// Read returns records, newest first.
func (l *Log) Read(q Query) ([]Record, error) {
	var found []Record
	err := l.each(func(r Record) error {
		if r.At.After(q.Since) && (q.Wanted == nil || q.Wanted(r)) {
			found = append(found, r)
		}
		if most := 2 * q.Limit; q.Limit > 0 && len(found) > most {
			found = slices.Clone(found[len(found)-q.Limit:])
		}
		return nil
	})
	slices.Reverse(found)
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found, err
}

// Verify walks the chain and says at which record it breaks.
func (l *Log) Verify() (records int, err error) {
	var before Record
	err = l.each(func(r Record) error {
		sum, err := r.sum()
		switch {
		case err != nil:
			return err
		case sum != r.Hash:
			return fmt.Errorf("%w: record %d of %s says something else than was written", ErrBroken, r.Sequence, r.At.Format(time.RFC3339))
		case records > 0 && (r.Previous != before.Hash || r.Sequence != before.Sequence+1):
			return fmt.Errorf("%w: between record %d and record %d", ErrBroken, before.Sequence, r.Sequence)
		case records == 0 && r.Sequence == 1 && r.Previous != "":
			return fmt.Errorf("%w: there was a record before the first", ErrBroken)
		}
		before = r
		records++
		return nil
	})
	return records, err
}

// each reads every record, oldest first.
func (l *Log) each(do func(Record) error) error {
	files, err := l.files()
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := eachOf(file, do); err != nil {
			return err
		}
	}
	return nil
}

func eachOf(file string, do func(Record) error) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	defer f.Close()
	rows := bufio.NewReaderSize(io.LimitReader(f, 2*rotateAt+longestRow), 64<<10)
	for {
		row, err := rows.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil // what has no end is being written
		}
		if err != nil {
			return fmt.Errorf("audit log: %w", err)
		}
		var r Record
		if err := json.Unmarshal([]byte(strings.TrimSpace(row)), &r); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrBroken, file, err)
		}
		if err := do(r); err != nil {
			return err
		}
	}
}
