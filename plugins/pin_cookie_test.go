package plugins

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// names lists the cookies of h as Odoo would read them.
func names(h http.Header) []string {
	var all []string
	for _, line := range h["Cookie"] {
		for crumb := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(crumb, "=")
			if name = strings.TrimSpace(name); name != "" {
				all = append(all, name)
			}
		}
	}
	return all
}

// Our cookies never reach Odoo, however they are written, and nobody else's is lost or made.
func FuzzTakeCookie(f *testing.F) {
	f.Add("tz=UTC; sluice_pin=2.0.x.y; session_id=z", "")
	f.Add("sluice_pin=a", "sluice_pin=b")
	f.Add(" sluice_pin =a;;my_sluice_pin=b", "x")
	f.Add("sluice_pin", ";")
	f.Fuzz(func(t *testing.T, first, second string) {
		h := http.Header{"Cookie": {first, second}}
		before := names(h)
		value := takeCookie(h, pinCookie)
		after := names(h)
		want := slices.DeleteFunc(slices.Clone(before), func(name string) bool { return name == pinCookie })
		if !slices.Equal(after, want) {
			t.Errorf("%q and %q became %q", first, second, h["Cookie"])
		}
		if value != "" && !slices.Contains(before, pinCookie) {
			t.Errorf("%q and %q hold no pin, got %q", first, second, value)
		}
	})
}
