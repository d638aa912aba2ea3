// Package admin serves the admin API: what the gateway is doing, and the few things an
// operator may tell it.
//
// It listens twice. The unix socket in the data directory has mode 0600 and gives whoever
// may open it full rights: that person may read the keys and the store beside it anyway.
// The TCP address asks for a bearer token; viewers read, operators and admins also write.
//
// A request passes, in this order (guard.go, login.go, operations.go):
//
//   - path: only the canonical spelling reaches the mux, so that no rule can be dodged by
//     //, encodings or dot segments;
//   - host: the listen address, localhost or admin.hosts, against DNS rebinding;
//   - origin: a write from another site's page is refused;
//   - login: who is asking, with a bound on wrong guesses per address;
//   - role: decided after routing, on the operation that was matched. An operation that
//     names no role is closed.
//
// The package asks the process through the interface Gateway and knows no other part. It
// shows addresses, names and digests; keys, tokens and passwords have no field here.
package admin
