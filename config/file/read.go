package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluicegate.dev/sluice/config"
)

// maxFile bounds one file. Ten thousand tenants in one file are about 10 MiB.
const maxFile = 64 << 20

// racy is how long after its last change a file may change once more without its time
// telling: clocks of file systems are coarse.
const racy = 2 * time.Second

// stamp is what a file looked like when it was read.
type stamp struct {
	info fs.FileInfo
	at   time.Time
}

func (s stamp) fresh(info fs.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) &&
		s.info.Size() == info.Size() && s.info.ModTime().Equal(info.ModTime()) &&
		s.at.Sub(info.ModTime()) > racy
}

// declared is one file of the directory.
type declared struct {
	path      string
	target    string // where it leads when it is a symbolic link
	stamp     stamp
	text      string
	parsed    []*config.Resource // without the files that they name
	resources []*config.Resource // with them
	torn      bool
	problems  config.Problems
}

// content returns the contents of a named file, and whether there are any.
type content func(path string) ([]byte, bool)

// read reads the file and tells whether it says something else now. Documents whose text
// is unchanged are taken over.
func (d *declared) read(info fs.FileInfo, known map[string]*config.Resource, named content) bool {
	d.target = target(d.path)
	text, err := readText(d.path)
	d.stamp = stamp{info: info, at: time.Now()}
	switch {
	case err != nil:
		return d.tear("cannot read: " + cause(err))
	case strings.TrimSpace(text) == "":
		return d.tear("the file is empty")
	case text == d.text && len(d.problems) == 0:
		return false
	}
	d.text, d.torn, d.problems = text, false, nil
	d.parse(known)
	d.attach(named)
	return true
}

// tear reports a file that says nothing. It changes nothing: what it declared stays.
func (d *declared) tear(message string) bool {
	problem := config.Problem{
		File: d.path, Message: message + "; what it declared before stays",
		Hint: "delete the file if that is meant",
	}
	if d.torn && len(d.problems) == 1 && d.problems[0] == problem {
		return false
	}
	d.torn, d.problems = true, config.Problems{problem}
	return true
}

// parse turns the text into resources and decodes only what is new.
func (d *declared) parse(known map[string]*config.Resource) {
	chunks := config.Split(d.text)
	found, missing := align(d.parsed, chunks)
	if len(missing) > few {
		known = byText(d.parsed, known)
	}
	var texts []string
	var places []int
	for _, i := range missing {
		if found[i] = known[chunks[i].Text]; found[i] == nil {
			texts, places = append(texts, chunks[i].Text), append(places, i)
		}
	}
	for n, r := range config.ParseAll(texts) {
		found[places[n]] = r
	}
	d.parsed = nil
	for i, r := range found {
		if r == nil {
			continue // blank
		}
		d.parsed = append(d.parsed, r.At(d.path, chunks[i].Line))
		// Whose document this is cannot be told, so nobody's may count as removed.
		d.torn = d.torn || !r.Known()
	}
}

// few is up to how many unknown documents are not looked for all over the old file.
const few = 4

// align finds the documents that stand where they stood, or up to two places away: an edit,
// and what it moved. It hashes nothing, for a file may hold ten thousand.
func align(old []*config.Resource, chunks []config.Chunk) (found []*config.Resource, missing []int) {
	found = make([]*config.Resource, len(chunks))
	next := 0
	for i, chunk := range chunks {
		for _, j := range [...]int{next, next + 1, next - 1, next + 2, next - 2} {
			if j >= 0 && j < len(old) && old[j].Text == chunk.Text {
				found[i], next = old[j], j+1
				break
			}
		}
		if found[i] == nil {
			missing = append(missing, i)
		}
	}
	return found, missing
}

func byText(old []*config.Resource, known map[string]*config.Resource) map[string]*config.Resource {
	out := make(map[string]*config.Resource, len(old)+len(known))
	maps.Copy(out, known)
	for _, r := range old {
		out[r.Text] = r
	}
	return out
}

// attach gives each resource the contents of the files that it names.
func (d *declared) attach(named content) bool {
	changed := false
	full := make([]*config.Resource, len(d.parsed))
	for i, r := range d.parsed {
		full[i] = r
		if len(r.Paths()) == 0 {
			continue
		}
		files := map[string][]byte{}
		for _, path := range r.Paths() {
			if data, ok := named(config.Resolve(filepath.Dir(d.path), path)); ok {
				files[path] = data
			}
		}
		if i < len(d.resources) && d.resources[i].Text == r.Text && d.resources[i].Line == r.Line && same(d.resources[i].Files, files) {
			full[i] = d.resources[i]
			continue
		}
		full[i] = r.With(files)
		changed = true
	}
	d.resources = full
	return changed
}

func same(a, b map[string][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for name, data := range a {
		other, ok := b[name]
		if !ok || !bytes.Equal(data, other) {
			return false
		}
	}
	return true
}

func target(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		return real
	}
	return ""
}

// readText reads a plain file. Anything else (a pipe, a device) could block for ever.
func readText(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("not a plain file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text := bytes.NewBuffer(make([]byte, 0, min(info.Size(), maxFile)+bytes.MinRead))
	n, err := text.ReadFrom(io.LimitReader(f, maxFile+1))
	if err == nil && n > maxFile {
		err = fmt.Errorf("larger than %s", config.Size(maxFile))
	}
	return text.String(), err
}
