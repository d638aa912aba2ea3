package config

import (
	"strconv"
	"strings"
)

// Bounds of one document. They are far above what anybody writes, and keep a hostile one
// from costing more than a fraction of a second.
const (
	maxText   = 1 << 20
	maxTokens = 20_000
	maxDepth  = 40      // of the tree, and of brackets or markers on one line
	maxIndent = 240     // columns in front of a line's first word
	maxVisits = 100_000 // nodes decoded, aliases followed
)

// kindOf says what a node holds.
type kindOf int

const (
	aNull kindOf = iota
	aBool
	aNumber
	aText
	aList
	aMapping
)

func (k kindOf) String() string {
	return [...]string{"nothing", "true or false", "a number", "text", "a list", "a mapping"}[k]
}

// node is a document as a tree, with the position of everything in it.
type node struct {
	kind   kindOf
	text   string // of a scalar, as written
	bad    bool   // reported already; nothing more is said about it
	line   int
	column int
	items  []*node // of a list
	keys   []entry // of a mapping, in order
}

type entry struct {
	name   string
	line   int
	column int
	value  *node
}

func (n *node) get(name string) *node {
	for i := range n.keys {
		if n.keys[i].name == name {
			return n.keys[i].value
		}
	}
	return nil
}

// fault is a problem at a place, before it is known whose it is.
type fault struct {
	line, column  int
	field         string
	message, hint string
	warning       bool
}

// find returns the position of what stands at a path such as spec.backends[0].http, or of
// the nearest thing in front of it. A word is pointed at itself, anything else by its key.
func (n *node) find(path string) (line, column int) {
	line, column = n.line, n.column
	for path != "" {
		var step string
		step, path = cutStep(path)
		e, ok := n.child(step)
		if !ok {
			return line, column
		}
		line, column, n = e.line, e.column, e.value
	}
	if n.kind != aMapping && n.kind != aList && n.line > 0 {
		return n.line, n.column
	}
	return line, column
}

func (n *node) child(step string) (entry, bool) {
	if i, err := strconv.Atoi(strings.Trim(step, "[]")); err == nil && strings.HasPrefix(step, "[") {
		if i >= len(n.items) {
			return entry{}, false
		}
		item := n.items[i]
		return entry{line: item.line, column: item.column, value: item}, true
	}
	for _, e := range n.keys {
		if e.name == step {
			return e, true
		}
	}
	return entry{}, false
}

// cutStep splits "a.b[0]" into "a" and ".b[0]", and "[0].c" into "[0]" and ".c".
func cutStep(path string) (step, rest string) {
	path = strings.TrimPrefix(path, ".")
	if i := strings.IndexByte(path, ']'); i > 0 && path[0] == '[' {
		return path[:i+1], path[i+1:]
	}
	if i := strings.IndexAny(path, ".["); i > 0 {
		return path[:i], path[i:]
	}
	return path, ""
}
