package pins

import (
	"log/slog"
	"testing"

	"sluicegate.dev/sluice/routing"
)

// News of other replicas and answers of the store come in any order.
func TestWhatIsOlderReplacesNothing(t *testing.T) {
	none, older, newer, other := routing.Pin{}, at("b1", 1), at("b2", 2), at("b3", 2)
	for rule, c := range map[string]struct{ first, then, want routing.Pin }{
		"the older comes late":                    {newer, older, newer},
		"the newer comes late":                    {older, newer, newer},
		"of the same epoch the store's last word": {newer, other, other},
		"that there was none is no news any more": {newer, none, newer},
		"a pin replaces that there was none":      {none, older, older},
		"that there is none is known for itself":  {none, none, none},
	} {
		t.Run(rule, func(t *testing.T) {
			p, err := New(Config{Store: newLedger(), Keys: keys, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			n := name{"acme", "k"}
			for _, pin := range []routing.Pin{c.first, c.then} {
				p.note(n, p.asKnown(pin, pin != none))
			}
			if k, ok := p.known.Get(n); !ok || k.pin() != c.want {
				t.Errorf("got %v, %v; want %v", k.pin(), ok, c.want)
			}
		})
	}
}
