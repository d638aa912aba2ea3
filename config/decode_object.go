package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// fieldRule is one field of a document type: its name and what the jsonschema tag says of
// it. The same tag makes the JSON Schema, so editors and the gateway cannot disagree.
type fieldRule struct {
	name  string
	index []int
	tag   string
}

func (r fieldRule) required() bool { return strings.HasPrefix(r.tag, "required") }

// bounds reads the rest of the tag, for a field that is given.
func (r fieldRule) bounds() (enum []string, minimum, maximum *float64) {
	for word := range strings.SplitSeq(r.tag, ",") {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "enum":
			enum = append(enum, value)
		case "minimum":
			minimum = number(value)
		case "maximum":
			maximum = number(value)
		}
	}
	return enum, minimum, maximum
}

func (d *decoder) object(n *node, into reflect.Value, field string) {
	if n.kind != aMapping {
		d.fail(n, field, "", "want a mapping, got %s", describe(n))
		return
	}
	rules := fieldRules(into.Type())
	for _, key := range n.keys {
		where := join(field, key.name)
		i := slices.IndexFunc(rules, func(r fieldRule) bool { return r.name == key.name })
		if i < 0 {
			d.failAt(key.line, key.column, where, didYouMean(key.name, names(rules)), "unknown field")
			continue
		}
		before := len(d.faults)
		value := into.FieldByIndex(rules[i].index)
		d.decode(key.value, value, where)
		if len(d.faults) == before {
			d.check(key.value, value, rules[i], where)
		}
	}
	for _, r := range rules {
		if !r.required() {
			continue
		}
		if v := n.get(r.name); v == nil || isEmpty(v) {
			d.missing(n, v, join(field, r.name))
		}
	}
}

func isEmpty(n *node) bool {
	return !n.bad && (n.kind == aNull || (n.kind == aText && n.text == "") || (n.kind == aList && len(n.items) == 0))
}

func (d *decoder) missing(parent, value *node, field string) {
	if value == nil {
		value = parent
	}
	d.fail(value, field, "", "is required")
}

// check holds the tag's bounds against a value that decoded well.
func (d *decoder) check(n *node, value reflect.Value, r fieldRule, field string) {
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return
		}
		value = value.Elem()
	}
	if r.tag == "" || n.kind == aNull {
		return
	}
	enum, minimum, maximum := r.bounds()
	v := 0.0
	switch value.Kind() {
	case reflect.String:
		if text := value.String(); text != "" && enum != nil && !slices.Contains(enum, text) {
			d.fail(n, field, nearest(text, enum), "want one of %s, got %q", strings.Join(enum, ", "), shorten(text))
		}
		return
	case reflect.Int:
		v = float64(value.Int())
	case reflect.Float64:
		v = value.Float()
	}
	if minimum != nil && v < *minimum {
		d.fail(n, field, "", "want at least %v, got %s", *minimum, n.text)
	}
	if maximum != nil && v > *maximum {
		d.fail(n, field, "", "want at most %v, got %s", *maximum, n.text)
	}
}

// fieldRules lists the fields of a struct, those of embedded structs with it.
func fieldRules(t reflect.Type) []fieldRule {
	return appendRules(make([]fieldRule, 0, 16), t, nil)
}

func appendRules(out []fieldRule, t reflect.Type, above []int) []fieldRule {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clip(above), i)
		if f.Anonymous {
			out = appendRules(out, f.Type, index)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			out = append(out, fieldRule{name: name, index: index, tag: f.Tag.Get("jsonschema")})
		}
	}
	return out
}

func number(text string) *float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return &f
}

func names(rules []fieldRule) []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.name
	}
	return out
}
