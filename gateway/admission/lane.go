package admission

import "time"

// Lane is a kind of request as the queue knows it. The order is the order of service.
type Lane int

// The lanes.
const (
	Interactive Lane = iota // somebody waits at a screen: web, portal, static files
	Realtime                // polls and handshakes that come to the HTTP workers
	RPC                     // integrations, and the operator's own classes
	Report                  // slow by nature
	Probe                   // somebody else's health checks
	lanes       = iota
)

// Lanes lists the lanes in order of service.
func Lanes() []Lane { return []Lane{Interactive, Realtime, RPC, Report, Probe} }

func (l Lane) String() string {
	return [lanes]string{"interactive", "realtime", "rpc", "report", "probe"}[l]
}

// patience is how long a request waits at most. The first stays below the 30 s after which
// common balancers in front give up, so that the client hears our answer and not theirs.
func (l Lane) patience() time.Duration {
	return [lanes]time.Duration{25 * time.Second, 15 * time.Second, 20 * time.Second, time.Minute, 5 * time.Second}[l]
}

// room is how many requests of one tenant may wait in the lane: about as many as the slots
// can serve within its patience, and few enough that a flood is told soon.
func (l Lane) room(slots int) int {
	perSlot := [lanes]int{32, 16, 16, 4, 2}[l]
	return perSlot * max(slots, 2)
}
