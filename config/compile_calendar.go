package config

import (
	"maps"

	"sluicegate.dev/sluice/routing/calendar"
)

// servedCalendar is a calendar with what it was built from.
type servedCalendar struct {
	calendar *calendar.Calendar
	source   *Resource
	sum      sum
}

// Calendars are all calendars by name.
func (s *Snapshot) Calendars() map[string]*calendar.Calendar {
	out := make(map[string]*calendar.Calendar, len(s.calendars))
	for name, served := range s.calendars {
		out[name] = served.calendar
	}
	return out
}

// compileCalendars takes every good calendar; a broken one keeps its last good version.
func (c *compiler) compileCalendars() {
	c.calendars = c.previous.calendars
	if len(c.touched[KindCalendar]) == 0 {
		return
	}
	c.calendars = maps.Clone(c.previous.calendars)
	if c.calendars == nil {
		c.calendars = map[string]*servedCalendar{}
	}
	for name := range c.touched[KindCalendar] {
		last := c.previous.calendars[name]
		now := c.serveCalendar(c.declared[KindCalendar][name], last)
		delete(c.calendars, name)
		if now != nil {
			c.calendars[name] = now
		}
		if !now.same(last) {
			c.replaced[ref{KindCalendar, name}] = true
		}
	}
}

func (c *compiler) serveCalendar(r *Resource, last *servedCalendar) *servedCalendar {
	switch {
	case r == nil && last != nil && c.torn(last.source):
		return last
	case r == nil:
		return nil
	case r.Broken():
		return last
	case last != nil && last.source.Digest == r.Digest:
		return &servedCalendar{calendar: last.calendar, source: r, sum: last.sum}
	}
	return calendarFrom(r)
}

func calendarFrom(r *Resource) *servedCalendar {
	return &servedCalendar{calendar: buildCalendar(r), source: r, sum: sumOf("calendar", r.Name, r.Digest)}
}

// same tells whether both hold the same calendar; none is the same as none.
func (s *servedCalendar) same(other *servedCalendar) bool {
	if s == nil || other == nil {
		return s == other
	}
	return s.calendar == other.calendar
}

// takeCalendars counts the calendars into the revision.
func (c *compiler) takeCalendars(s *Snapshot) {
	for at := range c.replaced {
		if at.kind != KindCalendar {
			continue
		}
		if last := c.previous.calendars[at.name]; last != nil {
			s.total.sub(last.sum)
		}
		if now := c.calendars[at.name]; now != nil {
			s.total.add(now.sum)
		}
	}
}

// calendarOf is the calendar that the tenant was built with.
func (t *servedTenant) calendarOf(name string) *servedCalendar {
	if t.calendar != nil && t.calendar.source.Name == name {
		return t.calendar
	}
	return nil
}
