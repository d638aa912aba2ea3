package calendar

import (
	"fmt"
	"strings"
	"time"
)

// Window is a span of hours in which a move may begin.
type Window struct {
	Days []time.Weekday // on which it begins; empty: on all
	From Minute
	To   Minute // not in it any more; at or before From: on the next day
}

func (w Window) begins(on time.Weekday) bool {
	for _, d := range w.Days {
		if d == on {
			return true
		}
	}
	return len(w.Days) == 0
}

// on is the window that begins on a day. It is empty where the clock is set past it.
func (w Window) on(date civil, zone *time.Location) span {
	from, _ := date.at(w.From).in(zone)
	end := date
	if w.To <= w.From {
		end = date.plus(1)
	}
	to, _ := end.at(w.To).in(zone)
	return span{from: from, to: to}
}

// around lists the spans of the window that can hold t or follow it within a fortnight, in
// order.
func (w Window) around(t time.Time, zone *time.Location) []span {
	today := dayOf(t.In(zone))
	var out []span
	for n := -1; n <= 14; n++ {
		date := today.plus(n)
		if s := w.on(date, zone); w.begins(date.utc().Weekday()) && s.from.Before(s.to) {
			out = append(out, s)
		}
	}
	return out
}

// String is how people write it: mon tue 22:00-05:00.
func (w Window) String() string {
	var b strings.Builder
	for _, d := range w.Days {
		b.WriteString(strings.ToLower(d.String()[:3]) + " ")
	}
	return b.String() + w.From.String() + "-" + w.To.String()
}

// String is 22:00.
func (m Minute) String() string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
