package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// docs/schema holds what editors are pointed at.
func TestSchemasInDocsAreThoseOfTheTypes(t *testing.T) {
	dir := filepath.Join("..", "docs", "schema")
	check := func(name string, got []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if updating() {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the types say; run go test ./config -update (%v)", path, err)
		}
	}
	for _, kind := range Kinds() {
		schema, err := Schema(kind)
		check(strings.ToLower(string(kind))+".json", schema, err)
	}
	schema, err := SchemaAll()
	check("sluice.json", schema, err)
	if _, err := Schema("Nothing"); err == nil {
		t.Error("a kind that does not exist has a schema")
	}
}

func TestEveryFieldHasADescription(t *testing.T) {
	comments, err := comments()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(at reflect.Type) {
		switch at.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			visit(at.Elem())
		case reflect.Struct:
			if seen[at] || at.PkgPath() != reflect.TypeFor[Header]().PkgPath() {
				return
			}
			seen[at] = true
			for i := range at.NumField() {
				f := at.Field(i)
				if f.Tag.Get("json") != "" && comments[at.Name()+"."+f.Name] == "" {
					t.Errorf("%s.%s has no doc comment", at.Name(), f.Name)
				}
				visit(f.Type)
			}
		}
	}
	for _, kind := range Kinds() {
		visit(reflect.TypeOf(newSpec(kind)))
	}
}

// The decoder and the schema read the same tags: what one knows, the other knows.
func TestSchemaKnowsTheFieldsOfTheDecoder(t *testing.T) {
	for _, kind := range Kinds() {
		text, err := Schema(kind)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Defs map[string]struct {
				Properties map[string]any `json:"properties"`
				Additional any            `json:"additionalProperties"`
			} `json:"$defs"`
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		spec := reflect.TypeOf(newSpec(kind)).Elem()
		definition := schema.Defs[spec.Name()]
		rules := fieldRules(spec)
		if len(definition.Properties) != len(rules) || definition.Additional != false {
			t.Errorf("%s: the schema has %d fields, the decoder %d; additional %v", kind, len(definition.Properties), len(rules), definition.Additional)
		}
		for _, r := range rules {
			if definition.Properties[r.name] == nil {
				t.Errorf("%s: the schema does not know %s", kind, r.name)
			}
		}
	}
}
