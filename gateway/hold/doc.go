// Package hold keeps a tenant's requests waiting at the edge while its database moves.
//
// [Gates.Enter] waits until the hold is over; then those that waited go on in the order in
// which they came, a few at a time, so that the workers of the other side are not met by all of
// them at once. Nobody waits longer than the hold says, and once more as long in the row that
// goes on; nor do more requests or bytes than it says: the oldest goes then, and is told when to
// come back.
//
// A hold needs news. When whoever drives it has died, or this gateway is cut off from the
// others, its lease ends: requests go on to the side that they came for, or, past the point
// where that could damage something, get the maintenance page.
//
// The package reads no body and knows no release: the step that calls it looks at the tenant's
// course again afterwards.
package hold
