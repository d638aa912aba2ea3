package config

import (
	"embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// The types describe themselves: their doc comments become the descriptions that editors
// show, in the binary too.
//
//go:embed types*.go
var sources embed.FS

// Schema returns the JSON Schema of the documents of a kind, for editors.
func Schema(kind Kind) ([]byte, error) {
	if newSpec(kind) == nil {
		return nil, fmt.Errorf("there is no kind %q", kind)
	}
	comments, err := comments()
	if err != nil {
		return nil, err
	}
	return encode(document(kind, comments))
}

// SchemaAll returns one JSON Schema for documents of every kind.
func SchemaAll() ([]byte, error) {
	comments, err := comments()
	if err != nil {
		return nil, err
	}
	all := &jsonschema.Schema{
		Version: jsonschema.Version, Title: "Sluice configuration",
		Definitions: jsonschema.Definitions{},
	}
	for _, kind := range Kinds() {
		one := document(kind, comments)
		for name, definition := range one.Definitions {
			all.Definitions[name] = definition
		}
		one.Version, one.Definitions = "", nil
		all.Definitions[string(kind)] = one
		all.OneOf = append(all.OneOf, &jsonschema.Schema{Ref: "#/$defs/" + string(kind)})
	}
	return encode(all)
}

func encode(s *jsonschema.Schema) ([]byte, error) {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	return append(data, '\n'), nil
}

// document is the schema of one kind: what all documents share, with the kind's own spec.
func document(kind Kind, comments map[string]string) *jsonschema.Schema {
	r := &jsonschema.Reflector{
		RequiredFromJSONSchemaTags: true,
		LookupComment: func(t reflect.Type, field string) string {
			return comments[strings.TrimSuffix(t.Name()+"."+field, ".")]
		},
	}
	spec := r.ReflectFromType(reflect.TypeOf(newSpec(kind)).Elem())
	header := r.ReflectFromType(reflect.TypeFor[Header]())
	s := header.Definitions["Header"]
	for name, definition := range header.Definitions {
		if name != "Header" {
			spec.Definitions[name] = definition
		}
	}
	s.Properties.Set("spec", &jsonschema.Schema{Ref: spec.Ref})
	if property, ok := s.Properties.Get("kind"); ok {
		property.Const = string(kind)
	}
	s.Required = append(s.Required, "spec")
	if kind != KindInstall {
		s.Required = append(s.Required, "metadata")
	}
	s.Version, s.Title, s.Definitions = jsonschema.Version, string(kind), spec.Definitions
	s.Description = comments[reflect.TypeOf(newSpec(kind)).Elem().Name()]
	return s
}

// comments finds the doc comments of the types and their fields.
func comments() (map[string]string, error) {
	out := map[string]string{}
	files, err := fs.Glob(sources, "types*.go")
	if err != nil {
		return nil, fmt.Errorf("find types: %w", err)
	}
	for _, name := range files {
		text, err := sources.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read types: %w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parse types: %w", err)
		}
		for _, declaration := range file.Decls {
			addComments(out, declaration)
		}
	}
	return out, nil
}

func addComments(out map[string]string, declaration ast.Decl) {
	d, ok := declaration.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, spec := range d.Specs {
		named, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		out[named.Name.Name] = sentence(d.Doc, named.Name.Name)
		if object, ok := named.Type.(*ast.StructType); ok {
			for _, field := range object.Fields.List {
				for _, name := range field.Names {
					out[named.Name.Name+"."+name.Name] = sentence(field.Doc, name.Name)
				}
			}
		}
	}
}

// sentence is the comment on one line. "Name is the ..." loses its Go name, which people who
// edit YAML do not know.
func sentence(group *ast.CommentGroup, goName string) string {
	text := strings.Join(strings.Fields(group.Text()), " ")
	for _, verb := range []string{" is ", " are "} {
		if rest, ok := strings.CutPrefix(text, goName+verb); ok && rest != "" {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return text
}
