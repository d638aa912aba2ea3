package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Resource is one document of a file: what it says, and where it stands. It is immutable.
type Resource struct {
	File string
	Line int // of the document's first line in the file
	Text string

	Kind   Kind
	Name   string
	Spec   any               // *TenantSpec, *PoolSpec, ... as the kind says; nil when there is none
	Files  map[string][]byte // contents of the files that the spec names, by the path as written
	Digest string            // of what it means: kind, name, spec and files, not comments

	paths  []string
	faults []fault // positions are relative to Text
}

// Document is what one source has read. Where two resources declare the same name the first
// stays.
type Document struct {
	Source    string // its name; a later document of the same source replaces this one
	Resources []*Resource
	// Torn lists the files and folders that could not be read in full. What is missing from
	// them is not gone: it stays as it was.
	Torn     []string
	Problems Problems // what has no resource to stand at
}

// Parse reads the documents of one file.
func Parse(file, text string) []*Resource {
	var out []*Resource
	for _, c := range Split(text) {
		if r := ParseOne(c.Text); r != nil {
			out = append(out, r.At(file, c.Line))
		}
	}
	return out
}

// Chunk is the text of one document in a file.
type Chunk struct {
	Line int
	Text string
}

// Split cuts a file at its "---" lines, before anything is parsed: one broken document
// leaves its neighbours alone, and an unchanged one is known by its text. YAML allows no
// such line inside a document.
func Split(text string) []Chunk {
	text = strings.TrimPrefix(text, "\ufeff")
	var out []Chunk
	start, startLine, line := 0, 1, 1
	for i := 0; i < len(text); line++ {
		end := len(text)
		if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
			end = i + n + 1
		}
		if isMarker(text[i:end]) {
			out = append(out, Chunk{Line: startLine, Text: text[start:i]})
			// What follows the marker on its line belongs to the document.
			start, startLine = i+3, line
		}
		i = end
	}
	return append(out, Chunk{Line: startLine, Text: text[start:]})
}

// isMarker knows "---" and "...", which end a document.
func isMarker(line string) bool {
	if !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "...") {
		return false
	}
	return len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0
}

// ParseOne reads one document. It is nil when there is none: nothing, or only comments.
func ParseOne(text string) *Resource {
	if isBlank(text) {
		return nil
	}
	root, faults := parseTree(text)
	if root == nil && len(faults) == 0 {
		return nil
	}
	r := &Resource{Text: text, Line: 1, faults: faults}
	if root != nil {
		r.decode(root)
	}
	r.Digest = r.digest()
	return r
}

// isBlank knows chunks of nothing but blank lines, comments and directives.
func isBlank(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

// envelope is what every document looks like; the spec's type depends on the kind.
type envelope struct {
	Header
	Spec any `json:"spec"`
}

func (r *Resource) decode(root *node) {
	var e envelope
	d := &decoder{}
	d.object(root, reflect.ValueOf(&e).Elem(), "")
	r.Kind, r.Name = Kind(e.Kind), e.Metadata.Name
	r.Spec = newSpec(r.Kind)
	if r.Spec == nil && e.Kind != "" {
		kind := root.get("kind")
		d.fail(kind, "kind", didYouMean(e.Kind, kindNames()), "there is no kind %q", shorten(e.Kind))
	}
	if r.Spec != nil {
		d.spec(root, r.Spec)
		c := checker{root: root, d: d}
		c.check(r)
	}
	eachPath(reflect.ValueOf(r.Spec), func(p *Path) { r.paths = append(r.paths, string(*p)) })
	r.faults = bounded(append(r.faults, d.faults...))
}

// eachPath visits every file that a spec names.
func eachPath(v reflect.Value, visit func(*Path)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			eachPath(v.Elem(), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachPath(v.Field(i), visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachPath(v.Index(i), visit)
		}
	case reflect.String:
		if v.CanAddr() && v.String() != "" {
			if p, ok := v.Addr().Interface().(*Path); ok {
				visit(p)
			}
		}
	}
}

func (d *decoder) spec(root *node, spec any) {
	n := root.get("spec")
	if n == nil || n.kind == aNull {
		d.missing(root, n, "spec")
		return
	}
	d.object(n, reflect.ValueOf(spec).Elem(), "spec")
}

func kindNames() []string {
	var out []string
	for _, k := range Kinds() {
		out = append(out, string(k))
	}
	return out
}

// maxFaults bounds the report on one document.
const maxFaults = 50

func bounded(faults []fault) []fault {
	if len(faults) <= maxFaults {
		return faults
	}
	rest := len(faults) - maxFaults
	last := faults[maxFaults-1]
	last.message, last.hint, last.field = fmt.Sprintf("and %d more problems", rest+1), "", ""
	return append(slices.Clip(faults[:maxFaults-1]), last)
}

// At returns the resource as it stands in a file.
func (r *Resource) At(file string, line int) *Resource {
	if r.File == file && r.Line == line {
		return r
	}
	moved := *r
	moved.File, moved.Line = file, line
	return &moved
}

// Paths lists the files that the spec names, as written.
func (r *Resource) Paths() []string { return r.paths }

// With returns the resource with the contents of the files that it names. One that is
// missing has none: compiling will say so.
func (r *Resource) With(files map[string][]byte) *Resource {
	full := *r
	full.Files = files
	full.Digest = full.digest()
	return &full
}

// Known tells whether the document could be read far enough to know what it declares.
func (r *Resource) Known() bool {
	return r.Spec != nil && (r.Name != "" || r.Kind == KindInstall)
}

// Broken tells whether the document may not be used as it is.
func (r *Resource) Broken() bool {
	return slices.ContainsFunc(r.faults, func(f fault) bool { return !f.warning })
}

// digest covers what the document means, so that a comment changes nothing.
func (r *Resource) digest() string {
	h := sha256.New()
	spec, err := json.Marshal(r.Spec)
	if err != nil || r.Broken() {
		spec = []byte(r.Text)
	}
	fmt.Fprintf(h, "%s\x00%s\x00%d\x00", r.Kind, r.Name, len(spec))
	h.Write(spec)
	for _, path := range slices.Sorted(maps.Keys(r.Files)) {
		fmt.Fprintf(h, "\x00%s\x00%d\x00", path, len(r.Files[path]))
		h.Write(r.Files[path])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Label names the resource in reports: "Tenant acme".
func (r *Resource) Label() string {
	return strings.TrimSpace(string(r.Kind) + " " + r.Name)
}

// Problems are the resource's own: what can be known without looking at any other.
func (r *Resource) Problems() Problems {
	var out Problems
	for _, f := range r.faults {
		out = append(out, r.place(f))
	}
	return out
}

func (r *Resource) place(f fault) Problem {
	return Problem{
		File: r.File, Line: r.Line + f.line - 1, Column: f.column, Resource: printable(r.Label()),
		Field: printable(f.field), Message: printable(f.message), Hint: printable(f.hint), Warning: f.warning,
	}
}

// printable escapes what would move the cursor of a terminal or start a line of a log: the
// words of a broken document end up in both.
func printable(s string) string {
	if strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0 && utf8.ValidString(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// problem is one that only shows among other resources. Its position is looked up by
// parsing once more: nearly every document has none, so nothing is kept for it.
func (r *Resource) problem(field, hint, format string, args ...any) Problem {
	f := fault{line: 1, column: 1, field: field, hint: hint, message: fmt.Sprintf(format, args...)}
	if root, _ := parseTree(r.Text); root != nil {
		f.line, f.column = root.find(field)
	}
	return r.place(f)
}

func (r *Resource) warning(field, hint, format string, args ...any) Problem {
	p := r.problem(field, hint, format, args...)
	p.Warning = true
	return p
}
