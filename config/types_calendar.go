package config

// CalendarSpec says when a planned move may begin: inside a window and outside every freeze.
type CalendarSpec struct {
	// TimeZone of all times, such as Europe/Brussels.
	TimeZone string `json:"timeZone" jsonschema:"required"`
	// Freezes are spans in which nothing moves.
	Freezes []FreezeSpec `json:"freezes,omitempty"`
	// Windows are the hours in which moves may begin; any hour when empty.
	Windows []WindowSpec `json:"windows,omitempty"`
}

// FreezeSpec is a span in which nothing moves.
type FreezeSpec struct {
	// Name says why, as in "stock count".
	Name string `json:"name,omitempty"`
	// Every makes it come back: each year (from and to have no year then) or each month (with days). Once when empty.
	Every string `json:"every,omitempty" jsonschema:"enum=year,enum=month"`
	// From is the first day (2026-12-24, yearly 12-24) or moment (2026-12-24T18:00, yearly 12-24T18:00).
	From string `json:"from,omitempty"`
	// To is the last day, which counts, or the moment of the end. A yearly freeze may end in the next year.
	To string `json:"to,omitempty"`
	// Days of the month, with every: month. Negative ones count from its end: -1 is the last.
	Days []int `json:"days,omitempty"`
}

// WindowSpec is a span of hours.
type WindowSpec struct {
	// Days of the week on which it begins, mon to sun; all when empty.
	Days []string `json:"days,omitempty"`
	// From is the first minute, such as 22:00.
	From string `json:"from" jsonschema:"required"`
	// To is when it is over, such as 05:00; at or before From means the next day. 24:00 is the end of the day.
	To string `json:"to" jsonschema:"required"`
}
