// Package calendar says when a planned move of a tenant may begin: within windows of the
// week, and never in a freeze (stock count, peak season, financial close). It is pure: the
// time comes in, nothing is read from a clock.
//
// All times are those of the calendar's zone, as people there read them from the wall. Where
// the clock changes, an hour that is missing ends what lies in it, and of an hour that comes
// twice a window takes the first and a freeze takes both: in doubt nothing moves.
package calendar
