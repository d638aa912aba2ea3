package odoo

import (
	"strings"
	"testing"
)

func TestEachVersionMakesIDsOfItsOwn(t *testing.T) {
	hex, _ := KeyOf(strings.Repeat("0a", 20))
	long, _ := KeyOf(strings.Repeat("aB3_", 21))
	for version, c := range map[string]struct{ hex, long bool }{
		"14.0": {true, false}, "17.0": {true, false}, "18.0": {false, true}, "19.0": {false, true},
	} {
		p, _ := ProfileFor(version)
		if p.MakesSession(hex) != c.hex || p.MakesSession(long) != c.long || p.MakesSession("") {
			t.Errorf("%s: 40 digits %v, 84 characters %v", version, p.MakesSession(hex), p.MakesSession(long))
		}
	}
}
