// Package odoo says what Odoo's wire looks like: which paths mean what in which version,
// what a session id is, which hosts, paths, headers, cookies and queries Odoo would read
// differently from the gateway, what an RPC body asks for and what an answer means.
//
// Main types: Profile (one Odoo version as data), Class (what a path means), Scanner (an
// RPC body, fed in chunks) with its Call, and Outcome (what an answer means).
//
// It decides and does nothing else: no I/O, no clock, no net/http, nothing of ours. It uses
// only what the Yaegi interpreter reads (the standard library of Go 1.22, no generics), so
// that one source serves the gateway and a plugin in a stock Traefik.
//
// What Odoo's own parsers (Werkzeug, CPython's json and xmlrpc.client) read in two ways is
// refused, never guessed.
package odoo
