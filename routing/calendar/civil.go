package calendar

import "time"

// Minute is a time of day, in minutes from midnight. 24:00 is the end of the day.
type Minute int

// EndOfDay is 24:00.
const EndOfDay Minute = 24 * 60

// civil is a moment as the wall clock of a zone shows it. Fields out of range carry over, as
// in time.Date.
type civil struct {
	year   int
	month  time.Month
	day    int
	minute Minute
}

func dayOf(t time.Time) civil {
	year, month, day := t.Date()
	return civil{year: year, month: month, day: day}
}

func (c civil) at(m Minute) civil { c.minute = m; return c }

func (c civil) plus(days int) civil { c.day += days; return c }

// utc is the moment at which a clock in UTC would show c.
func (c civil) utc() time.Time {
	return time.Date(c.year, c.month, c.day, 0, int(c.minute), 0, 0, time.UTC)
}

// in returns the first and the last moment at which the clock of a zone shows c. They differ
// where the clock is set back. Where it is set forward past c, both are the moment of that.
func (c civil) in(zone *time.Location) (first, last time.Time) {
	wall := c.utc()
	before, after := wall.Add(-offset(wall.Add(-day), zone)).In(zone), wall.Add(-offset(wall.Add(day), zone)).In(zone)
	shows := func(t time.Time) bool {
		_, seconds := t.Zone()
		return t.Add(time.Duration(seconds) * time.Second).Equal(wall)
	}
	switch {
	case shows(before) && shows(after):
		if after.Before(before) {
			return after, before
		}
		return before, after
	case shows(before):
		return before, before
	case shows(after):
		return after, after
	}
	// Skipped: what the later offset makes of it still lies before the change.
	_, change := after.ZoneBounds()
	return change, change
}

const day = 24 * time.Hour

func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// daysIn is the length of a month.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
