package calendar

import "time"

// Every says how often a freeze comes back.
type Every string

// The kinds of freeze.
const (
	Once  Every = ""
	Year  Every = "year"
	Month Every = "month"
)

// Date is a moment on the wall clock. A yearly freeze has no use for the year.
type Date struct {
	Year   int
	Month  time.Month
	Day    int
	Minute Minute
}

func (d Date) civil() civil { return civil{d.Year, d.Month, d.Day, d.Minute} }

// inYear is the date in a year; 29 February is the 28th where there is none.
func (d Date) inYear(year int) civil {
	return civil{year, d.Month, min(d.Day, daysIn(year, d.Month)), d.Minute}
}

// Freeze is a span in which nothing may begin.
type Freeze struct {
	Name  string // why
	Every Every
	From  Date  // once and yearly
	To    Date  // not in it any more; a yearly one may end in the next year
	Days  []int // monthly: days of the month, from its end where negative: -1 is the last
}

// span is a stretch of time, its end not in it.
type span struct{ from, to time.Time }

func (s span) holds(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// frozen is the longer reading of both ends.
func frozen(from, to civil, zone *time.Location) span {
	first, _ := from.in(zone)
	_, last := to.in(zone)
	return span{from: first, to: last}
}

// around lists the spans of the freeze that can hold t.
func (f Freeze) around(t time.Time, zone *time.Location) []span {
	switch f.Every {
	case Year:
		return f.years(t, zone)
	case Month:
		return f.days(t, zone)
	default:
		return []span{frozen(f.From.civil(), f.To.civil(), zone)}
	}
}

func (f Freeze) years(t time.Time, zone *time.Location) []span {
	var out []span
	year := t.In(zone).Year()
	for _, y := range []int{year - 1, year, year + 1} {
		from, to := f.From.inYear(y), f.To.inYear(y)
		if !to.utc().After(from.utc()) {
			to = f.To.inYear(y + 1)
		}
		out = append(out, frozen(from, to, zone))
	}
	return out
}

// days has today, if it is one of the days.
func (f Freeze) days(t time.Time, zone *time.Location) []span {
	today := dayOf(t.In(zone))
	length := daysIn(today.year, today.month)
	for _, n := range f.Days {
		if n < 0 {
			n += length + 1
		}
		if n == today.day {
			return []span{frozen(today, today.plus(1), zone)}
		}
	}
	return nil
}
