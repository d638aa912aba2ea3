// Package limits holds requests to the limits of their tenant: it says who the client is,
// what the request costs, which budgets it is charged to, and what the answer means for them.
// The arithmetic is package ratelimit's, the rules are package routing's.
//
//	limits.go     Enter decides a request before it goes to Odoo
//	caller.go     who the client is: a credential, a session, an address
//	known.go      credentials that Odoo has accepted lately
//	charges.go    which policies hold, and for which budget
//	gate.go       credentials that nobody has vouched for share small budgets
//	signin.go     passwords are not guessed
//	leave.go      what the answer taught, and what it cost
//	refuse.go     the answers
//	headers.go    RateLimit and RateLimit-Policy
//	recent.go     what a client did lately, for operators
//	operate.go    top, block, reset
//	route.go      the same as a middleware of any Traefik route
//
// A credential is only a claim until Odoo has accepted it. Who sends one thousand made-up keys
// must neither get a thousand budgets nor spend a victim's, so claims share a small budget by
// address and by tenant, and no key is made of a user's number alone.
//
// No secret is kept: fingerprints are keyed hashes, and they alone are shown and stored.
package limits
