package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// decoder fills a Go value from a tree and collects every problem on the way.
type decoder struct {
	faults  []fault
	skipped []string // fields whose node was bad
	visits  int
}

func (d *decoder) fail(n *node, field, hint, format string, args ...any) {
	d.failAt(n.line, n.column, field, hint, format, args...)
}

func (d *decoder) failAt(line, column int, field, hint, format string, args ...any) {
	d.faults = append(d.faults, fault{
		line: line, column: column, field: field, hint: hint, message: fmt.Sprintf(format, args...),
	})
}

// decode fills into from n. What is wrong stays at its zero value.
func (d *decoder) decode(n *node, into reflect.Value, field string) {
	if d.exhausted(n, field) {
		return
	}
	if n == nil || n.bad {
		d.skipped = append(d.skipped, field)
		return
	}
	if n.kind == aNull {
		return
	}
	if s, ok := into.Addr().Interface().(scalar); ok {
		d.scalar(n, s, field)
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.decode(n, into.Elem(), field)
	case reflect.Struct:
		d.object(n, into, field)
	case reflect.Map:
		d.mapping(n, into, field)
	case reflect.Slice:
		d.list(n, into, field)
	default:
		d.basic(n, into, field)
	}
}

// exhausted counts the visit of a node, and tells whether there were too many: aliases that
// name aliases grow without bound.
func (d *decoder) exhausted(n *node, field string) bool {
	d.visits++
	if d.visits == maxVisits+1 && n != nil {
		d.fail(n, field, "", "aliases unfold to more than %d values", maxVisits)
	}
	return d.visits > maxVisits
}

func (d *decoder) scalar(n *node, s scalar, field string) {
	if n.kind == aMapping || n.kind == aList {
		d.fail(n, field, "", "want %s, got %s", s.want(), n.kind)
		return
	}
	if err := s.parse(n.text); err != nil {
		d.fail(n, field, "", "want %s, got %q", s.want(), shorten(n.text))
	}
}

func (d *decoder) list(n *node, into reflect.Value, field string) {
	if n.kind != aList {
		d.fail(n, field, listHint(n), "want a list, got %s", describe(n))
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		where := field + "[" + strconv.Itoa(i) + "]"
		if item.kind == aNull && !item.bad {
			d.fail(item, where, "", "is empty")
			continue
		}
		d.decode(item, into.Index(i), where)
	}
}

func listHint(n *node) string {
	if n.kind == aMapping {
		return ""
	}
	return fmt.Sprintf("write [%s]", shorten(n.text))
}

func (d *decoder) mapping(n *node, into reflect.Value, field string) {
	if n.kind != aMapping {
		d.fail(n, field, "", "want a mapping, got %s", describe(n))
		return
	}
	into.Set(reflect.MakeMapWithSize(into.Type(), len(n.keys)))
	for _, key := range n.keys {
		value := reflect.New(into.Type().Elem()).Elem()
		if value.Kind() == reflect.Interface {
			if raw := d.raw(key.value, join(field, key.name)); raw != nil {
				value.Set(reflect.ValueOf(raw))
			}
		} else {
			d.decode(key.value, value, join(field, key.name))
		}
		into.SetMapIndex(reflect.ValueOf(key.name).Convert(into.Type().Key()), value)
	}
}

// raw keeps a value as written, in the types that encoding/json uses.
func (d *decoder) raw(n *node, field string) any {
	if d.exhausted(n, field) {
		return nil
	}
	switch n.kind {
	case aMapping:
		out := make(map[string]any, len(n.keys))
		for _, key := range n.keys {
			out[key.name] = d.raw(key.value, field)
		}
		return out
	case aList:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = d.raw(item, field)
		}
		return out
	case aBool:
		return strings.EqualFold(n.text, "true")
	case aNumber:
		return rawNumber(n.text)
	case aText:
		return n.text
	default:
		return nil
	}
}

func rawNumber(text string) any {
	if i, err := strconv.ParseInt(text, 0, 64); err == nil {
		return i
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return text
}

func (d *decoder) basic(n *node, into reflect.Value, field string) {
	switch into.Kind() {
	case reflect.String:
		d.text(n, into, field)
	case reflect.Bool:
		if n.kind != aBool {
			d.fail(n, field, "", "want true or false, got %s", describe(n))
			return
		}
		into.SetBool(strings.EqualFold(n.text, "true"))
	case reflect.Int:
		i, err := strconv.Atoi(n.text)
		if n.kind != aNumber || err != nil {
			d.fail(n, field, "", "want a whole number, got %s", describe(n))
			return
		}
		into.SetInt(int64(i))
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.text, 64)
		if (n.kind != aNumber) || err != nil || f != f {
			d.fail(n, field, "", "want a number, got %s", describe(n))
			return
		}
		into.SetFloat(f)
	}
}

// text wants text that is text in YAML too: 18.0 without quotes is a number, and would
// lose its zero in the next tool that reads it.
func (d *decoder) text(n *node, into reflect.Value, field string) {
	switch n.kind {
	case aText:
		into.SetString(n.text)
	case aNumber, aBool:
		d.fail(n, field, fmt.Sprintf("write %q in quotes", n.text), "want text, got %s", describe(n))
	default:
		d.fail(n, field, "", "want text, got %s", describe(n))
	}
}

func describe(n *node) string {
	switch n.kind {
	case aText:
		return fmt.Sprintf("%q", shorten(n.text))
	case aNumber, aBool:
		return n.text
	default:
		return n.kind.String()
	}
}

// shorten keeps a report readable, and a secret that landed in the wrong field mostly out
// of it.
func shorten(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "..."
	}
	return s
}

func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}
