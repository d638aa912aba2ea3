// Package census keeps the books of who is on the way: for each tenant and release the
// requests in flight, the open sockets, the sessions by when they were last seen, and how
// requests ended and how long their answers took. Cutovers decide by these numbers, so none
// of them may be lower than the truth:
//
//   - a request that no release was decided for yet counts as in flight on each;
//   - of more sessions than are remembered one by one, those that are forgotten stay counted
//     until the end of a session's life, and count again when they come back;
//   - "seen" is kept in steps of [Step], rounded to the younger side.
//
// Numbers may be higher than the truth: a session that two replicas serve is in the books of
// both. After a start the books are empty: [Census.Since] says from when on they are whole.
//
// Where to read first: census.go (a request comes and goes), books.go (what is kept of a
// tenant), sessions.go, outcome.go. The package holds nobody up and decides nothing.
package census
