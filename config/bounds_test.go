package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What would make the parser run long or deep is refused before it runs, or ends in time.
func TestHostileDocumentsEnd(t *testing.T) {
	spec := "apiVersion: " + APIVersion + "\nkind: Tenant\nmetadata: {name: x}\nspec:\n"
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for name, c := range map[string]struct{ text, want string }{
		"too large":            {spec + strings.Repeat("# comment\n", 200_000), "larger than 1MiB"},
		"too many words":       {spec + strings.Repeat("  - x\n", 30_000), "more than 20000 words"},
		"open brackets":        {strings.Repeat("[", 10_000), "nested too deeply"},
		"open braces":          {strings.Repeat("{a: ", 5_000), "nested too deeply"},
		"lists in lists":       {strings.Repeat("- ", 10_000) + "x", "nested too deeply"},
		"mappings in mappings": {stairs(400), "nested too deeply"},
		"anchors on a line":    {strings.Repeat("&a ", 5000) + "x", "nested too deeply"},
		"aliases that unfold":  {bomb, "unknown field"},
		"aliases in a raw map": {"apiVersion: " + APIVersion + "\nkind: Install\nspec:\n  sources: {directory: x}\n  traefik:\n" + indent(bomb), "aliases unfold"},
		"an alias of itself":   {"a: &a [*a]\n", "nothing is called"},
		"merges of merges":     {"a: &a {x: 1}\nb: &b {<<: [*a, *a]}\nc: {<<: *b}\nd: {<<: x}\n", "<< wants a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			r := ParseOne(c.text)
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if r == nil || !strings.Contains(r.Problems().String(), c.want) {
				t.Errorf("want %q in %s", c.want, r.Problems())
			}
		})
	}
}

func stairs(n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return out.String()
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}

func TestTheReportIsBounded(t *testing.T) {
	text := "apiVersion: " + APIVersion + "\nkind: Plan\nmetadata: {name: x}\nspec:\n"
	for i := range 500 {
		text += fmt.Sprintf("  unknown%d: 1\n", i)
	}
	problems := ParseOne(text).Problems()
	if len(problems) != maxFaults || !strings.Contains(problems.String(), "and 451 more problems") {
		t.Errorf("%d problems, the last: %s", len(problems), problems[len(problems)-1])
	}
}

func TestSplit(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []Chunk
	}{
		"one document":            {"a: 1\n", []Chunk{{1, "a: 1\n"}}},
		"two":                     {"a: 1\n---\nb: 2\n", []Chunk{{1, "a: 1\n"}, {2, "\nb: 2\n"}}},
		"a marker first":          {"---\na: 1\n", []Chunk{{1, ""}, {1, "\na: 1\n"}}},
		"a comment at the marker": {"--- # x\na: 1", []Chunk{{1, ""}, {1, " # x\na: 1"}}},
		"Windows ends of line":    {"a: 1\r\n---\r\nb: 2\r\n", []Chunk{{1, "a: 1\r\n"}, {2, "\r\nb: 2\r\n"}}},
		"an end marker":           {"a: 1\n...\n", []Chunk{{1, "a: 1\n"}, {2, "\n"}}},
		"a mark at the start":     {"\ufeffa: 1\n", []Chunk{{1, "a: 1\n"}}},
		"dashes inside a line":    {"a: x---\nb: ---x\n----\n", []Chunk{{1, "a: x---\nb: ---x\n----\n"}}},
		"nothing":                 {"", []Chunk{{1, ""}}},
	} {
		if got := Split(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %#v, want %#v", name, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(declared(1, "h"))
	f.Add("a: &a [*a, <<: {x: 1}]\n? b\n: !c d\n")
	f.Add("{\"kind\": \"Pool\", \"spec\": {\"backends\": [{\"http\": \"http://[::1%25eth0]\"}]}}")
	f.Add("kind: Install\nspec:\n  traefik: {a: [1, 2.5, true, ~, .nan, 0x1f]}\n---\nkind: Calendar\nspec: {windows: [{from: 1}]}")
	f.Add("kind: Tenant\nspec:\n  hosts: ['*.x', \"\\u0430.b\", 1]\n  classes: {web: {paths: [/a/../b]}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		defer func(start time.Time) {
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%q took %s", text, took)
			}
		}(time.Now())
		for _, r := range Parse("f.yaml", text) {
			for _, p := range r.Problems() {
				if p.Line < 1 || p.Message == "" || strings.ContainsAny(p.String(), "\n\x1b") {
					t.Errorf("%q: %q", text, p.String())
				}
			}
		}
		Compile(Document{Resources: Parse("f.yaml", text)}, nil, Options{})
	})
}
