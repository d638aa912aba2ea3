package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"sluicegate.dev/sluice/internal/store"
)

// Local keeps a copy of every record on this node's disk: one file each, written whole.
type Local struct{ dir string }

const localEnd = ".record"

// OpenLocal makes the folder, and removes what a crash left half written.
func OpenLocal(dir string) (*Local, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("copy of runtime decisions: %w", err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".new-*"))
	for _, file := range left {
		_ = os.Remove(file) // or it stays: it is never read
	}
	return &Local{dir}, nil
}

// read returns all copies, still sealed, and why some could not be read.
func (l *Local) read() (all []store.Record, err error) {
	files, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("copy of runtime decisions: %w", err)
	}
	var problems []error
	for _, file := range files {
		kind, name, ok := parseLocal(file.Name())
		if !ok || file.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(l.dir, file.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("copy of runtime decisions: %w", err))
			continue
		}
		all = append(all, store.Record{Kind: kind, Name: name, Value: text})
	}
	return all, errors.Join(problems...)
}

// write replaces a copy. When it returns the copy is on the disk.
func (l *Local) write(kind, name string, text []byte) error {
	if err := l.replace(localName(kind, name), text); err != nil {
		return fmt.Errorf("copy of runtime decisions on %s %s: %w", kind, name, err)
	}
	return nil
}

func (l *Local) replace(file string, text []byte) error {
	temp, err := os.CreateTemp(l.dir, ".new-*") // mode 0600
	if err != nil {
		return err //nolint:wrapcheck // wrapped above
	}
	defer func() { _ = os.Remove(temp.Name()) }() // renamed by then, or of no use
	_, err = temp.Write(text)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err //nolint:wrapcheck // wrapped above
	}
	if err := os.Rename(temp.Name(), filepath.Join(l.dir, file)); err != nil {
		return err //nolint:wrapcheck // wrapped above
	}
	return syncFolder(l.dir)
}

func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err //nolint:wrapcheck // wrapped above
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func localName(kind, name string) string { return kind + "." + url.PathEscape(name) + localEnd }

func parseLocal(file string) (kind, name string, ok bool) {
	text, ours := strings.CutSuffix(file, localEnd)
	kind, escaped, ok := strings.Cut(text, ".")
	name, err := url.PathUnescape(escaped)
	return kind, name, ours && ok && err == nil && name != ""
}
