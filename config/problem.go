package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a document, in words for the person who wrote it.
type Problem struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Resource string `json:"resource,omitempty"` // "Tenant acme"
	Field    string `json:"field,omitempty"`    // "spec.releases.blue.pool"
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Warning  bool   `json:"warning,omitempty"` // the resource is served all the same
}

// String is the form that editors and terminals turn into a link:
// tenants/acme.yaml:12:7: Tenant acme: spec.activ: unknown field; did you mean "active"?
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.position())
	if p.Warning {
		b.WriteString("warning: ")
	}
	for _, part := range []string{p.Resource, p.Field} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

func (p Problem) position() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File + ": "
	default:
		return fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	}
}

// Problems are all that was found, not only the first.
type Problems []Problem

// Errors are the problems that keep a resource from being served as written.
func (ps Problems) Errors() Problems {
	var out Problems
	for _, p := range ps {
		if !p.Warning {
			out = append(out, p)
		}
	}
	return out
}

// Failed tells whether any problem is more than a warning.
func (ps Problems) Failed() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// Err is nil when there is nothing but warnings, else one error that holds every line.
func (ps Problems) Err() error {
	if !ps.Failed() {
		return nil
	}
	return errors.New(ps.Errors().String())
}

// String has one line for each problem.
func (ps Problems) String() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// moved are the problems of a document that stands somewhere else now.
func (ps Problems) moved(from, to *Resource) Problems {
	if len(ps) == 0 || (from.File == to.File && from.Line == to.Line) {
		return ps
	}
	out := slices.Clone(ps)
	for i := range out {
		out[i].File, out[i].Line = to.File, out[i].Line+to.Line-from.Line
	}
	return out
}

// sorted orders by file and position, so that a report reads like the files do.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			strings.Compare(a.Resource, b.Resource),
			strings.Compare(a.Message, b.Message),
		)
	})
	return ps
}
