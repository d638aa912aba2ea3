package routing

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPinsAreSignedForOneBearer(t *testing.T) {
	old, current := []byte("old-key-old-key-old-key-old-key-"), []byte("new-key-new-key-new-key-new-key-")
	pin := Pin{Release: "blue", Pool: "acme-blue", Backend: "b2", Epoch: 1<<32 + 7}
	acme := CookieOf("acme")
	sealed := PinKeys{old}.Seal(acme, pin)
	end := strings.LastIndexByte(sealed, '.')
	tampered := strings.Replace(sealed, "2.", "2.z", 1)
	for rule, c := range map[string]struct {
		keys   PinKeys
		bearer Bearer
		value  string
		ok     bool
	}{
		"what was sealed opens":                {PinKeys{old}, acme, sealed, true},
		"an old key still verifies":            {PinKeys{current, old}, acme, sealed, true},
		"a key that is gone does not":          {PinKeys{current}, acme, sealed, false},
		"another tenant cannot use it":         {PinKeys{old}, CookieOf("beta"), sealed, false},
		"a cookie is no record":                {PinKeys{old}, RecordOf("acme", "k"), sealed, false},
		"nor a record that of another session": {PinKeys{old}, RecordOf("acme", "k"), PinKeys{old}.Seal(RecordOf("acme", "j"), pin), false},
		"nor a tester's pass a pin":            {PinKeys{old}, acme, PinKeys{old}.SealTester("acme", Tester{Release: "green"}), false},
		"a changed epoch":                      {PinKeys{old}, acme, tampered, false},
		"a changed signature":                  {PinKeys{old}, acme, sealed[:end+1] + "AAAAAAAAAAAAAAAAAAAAAA", false},
		"a signature of another content":       {PinKeys{old}, acme, "2.1.YmV0YQBiMQ" + sealed[end:], false},
		"no signature":                         {PinKeys{old}, acme, sealed[:end], false},
		"an empty signature is no short-cut":   {PinKeys{old}, acme, sealed[:end+1], false},
		"nothing":                              {PinKeys{old}, acme, "", false},
		"a cookie of a kilobyte is not ours":   {PinKeys{old}, acme, strings.Repeat("A", 2000) + sealed[end:], false},
		"without keys nothing opens":           {nil, acme, sealed, false},
	} {
		t.Run(rule, func(t *testing.T) {
			got, ok := c.keys.Open(c.bearer, c.value)
			if ok != c.ok || ok && got != pin {
				t.Errorf("got %v, %v; want %v", got, ok, c.ok)
			}
		})
	}
	if got := (PinKeys{}).Seal(acme, pin); got != "" {
		t.Errorf("sealed %q without a key", got)
	}
}

// A gateway of the version before reads the pins of sessions that never drew a lot, and we
// read all of theirs.
func TestPinsBetweenVersions(t *testing.T) {
	keys := PinKeys{[]byte("key-key-key-key-key-key-key-key-")}
	pin := Pin{Release: "blue", Pool: "acme-blue", Backend: "b2", Epoch: 1<<32 + 7}
	if sealed := keys.Seal(CookieOf("acme"), pin); !strings.HasPrefix(sealed, "2.") {
		t.Errorf("without a lot: %s", sealed)
	}
	pin.Lot = 1<<32 - 1
	sealed := keys.Seal(CookieOf("acme"), pin)
	if got, ok := keys.Open(CookieOf("acme"), sealed); !ok || got != pin || !strings.HasPrefix(sealed, "3.") {
		t.Errorf("with a lot: %s opens as %+v, %v", sealed, got, ok)
	}
}

func TestEpochsOfCutovers(t *testing.T) {
	moved := Pin{Epoch: 5<<32 + 3, Lot: 9}.Moved("green", "p", "b")
	for what, row := range map[string]struct {
		got, want Pin
	}{
		"a move counts in the low half and keeps the lot": {moved, Pin{Release: "green", Pool: "p", Backend: "b", Epoch: 5<<32 + 4, Lot: 9}},
		"a step of a cutover in the high one":             {Pin{Epoch: 5<<32 + 3}.In(6), Pin{Epoch: 6 << 32}},
		"which never falls":                               {Pin{Epoch: 5<<32 + 3}.In(4), Pin{Epoch: 5<<32 + 3}},
	} {
		if row.got != row.want {
			t.Errorf("%s: got %+v, want %+v", what, row.got, row.want)
		}
	}
	if moved.CutoverEpoch() != 5 {
		t.Errorf("made in step %d", moved.CutoverEpoch())
	}
}

func TestTheNewerPinPrevails(t *testing.T) {
	at := func(backend string, epoch uint64) Pin { return Pin{Release: "blue", Backend: backend, Epoch: epoch} }
	for rule, c := range map[string]struct {
		record   Pin
		recorded bool
		cookie   Pin
		carried  bool
		want     string
	}{
		"without either there is none":                {want: ""},
		"the cookie alone":                            {cookie: at("c", 0), carried: true, want: "c"},
		"the record alone":                            {record: at("r", 0), recorded: true, want: "r"},
		"of the same epoch the record":                {at("r", 3), true, at("c", 3), true, "r"},
		"a newer record":                              {at("r", 4), true, at("c", 3), true, "r"},
		"a newer cookie: the store was restored":      {at("r", 3), true, at("c", 4), true, "c"},
		"a cutover's step outranks a session's moves": {at("r", 99), true, at("c", 1<<32), true, "c"},
	} {
		t.Run(rule, func(t *testing.T) {
			got, ok := Prevailing(c.record, c.recorded, c.cookie, c.carried)
			if got.Backend != c.want || ok != (c.want != "") {
				t.Errorf("got %v, %v; want %q", got, ok, c.want)
			}
		})
	}
}

// A move is newer than where the session was, and cannot be undone by who knows less.
func TestMovesOnlyGoForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		record, cookie := Pin{Backend: "start"}, Pin{Backend: "start"}
		newest := record
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0: // a move that reaches both
				newest = newest.Moved("blue", "p", string(rune('a'+i%26)))
				record, cookie = newest, newest
			case 1: // the store did not hear of it
				newest = newest.Moved("blue", "p", string(rune('a'+i%26)))
				cookie = newest
			case 2: // the store was restored from an older state
				if record.Epoch > 0 {
					record = Pin{Backend: "old", Epoch: record.Epoch - 1}
				}
			case 3: // the client answers again
				got, _ := Prevailing(record, true, cookie, true)
				record, cookie = got, got
			}
			if got, _ := Prevailing(record, true, cookie, true); got != newest {
				t.Fatalf("record %v, cookie %v: got %v, want %v", record, cookie, got, newest)
			}
		}
	})
}

func TestATestersPassIsForOneTenant(t *testing.T) {
	keys := PinKeys{[]byte("key-key-key-key-key-key-key-key-")}
	pass := Tester{Release: "green", Backend: "b1", Until: time.Unix(1_800_000_000, 0)}
	sealed := keys.SealTester("acme", pass)
	if got, ok := keys.OpenTester("acme", sealed); !ok || got != pass {
		t.Errorf("got %v, %v; want %v", got, ok, pass)
	}
	for rule, value := range map[string]string{
		"cut":              sealed[:len(sealed)-1],
		"a pin":            keys.Seal(CookieOf("acme"), Pin{Release: "green"}),
		"nothing":          "",
		"of somebody else": keys.SealTester("beta", pass),
		"another key's":    PinKeys{[]byte("x")}.SealTester("acme", pass),
	} {
		if got, ok := keys.OpenTester("acme", value); ok {
			t.Errorf("%s: opened as %v", rule, got)
		}
	}
}

func FuzzOpenPin(f *testing.F) {
	keys := PinKeys{[]byte("k")}
	f.Add(keys.Seal(CookieOf("t"), Pin{"r", "p", "b", 5, 0}))
	f.Add(keys.Seal(CookieOf("t"), Pin{"r", "p", "b", 5, 77}))
	f.Add(keys.SealTester("t", Tester{Release: "r"}))
	f.Add("2...")
	f.Fuzz(func(t *testing.T, value string) {
		if pin, ok := keys.Open(CookieOf("t"), value); ok && keys.Seal(CookieOf("t"), pin) != value {
			t.Errorf("%q opened as %v", value, pin)
		}
		if pass, ok := keys.OpenTester("t", value); ok && keys.SealTester("t", pass) != value {
			t.Errorf("%q opened as %v", value, pass)
		}
	})
}
