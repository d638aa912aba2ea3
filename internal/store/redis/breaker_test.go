package redis

import (
	"errors"
	"testing"
)

func TestBreaker(t *testing.T) {
	failed := errors.New("failed")
	for rule, c := range map[string]struct {
		calls string // f: a call failed, s: it succeeded; F and S: a probe did
		open  bool
	}{
		"nothing happened":                            {"", false},
		"two failures are not enough":                 {"ff", false},
		"three in a row are":                          {"fff", true},
		"three far apart are not":                     {"fssssfssssfssss", false},
		"one failure in four, again and again":        {"fsssfsssfsssfsssfsssfsssfsssfsssfsss", true},
		"a probe that fails counts like a call":       {"FFF", true},
		"calls do not close it, whatever comes late":  {"fffssssssssssssss", true},
		"one good probe is not enough":                {"fffS", true},
		"two in a row are":                            {"fffSS", false},
		"two that are not in a row are not":           {"fffSFS", true},
		"once closed it takes three failures to open": {"fffSSff", false},
		"and those open it":                           {"fffSSfff", true},
	} {
		t.Run(rule, func(t *testing.T) {
			opened, closed := 0, 0
			b := breaker{opened: func(error) { opened++ }, closed: func() { closed++ }}
			for _, call := range c.calls {
				switch call {
				case 'f':
					b.report(failed)
				case 's':
					b.report(nil)
				case 'F':
					b.probed(failed)
				case 'S':
					b.probed(nil)
				}
			}
			if b.allows() == c.open {
				t.Errorf("%s: open is %v, want %v", c.calls, !b.allows(), c.open)
			}
			if want := map[bool]int{true: 1}[c.open]; opened-closed != want {
				t.Errorf("%s: told of %d openings and %d closings", c.calls, opened, closed)
			}
		})
	}
}
