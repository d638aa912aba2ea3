package config

import (
	"fmt"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing/calendar"
)

// Bounds of one calendar.
const (
	maxFreezes = 200
	maxWindows = 50
)

func (c *checker) calendar(s *CalendarSpec) {
	c.timeZone("spec.timeZone", s.TimeZone)
	if len(s.Freezes) > maxFreezes {
		c.fail("spec.freezes", "", "a calendar has at most %d freezes", maxFreezes)
		return
	}
	if len(s.Windows) > maxWindows {
		c.fail("spec.windows", "", "a calendar has at most %d windows", maxWindows)
		return
	}
	if len(s.Freezes)+len(s.Windows) == 0 && !c.broken("spec") {
		c.warn("spec", "give it windows or freezes", "the calendar allows every hour")
	}
	for i, f := range s.Freezes {
		c.freeze(fmt.Sprintf("spec.freezes[%d]", i), f)
	}
	for i, w := range s.Windows {
		c.window(fmt.Sprintf("spec.windows[%d]", i), w)
	}
}

func (c *checker) timeZone(field, name string) {
	if name == "" {
		return
	}
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		c.fail(field, "write it as Europe/Brussels", "%q is not a time zone", shorten(name))
	}
}

func (c *checker) window(where string, w WindowSpec) {
	c.clock(where+".from", w.From, "22:00", calendar.EndOfDay-1)
	c.clock(where+".to", w.To, "05:00", calendar.EndOfDay)
	for j, name := range w.Days {
		if _, ok := weekday(name); !ok && !c.broken(fmt.Sprintf("%s.days[%d]", where, j)) {
			c.fail(fmt.Sprintf("%s.days[%d]", where, j), didYouMean(name, weekdays()), "%q is not a day", shorten(name))
		}
	}
}

func weekdays() []string { return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

func weekday(name string) (time.Weekday, bool) {
	i := slices.Index(weekdays(), name)
	return time.Weekday((i + 1) % 7), i >= 0
}

func (c *checker) clock(field, text, example string, most calendar.Minute) {
	if text == "" || c.broken(field) {
		return
	}
	if m, ok := minuteOf(text); !ok || m > most {
		c.fail(field, "", "want a time such as %s, got %q", example, shorten(text))
	}
}

// minuteOf reads 22:00; 24:00 is the end of the day.
func minuteOf(text string) (calendar.Minute, bool) {
	if text == "24:00" {
		return calendar.EndOfDay, true
	}
	t, err := time.Parse("15:04", text)
	return calendar.Minute(t.Hour()*60 + t.Minute()), err == nil
}

func (c *checker) freeze(where string, f FreezeSpec) {
	if c.broken(where + ".every") {
		return
	}
	if f.Every == string(calendar.Month) {
		c.monthly(where, f)
		return
	}
	if len(f.Days) > 0 {
		c.fail(where+".days", "add every: month", "days of the month need a freeze that comes back each month")
	}
	for _, end := range []struct{ name, text string }{{"from", f.From}, {"to", f.To}} {
		if end.text == "" && !c.broken(where+"."+end.name) {
			c.fail(where, "", "%s is missing", end.name)
		}
	}
	from, ok := c.moment(where+".from", f.Every, f.From)
	to, ok2 := c.moment(where+".to", f.Every, f.To)
	if ok && ok2 && f.Every == "" && freezeEnd(to, f.To).utc().Before(from.utc()) {
		c.fail(where+".to", "", "%s is before %s", f.To, f.From)
	}
}

func (c *checker) monthly(where string, f FreezeSpec) {
	if f.From != "" || f.To != "" {
		c.fail(where, "write days: [-2, -1, 1, 2, 3]", "a freeze of each month has days, not from and to")
	}
	if len(f.Days) == 0 && !c.broken(where+".days") {
		c.fail(where, "write days: [-2, -1, 1, 2, 3]; -1 is the last day", "a freeze of each month needs days")
	}
	for i, n := range f.Days {
		if (n < 1 || n > 31) && (n < -31 || n > -1) {
			c.fail(fmt.Sprintf("%s.days[%d]", where, i), "1 is the first day, -1 the last", "%d is not a day of a month", n)
		}
	}
}

func (c *checker) moment(field, every, text string) (date, bool) {
	if text == "" || c.broken(field) {
		return date{}, false
	}
	d, ok := momentOf(every, text)
	if !ok {
		example := "a day such as 2026-12-24 or a moment such as 2026-12-24T18:00"
		if every == string(calendar.Year) {
			example = "a day such as 12-24 or a moment such as 12-24T18:00"
		}
		c.fail(field, "", "want %s, got %q", example, shorten(text))
	}
	return d, ok
}
