package calendar

import (
	"strings"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// moment reads a time with its offset, so that an hour that comes twice can be told apart.
func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04Z07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func nights() []Window {
	return []Window{{Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday}, From: 22 * 60, To: 5 * 60}}
}

func TestAllowed(t *testing.T) {
	christmas := Freeze{Name: "Christmas", Every: Year, From: Date{Month: time.December, Day: 20}, To: Date{Month: time.January, Day: 7}}
	closing := Freeze{Name: "financial close", Every: Month, Days: []int{-2, -1, 1, 2, 3}}
	count := Freeze{Name: "stock count", From: Date{2026, time.June, 30, 18 * 60}, To: Date{2026, time.July, 1, 12 * 60}}
	leap := Freeze{Every: Year, From: Date{Month: time.February, Day: 29}, To: Date{Month: time.March, Day: 1}}
	cases := map[string]struct {
		calendar Calendar
		now      string
		why      string // empty: allowed
		next     string // empty: never
	}{
		"a calendar without anything allows all":             {Calendar{}, "2026-11-22T12:00+01:00", "", ""},
		"inside a window":                                    {Calendar{Windows: nights()}, "2026-11-23T22:00+01:00", "", ""},
		"a window goes on after midnight":                    {Calendar{Windows: nights()}, "2026-11-24T04:59+01:00", "", ""},
		"the night of Thursday is still allowed on Friday":   {Calendar{Windows: nights()}, "2026-11-27T04:59+01:00", "", ""},
		"the end of a window is outside":                     {Calendar{Windows: nights()}, "2026-11-24T05:00+01:00", "mon tue wed thu 22:00-05:00", "2026-11-24T22:00+01:00"},
		"Friday night waits for Monday":                      {Calendar{Windows: nights()}, "2026-11-27T22:00+01:00", "22:00-05:00", "2026-11-30T22:00+01:00"},
		"a window from midnight to 24:00 is a day":           {Calendar{Windows: []Window{{Days: []time.Weekday{time.Sunday}, To: EndOfDay}}}, "2026-11-22T23:59+01:00", "", ""},
		"a yearly freeze holds after the year has ended":     {Calendar{Freezes: []Freeze{christmas}}, "2027-01-06T23:59+01:00", "frozen for Christmas until Thu 7 Jan 2027 00:00 CET", "2027-01-07T00:00+01:00"},
		"a yearly freeze holds before it ends":               {Calendar{Freezes: []Freeze{christmas}}, "2027-12-20T00:00+01:00", "Christmas", "2028-01-07T00:00+01:00"},
		"a day before it nothing is frozen":                  {Calendar{Freezes: []Freeze{christmas}}, "2027-12-19T23:59+01:00", "", ""},
		"a freeze sends on to the next window after it":      {Calendar{Windows: nights(), Freezes: []Freeze{christmas}}, "2026-12-23T23:00+01:00", "Christmas", "2027-01-07T00:00+01:00"},
		"the last days of a month, whatever its length":      {Calendar{Freezes: []Freeze{closing}}, "2027-02-27T12:00+01:00", "financial close", "2027-03-04T00:00+01:00"},
		"the day before them":                                {Calendar{Freezes: []Freeze{closing}}, "2027-02-26T23:59+01:00", "", ""},
		"freezes follow each other":                          {Calendar{Freezes: []Freeze{closing, count}}, "2026-06-29T12:00+02:00", "financial close", "2026-07-04T00:00+02:00"},
		"a freeze of some hours":                             {Calendar{Freezes: []Freeze{count}}, "2026-06-30T18:00+02:00", "stock count", "2026-07-01T12:00+02:00"},
		"29 February is the 28th where there is none":        {Calendar{Freezes: []Freeze{leap}}, "2027-02-28T12:00+01:00", "a freeze", "2027-03-01T00:00+01:00"},
		"a freeze of the whole year ends nowhere":            {Calendar{Freezes: []Freeze{{Every: Month, Days: allDays()}}}, "2026-11-22T12:00+01:00", "a freeze", ""},
		"times are those of the zone, whoever asks":          {Calendar{Windows: nights()}, "2026-11-23T16:30-05:00", "", ""},
		"a window that lies in a freeze for ever has no day": {Calendar{Windows: []Window{{Days: []time.Weekday{time.Friday}, To: EndOfDay}}, Freezes: []Freeze{{Every: Month, Days: allDays()}}}, "2026-11-22T12:00+01:00", "a freeze", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.calendar.Name, c.calendar.Zone = "fiscal", zone(t, "Europe/Brussels")
			now := moment(t, c.now)
			ok, why, next := c.calendar.Allowed(now)
			if ok != (c.why == "") || !strings.Contains(why, c.why) {
				t.Fatalf("allowed %v: %q, want %q", ok, why, c.why)
			}
			want := now
			if c.why != "" {
				want = time.Time{}
			}
			if c.next != "" {
				want = moment(t, c.next)
			}
			if !next.Equal(want) {
				t.Errorf("next is %v, want %v", next, want)
			}
		})
	}
}

func allDays() []int {
	days := make([]int, 31)
	for i := range days {
		days[i] = i + 1
	}
	return days
}

// In Brussels the clock goes from 02:00 to 03:00 on 29 March 2026, and from 03:00 to 02:00
// on 25 October.
func TestWhenTheClockChanges(t *testing.T) {
	hours := func(from, to Minute) Calendar { return Calendar{Windows: []Window{{From: from, To: to}}} }
	freeze := func(from, to Date) Calendar { return Calendar{Freezes: []Freeze{{Name: "x", From: from, To: to}}} }
	cases := map[string]struct {
		calendar    Calendar
		open, close string // the stretch that holds, its end not in it
		inside      bool   // whether moves are allowed in it
	}{
		"a window over the missing hour is an hour shorter":   {hours(60, 240), "2026-03-29T01:00+01:00", "2026-03-29T04:00+02:00", true},
		"one that begins in the missing hour begins after it": {hours(150, 240), "2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00", true},
		"one that ends in the missing hour ends before it":    {hours(60, 150), "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00", true},
		"a window over the hour that comes twice is longer":   {hours(60, 240), "2026-10-25T01:00+02:00", "2026-10-25T04:00+01:00", true},
		"one that ends in it ends the first time":             {hours(60, 150), "2026-10-25T01:00+02:00", "2026-10-25T02:30+02:00", true},
		"one that begins in it begins the first time":         {hours(150, 240), "2026-10-25T02:30+02:00", "2026-10-25T04:00+01:00", true},
		"a night over the change keeps its times on the wall": {hours(22*60, 5*60), "2026-10-24T22:00+02:00", "2026-10-25T05:00+01:00", true},
		"a freeze that ends in the hour ends the second time": {freeze(Date{2026, 10, 24, 0}, Date{2026, 10, 25, 150}), "2026-10-24T00:00+02:00", "2026-10-25T02:30+01:00", false},
		"a freeze that begins in it begins the first time":    {freeze(Date{2026, 10, 25, 150}, Date{2026, 10, 26, 0}), "2026-10-25T02:30+02:00", "2026-10-26T00:00+01:00", false},
		"a freeze from the missing hour begins at the change": {freeze(Date{2026, 3, 29, 150}, Date{2026, 3, 30, 0}), "2026-03-29T03:00+02:00", "2026-03-30T00:00+02:00", false},
		"a frozen day of 23 hours":                            {Calendar{Freezes: []Freeze{{Name: "x", Every: Month, Days: []int{29}}}}, "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", false},
		"a frozen day of 25 hours":                            {Calendar{Freezes: []Freeze{{Name: "x", Every: Month, Days: []int{25}}}}, "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", false},
		"a yearly freeze takes the offset of the year":        {Calendar{Freezes: []Freeze{{Name: "x", Every: Year, From: Date{Month: 3, Day: 28}, To: Date{Month: 3, Day: 30}}}}, "2026-03-28T00:00+01:00", "2026-03-30T00:00+02:00", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.calendar.Name, c.calendar.Zone = "fiscal", zone(t, "Europe/Brussels")
			open, end := moment(t, c.open), moment(t, c.close)
			for at := open.Add(-time.Minute); !at.After(end); at = at.Add(time.Minute) {
				within := !at.Before(open) && at.Before(end)
				if ok, why, _ := c.calendar.Allowed(at); ok != (within == c.inside) {
					t.Fatalf("at %s: allowed %v (%s)", at.In(c.calendar.Zone), ok, why)
				}
			}
		})
	}
}

// A window that the clock is set past does not exist on that day: the next is a day later.
func TestAWindowInTheMissingHour(t *testing.T) {
	c := Calendar{Zone: zone(t, "Europe/Brussels"), Windows: []Window{{From: 135, To: 165}}}
	ok, _, next := c.Allowed(moment(t, "2026-03-29T03:00+02:00"))
	if want := moment(t, "2026-03-30T02:15+02:00"); ok || !next.Equal(want) {
		t.Errorf("allowed %v, next %v, want %v", ok, next, want)
	}
}

// Beirut and others change at midnight: the day begins at one.
func TestADayWithoutMidnight(t *testing.T) {
	beirut := zone(t, "Asia/Beirut")
	first, last := civil{2026, time.March, 29, 0}.in(beirut)
	if want := moment(t, "2026-03-29T01:00+03:00"); !first.Equal(want) || !last.Equal(want) {
		t.Errorf("midnight is %v and %v, want %v", first, last, want)
	}
}

// Whatever a calendar says, it says it of next too: at next a move is allowed, and just
// before it is not.
func FuzzNext(f *testing.F) {
	f.Add(int64(1_774_746_000), 60, 150, 1, -1, 29)
	f.Add(int64(1_792_886_400), 1320, 300, 31, 15, 1)
	f.Fuzz(func(t *testing.T, unix int64, from, to, day, day2, yearly int) {
		in := func(n, low, high int) int { return low + ((n%(high-low+1))+(high-low+1))%(high-low+1) }
		c := Calendar{
			Zone:    zone(t, "Europe/Brussels"),
			Windows: []Window{{From: Minute(in(from, 0, 1439)), To: Minute(in(to, 1, 1440))}},
			Freezes: []Freeze{
				{Every: Month, Days: []int{in(day, 1, 31), -in(day2, 1, 28)}},
				{Every: Year, From: Date{Month: 2, Day: in(yearly, 1, 29)}, To: Date{Month: 3, Day: 31}},
			},
		}
		now := time.Unix(in64(unix), 0)
		ok, why, next := c.Allowed(now)
		switch {
		case ok && (why != "" || !next.Equal(now)):
			t.Fatalf("allowed, but %q and %v", why, next)
		case ok || next.IsZero():
			return
		}
		if !next.After(now) {
			t.Fatalf("at %v next is %v", now, next)
		}
		if ok, why, _ := c.Allowed(next); !ok {
			t.Fatalf("at %v not allowed: %s", next, why)
		}
		if ok, _, _ := c.Allowed(next.Add(-time.Second)); ok {
			t.Fatalf("allowed a second before %v already", next)
		}
	})
}

// in64 keeps moments between 2020 and 2040.
func in64(unix int64) int64 {
	const low, years = 1_577_836_800, 20 * 366 * 86_400
	return low + ((unix%years)+years)%years
}
