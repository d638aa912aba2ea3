package config

import (
	"strings"
	"time"

	"sluicegate.dev/sluice/routing/calendar"
)

// date is a moment of a document.
type date calendar.Date

func (d date) utc() time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, int(d.Minute), 0, 0, time.UTC)
}

// momentOf reads 2026-12-24 and 2026-12-24T18:00; of a yearly freeze without the year.
func momentOf(every, text string) (date, bool) {
	if every == string(calendar.Year) {
		text = "2000-" + text // a leap year
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return date{t.Year(), t.Month(), t.Day(), calendar.Minute(t.Hour()*60 + t.Minute())}, true
		}
	}
	return date{}, false
}

// freezeEnd is where a freeze ends: a day counts in full.
func freezeEnd(d date, text string) date {
	if !strings.Contains(text, "T") {
		d.Minute = calendar.EndOfDay
	}
	return d
}

// buildCalendar makes a calendar of its document, which is whole.
func buildCalendar(r *Resource) *calendar.Calendar {
	s := r.Spec.(*CalendarSpec)
	out := &calendar.Calendar{Name: r.Name, Zone: zoneOf(s.TimeZone), Digest: r.Digest}
	for _, w := range s.Windows {
		window := calendar.Window{}
		window.From, _ = minuteOf(w.From)
		window.To, _ = minuteOf(w.To)
		for _, name := range w.Days {
			on, _ := weekday(name)
			window.Days = append(window.Days, on)
		}
		out.Windows = append(out.Windows, window)
	}
	for _, f := range s.Freezes {
		from, _ := momentOf(f.Every, f.From)
		to, _ := momentOf(f.Every, f.To)
		out.Freezes = append(out.Freezes, calendar.Freeze{
			Name: f.Name, Every: calendar.Every(f.Every), Days: f.Days,
			From: calendar.Date(from), To: calendar.Date(freezeEnd(to, f.To)),
		})
	}
	return out
}
