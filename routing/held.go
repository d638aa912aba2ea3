package routing

import "errors"

// How the wait of a held request ends badly.
var (
	// ErrHeldTooLong means that the request has waited for as long as one may.
	ErrHeldTooLong = errors.New("the request was held for as long as one may be")
	// ErrHeldTooMany means that newer requests needed its place.
	ErrHeldTooMany = errors.New("more requests wait than may be held")
	// ErrHeldTooLarge means that its body has no place among those that wait.
	ErrHeldTooLarge = errors.New("the bodies that wait are larger than may be held")
	// ErrHoldLost means that the hold has lost its driver where nobody may go on.
	ErrHoldLost = errors.New("the hold has lost its driver past the point of no return")
)
