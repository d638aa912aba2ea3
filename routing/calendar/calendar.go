package calendar

import (
	"fmt"
	"strings"
	"time"
)

// Calendar says when a planned move may begin. It is immutable.
type Calendar struct {
	Name    string
	Zone    *time.Location
	Windows []Window // none: at any hour
	Freezes []Freeze
	Digest  string // of what is declared
}

// horizon is how far ahead the next allowed moment is looked for.
const horizon = 2 * 366 * day

// Allowed says whether a move may begin at now; if not, why, in a sentence, and when the
// next moment is at which it may. next is now when it may, and zero when there is no such
// moment within two years.
func (c *Calendar) Allowed(now time.Time) (ok bool, why string, next time.Time) {
	why, next = c.closed(now)
	if why == "" {
		return true, "", now
	}
	for at := next; ; {
		if at.IsZero() || at.Sub(now) > horizon {
			return false, why, time.Time{}
		}
		again, later := c.closed(at)
		if again == "" {
			return false, why, at.In(c.zone())
		}
		at = later
	}
}

// closed says why nothing may begin at a moment, and until when that holds at least.
func (c *Calendar) closed(at time.Time) (why string, until time.Time) {
	for _, f := range c.Freezes {
		for _, s := range f.around(at, c.zone()) {
			if s.holds(at) {
				return c.frozen(f, s), s.to
			}
		}
	}
	if len(c.Windows) == 0 {
		return "", time.Time{}
	}
	for _, w := range c.Windows {
		for _, s := range w.around(at, c.zone()) {
			if s.holds(at) {
				return "", time.Time{}
			}
			if s.from.After(at) && (until.IsZero() || s.from.Before(until)) {
				until = s.from
			}
		}
	}
	return c.outside(), until
}

func (c *Calendar) frozen(f Freeze, s span) string {
	name := f.Name
	if name == "" {
		name = "a freeze"
	}
	return fmt.Sprintf("calendar %s: frozen for %s until %s", c.Name, name, s.to.In(c.zone()).Format("Mon 2 Jan 2006 15:04 MST"))
}

func (c *Calendar) outside() string {
	spans := make([]string, len(c.Windows))
	for i, w := range c.Windows {
		spans[i] = w.String()
	}
	return fmt.Sprintf("calendar %s: moves may begin %s only (%s)", c.Name, strings.Join(spans, ", "), c.zone())
}

func (c *Calendar) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}
