package routing

// Move says why a session was served by another backend than the one that knows it. Where
// sessions live on the servers, that signs the user out.
type Move string

// The reasons of a move.
const (
	Stayed      Move = ""            // it was not moved, or is pinned nowhere
	MovedGone   Move = "gone"        // the backend is no longer configured
	MovedDown   Move = "down"        // it fails its probes, or its database server is away
	MovedAside  Move = "maintenance" // an operator has taken it out of service
	MovedFailed Move = "failed"      // it took no connection, or broke off before it answered
)
