// Package deadline carries the read and write deadlines of a client's connection past
// response writers that hide them.
//
// Middlewares wrap http.ResponseWriter, and many of those wrappers (Traefik's among them)
// have no Unwrap, so http.ResponseController fails behind them. The front, which still sees
// net/http's own writer, puts a Setter into the context; whoever reads a body or writes an
// answer takes it out again and moves the deadline on with progress. Large uploads and slow
// but living downloads then last as long as they need, and connections that merely sit
// there end.
//
// Reader is the upload half. The download half is in gateway/upstream, where the writes are.
// The package starts no goroutine and keeps no state of its own.
package deadline
