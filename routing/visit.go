package routing

// Visit is one request in the books of who is on the way, so that a cutover knows exactly
// what is left. A request that nobody has decided on yet may go anywhere: it counts on every
// release. So whoever looks at the tenant's course says first that the request is undecided,
// and then where it goes: nobody is missed between a decision and what was let through just
// before it.
type Visit interface {
	// At says which release serves the request, and whether the request's session lives there:
	// a tester's does not, nor one whose request goes by lot. "" is undecided (again).
	At(release string, home bool)
	// Waits says that the request is held at the edge, and counts nowhere until the next At.
	Waits()
	// Quiet says that nothing else of the request's session is on the way through this
	// process. A socket does not count: that of the page which the browser leaves is open until
	// the next one is there, and it follows a session that moves.
	Quiet() bool
	// Replaced says that the answer has put another session in the place of the request's, as a
	// sign-in does, and that whoever knew the old one knows it no more.
	Replaced()
	// Socket keeps the books on the socket that the request has become, until ended is called.
	// leave is called when the session moves to another release; it must not wait.
	Socket(leave func()) (ended func())
}
