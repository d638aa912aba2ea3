// Package hold keeps a tenant's requests waiting at the edge while its database moves.
//
// [Gates.Enter] waits, before the body is read, until the hold is over; then those that waited
// go on in the order in which they came, a few at a time, so that the workers of the other side
// are not met by all of them at once. Nobody waits longer than the hold says, nor do more
// requests or bytes than it says: the oldest goes then, with 503 and when to come back.
//
// A hold needs news. When whoever drives it has died, or this gateway is cut off from the
// others, its lease ends: requests go on to the side that they came for, or, past the point
// where that could damage something, get the maintenance page.
package hold
