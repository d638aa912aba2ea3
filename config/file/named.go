package file

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluicegate.dev/sluice/config"
)

// maxNamed bounds a certificate or key.
const maxNamed = 1 << 20

// named is a file that a document names: a certificate, a key, an authority.
type named struct {
	stamp    stamp
	data     []byte
	problems config.Problems
}

// content reads a named file once and remembers it.
func (t *tree) content(path string) ([]byte, bool) {
	path = filepath.Clean(path)
	n := t.named[path]
	if n == nil {
		n = &named{}
		t.named[path] = n
		n.read(path)
	}
	return n.data, n.data != nil
}

// lookNamed reads the named files that changed, forgets those that nobody names any more,
// and gives the new contents to the documents.
func (t *tree) lookNamed() bool {
	used := map[string]bool{}
	for _, d := range t.files {
		for _, r := range d.parsed {
			for _, path := range r.Paths() {
				used[filepath.Clean(config.Resolve(filepath.Dir(d.path), path))] = true
			}
		}
	}
	moved := false
	for path, n := range t.named {
		if !used[path] {
			delete(t.named, path)
			continue
		}
		if info, err := os.Stat(path); err != nil || !n.stamp.fresh(info) {
			moved = n.read(path) || moved
		}
	}
	if !moved {
		return false
	}
	for _, d := range t.files {
		d.attach(t.content)
	}
	return true
}

// read tells whether there is something else in the file now. One that went away or is
// empty keeps what it held: certificates are replaced in more than one step.
func (n *named) read(path string) bool {
	data, err := readNamed(path)
	if err == nil && len(data) > 0 {
		info, statErr := os.Stat(path)
		if statErr == nil {
			n.stamp = stamp{info: info, at: time.Now()}
		}
		changed := string(n.data) != data || n.problems != nil
		n.data, n.problems = []byte(data), nil
		return changed
	}
	reported := n.problems != nil
	if n.data == nil {
		return false // the document that names it says so
	}
	message := "the file is empty"
	if err != nil {
		message = "cannot read: " + cause(err)
	}
	n.problems = config.Problems{{File: path, Message: message + "; what it held before stays"}}
	return !reported
}

func readNamed(path string) (string, error) {
	text, err := readText(path)
	if err == nil && len(text) > maxNamed {
		err = fmt.Errorf("larger than %s", config.Size(maxNamed))
	}
	return text, err
}
