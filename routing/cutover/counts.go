package cutover

import "time"

// Counts are what happened to a tenant's requests while a cutover ran, as far as its drivers
// saw: up to a second around each takeover may be missing.
type Counts struct {
	Requests    uint64        `json:"requests"`
	Errors      uint64        `json:"errors"`      // of them, those that failed by outcome
	Held        int           `json:"held"`        // most that waited at once
	LongestWait time.Duration `json:"longestWait"` // of any of them
	Shed        uint64        `json:"shed"`        // waited, and were refused
	Sessions    int           `json:"sessions"`    // most that were seen on the side that is left
	Moved       int           `json:"moved"`       // of them, those that have left it
}
