package ratelimit

import "time"

// Window is a span of the calendar.
type Window string

// The windows of quotas.
const (
	Hour  Window = "hour"
	Day   Window = "day"
	Month Window = "month"
)

// Quota bounds what a key may spend in each window.
type Quota struct {
	Window Window
	Limit  int
	// Zone says where the day begins. Default: UTC.
	Zone *time.Location
}

func (q Quota) zone() *time.Location {
	if q.Zone == nil {
		return time.UTC
	}
	return q.Zone
}

func (w Window) length() time.Duration {
	switch w {
	case Hour:
		return time.Hour
	case Month:
		return 30 * 24 * time.Hour
	default:
		return 24 * time.Hour
	}
}

// start is the begin of the window that is n windows after the one of t.
func (q Quota) start(t time.Time, n int) time.Time {
	t = t.In(q.zone())
	switch q.Window {
	case Hour:
		// Steps of an hour from the full hour: a wall clock hour may come twice in autumn.
		sinceHour := time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
		return t.Add(-sinceHour).Add(time.Duration(n) * time.Hour)
	case Month:
		return time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, t.Location())
	default:
		return time.Date(t.Year(), t.Month(), t.Day()+n, 0, 0, 0, 0, t.Location())
	}
}

// bounds are the begins of the window before the one of t, of that one, and of the next two.
// The ledger picks by its own clock: a replica whose clock is off by less than a window still
// names the right one.
func (q Quota) bounds(t time.Time) [4]int64 {
	var b [4]int64
	for i := range b {
		b[i] = q.start(t, i-1).UnixMicro()
	}
	return b
}
