package file

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluicegate.dev/sluice/config"
)

// walk finds the files of a directory. Symbolic links are followed, because that is how
// Kubernetes and configuration tools swap whole directories.
type walk struct {
	found    map[string]fs.FileInfo
	dirs     map[string]fs.FileInfo
	above    []fs.FileInfo // the folders that we are in, against loops
	torn     []string
	problems config.Problems
}

func (w *walk) folder(dir string, depth int) {
	info, err := os.Stat(dir)
	var entries []fs.DirEntry
	if err == nil {
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		w.fail(dir, "cannot read this folder: %s; what it declared before stays", cause(err))
		return
	}
	if depth > maxDepth || w.isAbove(info) {
		w.fail(dir, "folders are nested too deeply, or in a loop")
		return
	}
	w.dirs[dir] = info
	w.above = append(w.above, info)
	for _, entry := range entries {
		w.entry(filepath.Join(dir, entry.Name()), entry, depth)
	}
	w.above = w.above[:len(w.above)-1]
}

func (w *walk) isAbove(info fs.FileInfo) bool {
	for _, dir := range w.above {
		if os.SameFile(dir, info) {
			return true
		}
	}
	return false
}

func (w *walk) entry(path string, entry fs.DirEntry, depth int) {
	name := entry.Name()
	if hidden(name) {
		return
	}
	linked := entry.Type()&fs.ModeSymlink != 0
	if !entry.IsDir() && !linked && !ours(name) {
		return
	}
	info, err := os.Stat(path)
	switch {
	case err != nil && ours(name):
		// A link that leads nowhere, or a file that went away since: the latter is no fault.
		if linked {
			w.fail(path, "cannot read: %s; what it declared before stays", cause(err))
		}
	case err != nil:
	case info.IsDir():
		w.folder(path, depth+1)
	case ours(name) && len(w.found) < maxFiles:
		w.found[path] = info
	case ours(name):
		w.fail(filepath.Dir(path), "more than %d files", maxFiles)
	}
}

func (w *walk) fail(path, format string, args ...any) {
	w.torn = append(w.torn, path)
	w.problems = append(w.problems, config.Problem{File: path, Message: fmt.Sprintf(format, args...)})
}

// hidden knows what editors, version control and Kubernetes make for themselves.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~")
}

// ours knows the files that declare something.
func ours(name string) bool {
	if hidden(name) {
		return false
	}
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// cause drops the operation and path that the report has already.
func cause(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}
