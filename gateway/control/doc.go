// Package control keeps what is decided at runtime: a record for each tenant, one for each
// pool. It writes each decision to the store with compare-and-set and to this node's disk,
// hears what others decide, and says what follows for requests: a [routing.Course] for each
// tenant that has one, read with one atomic load.
//
// The store is where replicas agree. It is not where decisions live: every node keeps a copy
// of all of them. A store that is lost is filled again from the copies; one that was away, or
// comes back older, is merged by epoch. While it is away decisions are taken node by node, and
// who takes one is told so ([ErrLocalOnly]).
//
// Records are sealed with the key ring. One that was not sealed by us is ignored, counted,
// and overwritten where we have a copy.
//
// Nobody compares clocks of two machines here: leases run on this machine's own clock from
// the moment that something was heard ([Control.Fresh]). Only what an operator asked to end
// at a time of day ends at one.
//
// Where to read first: control.go, then change.go (how a decision is written) and hear.go
// (how those of others arrive). The package knows what a record means only through
// routing/cutover.
package control
