package main

import (
	"fmt"
	"slices"
	"strings"
)

// mark is a phrase that only texts of one licence hold, in lower case and single blanks.
type mark struct{ phrase, licence string }

func marks() []mark {
	return []mark{
		{"apache license version 2.0", "Apache-2.0"},
		{"licensed under the apache license", "Apache-2.0"},
		{"mozilla public license version 2.0", "MPL-2.0"},
		{"mozilla public license, version 2.0", "MPL-2.0"},
		{"permission is hereby granted, free of charge", "MIT"},
		{"permission to use, copy, modify, and/or distribute", "ISC"},
		{"permission to use, copy, modify, and distribute", "ISC"},
		{"this is free and unencumbered software", "Unlicense"},
		{"cc0 1.0 universal", "CC0-1.0"},
		{"boost software license", "BSL-1.0"},
	}
}

// identify names the licences in text by their SPDX identifiers. Copyleft that would bind
// our own source is refused, and so is what we do not know.
func identify(text string) ([]string, error) {
	flat := strings.ToLower(strings.Join(strings.Fields(text), " "))
	var found []string
	for _, m := range marks() {
		if strings.Contains(flat, m.phrase) && !slices.Contains(found, m.licence) {
			found = append(found, m.licence)
		}
	}
	if strings.Contains(flat, "redistribution and use in source and binary forms") {
		found = append(found, bsd(flat))
	}
	// The Mozilla licence names the GNU ones as compatible; only a title counts.
	if !slices.Contains(found, "MPL-2.0") && strings.Contains(flat, "gnu") &&
		strings.Contains(flat, "general public license") {
		return nil, fmt.Errorf("a GNU licence: not for linking into an Apache-2.0 binary without a decision")
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("a licence that this program does not know")
	}
	slices.Sort(found)
	return found, nil
}

func bsd(flat string) string {
	if strings.Contains(flat, "neither the name") || strings.Contains(flat, "names of its contributors") ||
		strings.Contains(flat, "may not be used to endorse") || strings.Contains(flat, "may be used to endorse") {
		return "BSD-3-Clause"
	}
	return "BSD-2-Clause"
}

// split parts a licence file into its copyright lines and the text they stand on, so that
// a hundred MIT files print one text.
func split(text string) (copyright []string, body string) {
	var rest []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "")) {
		line = strings.TrimRight(line, " \t\n")
		bare := strings.TrimLeft(line, " \t*/#;")
		if isCopyright(bare) {
			copyright = append(copyright, bare)
			continue
		}
		rest = append(rest, line)
	}
	return copyright, strings.Trim(strings.Join(rest, "\n"), "\n")
}

// isCopyright knows a statement ("Copyright (c) 2019 Somebody") from a licence's own use of
// the word and from the blank form in Apache's appendix.
func isCopyright(line string) bool {
	lower := strings.ToLower(line)
	if strings.Contains(lower, "[yyyy]") || strings.Contains(lower, "{yyyy}") {
		return false
	}
	rest, ok := strings.CutPrefix(lower, "copyright ")
	if !ok {
		rest, ok = strings.CutPrefix(lower, "(c) ")
	}
	if !ok {
		return false
	}
	return strings.HasPrefix(rest, "(c)") || strings.HasPrefix(rest, "©") || strings.ContainsAny(rest, "0123456789") ||
		strings.Contains(lower, "authors")
}
