package config

import (
	"fmt"
	"slices"
	"strings"
)

// Export is the document of a tenant with another active release, as it would stand in Git:
// everything else, comments too, is as somebody wrote it.
func (s *Snapshot) Export(tenant, active string) (string, error) {
	served := s.tenants[tenant]
	if served == nil {
		return "", fmt.Errorf("there is no tenant %q", tenant)
	}
	text := served.source.Text
	if served.tenant.Active.Name != active || served.waits {
		text = withActive(text, active)
	}
	spec, ok := said(text)
	if !ok || activeOf(spec) != active {
		return "", fmt.Errorf("%s:%d: write active: %s into the document of tenant %s by hand: its form is too unusual to be edited", served.source.File, served.source.Line, active, tenant)
	}
	return text, nil
}

// said is what a tenant's document says, if it is whole.
func said(text string) (*TenantSpec, bool) {
	r := ParseOne(text)
	if r == nil || r.Broken() {
		return nil, false
	}
	spec, ok := r.Spec.(*TenantSpec)
	return spec, ok
}

// activeOf is the active release as a document says it, or leaves it to be understood.
func activeOf(s *TenantSpec) string {
	switch {
	case s.Active != "":
		return s.Active
	case s.Pool != "":
		return "blue"
	}
	for name := range s.Releases {
		return name // the only one, validation saw to it
	}
	return ""
}

// withActive writes the name over the one that stands there, or in front of the first field.
func withActive(text, active string) string {
	root, _ := parseTree(text)
	if root == nil {
		return text
	}
	spec := root.get("spec")
	if spec == nil || len(spec.keys) == 0 {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	if old, ok := spec.child("active"); ok {
		if old.value.line != old.line || old.value.column < old.column {
			return text // an alias: what it names stands elsewhere, for others too
		}
		return replaced(lines, old.value, active)
	}
	key := spec.keys[0]
	if key.line < 1 || key.line > len(lines) {
		return text
	}
	line := []rune(lines[key.line-1])
	at := min(key.column-1, len(line))
	field := "active: " + word(active)
	if head := string(line[:at]); strings.TrimSpace(head) == "" { // a line of its own
		field += "\n" + head
	} else {
		field += ", "
	}
	lines[key.line-1] = string(line[:at]) + field + string(line[at:])
	return strings.Join(lines, "")
}

func replaced(lines []string, old *node, active string) string {
	if old.line < 1 || old.line > len(lines) {
		return strings.Join(lines, "")
	}
	line := []rune(lines[old.line-1])
	at := min(max(old.column-1, 0), len(line))
	rest := string(line[at:])
	for _, form := range []string{`"` + old.text + `"`, `'` + old.text + `'`, old.text} {
		if tail, ok := strings.CutPrefix(rest, form); ok {
			lines[old.line-1] = string(line[:at]) + word(active) + tail
			break
		}
	}
	return strings.Join(lines, "")
}

// word is a name as YAML reads it as text.
func word(name string) string {
	taken := []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
	if name == "" || name[0] < 'a' || name[0] > 'z' || slices.Contains(taken, name) {
		return `"` + name + `"`
	}
	return name
}
