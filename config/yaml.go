package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseTree reads one YAML document. A nil tree without faults is an empty document.
func parseTree(text string) (*node, []fault) {
	if len(text) > maxText {
		return nil, []fault{{line: 1, column: 1, message: fmt.Sprintf("document is larger than %s", Size(maxText))}}
	}
	tokens := lexer.Tokenize(text)
	if f := boundTokens(tokens); f != nil {
		return nil, []fault{*f}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, []fault{syntaxFault(err)}
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, nil
	}
	if len(file.Docs) > 1 {
		return nil, []fault{{line: 1, column: 1, message: "more than one document", hint: `put "---" at the start of a line between them`}}
	}
	t := treeBuilder{anchors: map[string]*node{}}
	root := t.build(file.Docs[0].Body, 0)
	return root, t.faults
}

func syntaxFault(err error) fault {
	f := fault{line: 1, column: 1, message: "not valid YAML: " + firstLine(err.Error())}
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return f
	}
	f.message = "not valid YAML: " + firstLine(ye.GetMessage())
	if tk := ye.GetToken(); tk != nil && tk.Position != nil {
		f.line, f.column = tk.Position.Line, tk.Position.Column
	}
	switch {
	case strings.Contains(f.message, "cannot start any token"):
		f.hint = "indent with spaces, not tabs"
	case strings.Contains(f.message, "reserved character"):
		f.hint = "put the value in quotes"
	}
	return f
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// boundTokens refuses what would make the parser, which recurses and compares, run long.
// Nesting grows only by brackets, by markers on one line, or by indentation.
func boundTokens(tokens token.Tokens) *fault {
	if len(tokens) > maxTokens {
		return &fault{line: 1, column: 1, message: fmt.Sprintf("document has more than %d words", maxTokens)}
	}
	brackets, line, markers := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			line, markers = tk.Position.Line, 0
			if tk.Position.Column > maxIndent && brackets == 0 {
				return at(tk, "nested too deeply")
			}
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType, token.AnchorType, token.TagType:
			if brackets == 0 {
				markers++
			}
		}
		if brackets > maxDepth || markers > maxDepth {
			return at(tk, "nested too deeply")
		}
	}
	return nil
}

func at(tk *token.Token, format string, args ...any) *fault {
	return &fault{line: tk.Position.Line, column: tk.Position.Column, message: fmt.Sprintf(format, args...)}
}

// treeBuilder turns the parser's tree into ours. Aliases share the node they name, so they
// cost nothing here; decoding counts its visits.
type treeBuilder struct {
	anchors map[string]*node
	faults  []fault
}

func (t *treeBuilder) fail(tk *token.Token, hint, format string, args ...any) {
	f := at(tk, format, args...)
	f.hint = hint
	t.faults = append(t.faults, *f)
}

func (t *treeBuilder) build(n ast.Node, depth int) *node {
	tk := n.GetToken()
	out := &node{line: tk.Position.Line, column: tk.Position.Column}
	if depth > maxDepth {
		t.fail(tk, "", "nested too deeply")
		out.bad = true
		return out
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		t.mapping(out, v.Values, depth)
	case *ast.MappingValueNode:
		t.mapping(out, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		out.kind = aList
		for _, item := range v.Values {
			out.items = append(out.items, t.build(item, depth+1))
		}
	case *ast.AnchorNode:
		built := t.build(v.Value, depth+1)
		t.anchors[v.Name.GetToken().Value] = built
		return built
	case *ast.AliasNode:
		return t.alias(v)
	default:
		t.scalar(out, n)
	}
	return out
}

// alias finds the node that an alias names. An alias inside its own anchor finds nothing:
// the anchor is not known before it is complete.
func (t *treeBuilder) alias(v *ast.AliasNode) *node {
	name := v.Value.GetToken().Value
	if target, ok := t.anchors[name]; ok {
		return target
	}
	tk := v.GetToken()
	t.fail(tk, fmt.Sprintf(`write "*%s" in quotes`, name), "a word that starts with * is an alias in YAML, and nothing is called %q", name)
	return &node{line: tk.Position.Line, column: tk.Position.Column, bad: true}
}

func (t *treeBuilder) scalar(out *node, n ast.Node) {
	tk := n.GetToken()
	out.text = tk.Value
	switch v := n.(type) {
	case *ast.NullNode:
		out.kind = aNull
	case *ast.BoolNode:
		out.kind = aBool
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.kind = aNumber
	case *ast.StringNode:
		out.kind, out.text = aText, v.Value
	case *ast.LiteralNode:
		out.kind, out.text = aText, v.Value.Value
	case *ast.TagNode:
		t.fail(tk, "leave it out", "tags such as %s are not used here", tk.Value)
		out.bad = true
	default:
		t.fail(tk, "", "this form of YAML is not used here")
		out.bad = true
	}
}

func (t *treeBuilder) mapping(out *node, values []*ast.MappingValueNode, depth int) {
	out.kind = aMapping
	seen := make(map[string]int, len(values))
	merged := false
	for i, v := range values {
		key := v.Key.GetToken()
		if i == 0 && out.line == key.Position.Line {
			out.column = min(out.column, key.Position.Column)
		}
		if v.Key.IsMergeKey() {
			t.merge(out, v, depth)
			merged = true
			continue
		}
		if _, complex := v.Key.(*ast.MappingKeyNode); complex {
			t.fail(key, "write the key in front of the colon", "keys after a question mark are not used here")
			continue
		}
		if line, dup := seen[key.Value]; dup {
			t.fail(key, "", "%q is here a second time; it was first on line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Position.Line
		value := t.build(v.Value, depth+1)
		e := entry{name: key.Value, line: key.Position.Line, column: key.Position.Column, value: value}
		if merged {
			out.replace(e)
		} else {
			out.keys = append(out.keys, e)
		}
	}
}

// replace adds a key, or takes the place of one that a merge put there.
func (n *node) replace(e entry) {
	for i := range n.keys {
		if n.keys[i].name == e.name {
			n.keys[i] = e
			return
		}
	}
	n.keys = append(n.keys, e)
}

// merge is "<<: *other": what the mapping does not say itself.
func (t *treeBuilder) merge(out *node, v *ast.MappingValueNode, depth int) {
	from := t.build(v.Value, depth+1)
	parts := []*node{from}
	if from.kind == aList {
		parts = from.items
	}
	for _, part := range parts {
		if part.kind != aMapping {
			t.fail(v.Key.GetToken(), "", "<< wants a mapping, got %s", part.kind)
			return
		}
		for _, e := range part.keys {
			if out.get(e.name) == nil {
				out.keys = append(out.keys, e)
			}
		}
	}
}
