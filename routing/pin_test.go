package routing

import (
	"strings"
	"testing"
)

func TestPinsAreSignedForOneTenant(t *testing.T) {
	old, current := []byte("old-key-old-key-old-key-old-key-"), []byte("new-key-new-key-new-key-new-key-")
	pin := Pin{Pool: "acme-blue", Backend: "b2"}
	sealed := PinKeys{old}.Seal("acme", pin)
	middle := strings.LastIndexByte(sealed, '.')
	for rule, c := range map[string]struct {
		keys   PinKeys
		tenant string
		value  string
		ok     bool
	}{
		"what was sealed opens":              {PinKeys{old}, "acme", sealed, true},
		"an old key still verifies":          {PinKeys{current, old}, "acme", sealed, true},
		"a key that is gone does not":        {PinKeys{current}, "acme", sealed, false},
		"another tenant cannot use it":       {PinKeys{old}, "beta", sealed, false},
		"a changed signature":                {PinKeys{old}, "acme", sealed[:middle+1] + "AAAAAAAAAAAAAAAAAAAAAA", false},
		"a signature of another content":     {PinKeys{old}, "acme", "1.YmV0YQBiMQ" + sealed[middle:], false},
		"no signature":                       {PinKeys{old}, "acme", sealed[:middle], false},
		"nothing":                            {PinKeys{old}, "acme", "", false},
		"a cookie of a kilobyte is not ours": {PinKeys{old}, "acme", strings.Repeat("A", 2000) + sealed[middle:], false},
		"without keys nothing opens":         {nil, "acme", sealed, false},
		"an empty signature is no short-cut": {PinKeys{old}, "acme", sealed[:middle+1], false},
	} {
		t.Run(rule, func(t *testing.T) {
			got, ok := c.keys.Open(c.tenant, c.value)
			if ok != c.ok || ok && got != pin {
				t.Errorf("got %v, %v; want %v", got, ok, c.ok)
			}
		})
	}
	if got := (PinKeys{}).Seal("acme", pin); got != "" {
		t.Errorf("sealed %q without a key", got)
	}
}

func FuzzOpenPin(f *testing.F) {
	keys := PinKeys{[]byte("k")}
	f.Add(keys.Seal("t", Pin{"p", "b"}))
	f.Add("1..")
	f.Fuzz(func(t *testing.T, value string) {
		if pin, ok := keys.Open("t", value); ok && keys.Seal("t", pin) != value {
			t.Errorf("%q opened as %v", value, pin)
		}
	})
}
