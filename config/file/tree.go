package file

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluicegate.dev/sluice/config"
)

// Bounds of a directory.
const (
	maxDepth = 16
	maxFiles = 200_000
)

// tree is what is known of a directory: its files, and the files that they name.
type tree struct {
	root    string
	known   map[string]*config.Resource // by text, until the first scan is over
	scanned bool

	files   map[string]*declared   // by path
	order   []*declared            // the same, by path
	named   map[string]*named      // certificates and keys, by path
	dirs    map[string]fs.FileInfo // the folders of the directory itself
	torn    []string               // folders that could not be read
	notices config.Problems        // about folders
	watch   config.Problems        // about watching
}

func newTree(root string, known []*config.Resource) *tree {
	t := &tree{root: filepath.Clean(root), files: map[string]*declared{}, named: map[string]*named{}, dirs: map[string]fs.FileInfo{}}
	t.known = make(map[string]*config.Resource, len(known))
	for _, r := range known {
		t.known[r.Text] = r
	}
	return t
}

func (t *tree) unwatched(message string) {
	t.watch = config.Problems{{File: t.root, Message: message, Warning: true}}
}

// scan looks at everything and reads what changed. It tells whether anything did.
func (t *tree) scan() bool {
	w := walk{found: map[string]fs.FileInfo{}, dirs: map[string]fs.FileInfo{}}
	w.folder(t.root, 0)
	changed := !slices.Equal(w.torn, t.torn)
	t.dirs, t.torn, t.notices = w.dirs, w.torn, w.problems
	for path := range t.files {
		if _, still := w.found[path]; !still && !t.inTorn(path) {
			delete(t.files, path)
			changed = true
		}
	}
	t.parseAhead(w.found)
	for path, info := range w.found {
		changed = t.look(path, info, false) || changed
	}
	changed = t.lookNamed() || changed
	t.order = slices.SortedFunc(maps.Values(t.files), byPath)
	t.known, t.scanned = nil, true
	return changed
}

// manyFiles is from when a first reading is parsed on all processors.
const manyFiles = 32

// parseAhead parses what the first scan will read, on all processors. A file that changes in
// between is parsed when it is read.
func (t *tree) parseAhead(found map[string]fs.FileInfo) {
	if t.scanned || len(found) < manyFiles {
		return
	}
	var texts []string
	for path := range found {
		text, err := readText(path)
		if err != nil {
			continue // whoever reads it says so
		}
		for _, chunk := range config.Split(text) {
			if t.known[chunk.Text] == nil {
				texts = append(texts, chunk.Text)
			}
		}
	}
	for i, r := range config.ParseAll(texts) {
		if r != nil {
			t.known[texts[i]] = r
		}
	}
}

func (t *tree) inTorn(path string) bool {
	return slices.ContainsFunc(t.torn, func(dir string) bool {
		return strings.HasPrefix(path, dir+string(filepath.Separator))
	})
}

// refresh looks at the paths that moved. Anything but a plain file of ours (a folder, a
// symbolic link's target, a certificate) means looking at everything.
func (t *tree) refresh(paths map[string]bool) bool {
	var plain []string
	for path := range paths {
		_, inside := t.dirs[filepath.Dir(path)]
		switch {
		case inside && ours(filepath.Base(path)):
			plain = append(plain, path)
		case t.matters(path):
			return t.scan()
		}
	}
	changed := false
	for _, path := range plain {
		_, known := t.files[path]
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !isLink(path):
			changed = changed || known
			t.drop(path)
		case err != nil || info.IsDir():
			return t.scan() || changed
		default:
			changed = t.look(path, info, true) || changed
			t.keepOrder(path)
		}
	}
	return changed
}

// matters tells whether a path that is no file of ours may change what ours say: the
// directory itself, a folder, the ..data link of a ConfigMap, what a link leads to, a file
// that a document names. Other people's files in those folders do not.
func (t *tree) matters(path string) bool {
	if _, folder := t.dirs[path]; folder || isLink(path) {
		return true
	}
	leadsThrough := func(real string) bool {
		return real == path || strings.HasPrefix(real, path+string(filepath.Separator))
	}
	for named := range t.named {
		if leadsThrough(named) {
			return true
		}
	}
	for _, d := range t.files {
		if leadsThrough(d.target) {
			return true
		}
	}
	_, inside := t.dirs[filepath.Dir(path)]
	info, err := os.Stat(path)
	return leadsThrough(t.root) || (inside && err == nil && info.IsDir() && !hidden(filepath.Base(path)))
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func byPath(a, b *declared) int { return strings.Compare(a.path, b.path) }

func (t *tree) drop(path string) {
	delete(t.files, path)
	if i, ok := slices.BinarySearchFunc(t.order, &declared{path: path}, byPath); ok {
		t.order = slices.Delete(t.order, i, i+1)
	}
}

func (t *tree) keepOrder(path string) {
	if i, ok := slices.BinarySearchFunc(t.order, &declared{path: path}, byPath); !ok {
		t.order = slices.Insert(t.order, i, t.files[path])
	}
}

// look reads a file when it may have changed. Force is for one that moved for certain.
func (t *tree) look(path string, info fs.FileInfo, force bool) bool {
	d := t.files[path]
	if d == nil {
		d = &declared{path: path}
		t.files[path] = d
	} else if !force && d.stamp.fresh(info) {
		return false
	}
	return d.read(info, t.known, t.content)
}

// document puts together what was read, in the order of the paths.
func (t *tree) document() config.Document {
	doc := config.Document{
		Source:   SourceName,
		Torn:     slices.Clone(t.torn),
		Problems: slices.Concat(t.notices, t.watch),
	}
	for _, d := range t.order {
		doc.Resources = append(doc.Resources, d.resources...)
		if d.torn {
			doc.Torn = append(doc.Torn, d.path)
		}
		doc.Problems = append(doc.Problems, d.problems...)
	}
	for _, path := range slices.Sorted(maps.Keys(t.named)) {
		doc.Problems = append(doc.Problems, t.named[path].problems...)
	}
	return doc
}

// folders are those to watch, with what they looked like: our own and the one above, those
// that symbolic links lead to, and those of named files.
func (t *tree) folders() map[string]fs.FileInfo {
	out := maps.Clone(t.dirs)
	add := func(path string) {
		if dir := filepath.Dir(path); out[dir] == nil {
			out[dir] = nil
		}
	}
	add(t.root)
	for path := range t.named {
		add(path)
	}
	for _, d := range t.files {
		if d.target != "" {
			add(d.target)
		}
	}
	return out
}
