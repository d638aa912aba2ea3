// Package standin is a stand-in for an Odoo server: it answers on the wire as Odoo 14 to
// 19 does, as far as a gateway in front can tell, and fails on demand. It exists for
// tests, for the benchmark and for the demonstration; it is not a product.
//
// A [Server] is made by [New] from a [Config] and served by [Server.Run]; [Start] does both
// for a test. With workers it is Odoo in prefork mode: an HTTP port of blocking workers
// that speak HTTP/1.0, one connection each, and a realtime port (gevent). Without workers
// it is the threaded mode: one port for everything.
//
// How to read it: worker.go and keepalive.go take connections, call.go follows one request
// from its first byte to its last, dispatch.go and routes.go say who answers, identity.go
// finds session and database, registry.go loads it, and one file per family of routes gives the
// answers. load.go and session_counts.go count what a gateway in front has to answer for.
// writes.go tells which write was done how often, and where.
// faults.go and control.go are the part that real Odoo lacks: failing on request.
//
// Beside Odoo's routes there are /standin/small (the benchmark's answer), /standin/echo (the
// request as Odoo sees it), /standin/visit (changes the session), /standin/slow, /standin/stream,
// /standin/events, /standin/trailers, /standin/counters, /standin/state and /standin/bus. The
// last three are on the control port too, next to /standin/writes and /standin/control:
//
//	curl $CONTROL/standin/control -d '{"rules": [{"path": "/web/login", "status": 503, "times": 2}]}'
//	curl $CONTROL/standin/control -d '{"rules": [], "db_down": true, "saturate": 1.5}'
//
// It refuses to be clever where Odoo is not. The holes of the real server (a database named
// in an RPC body is used as is, header names with an underscore count as their dashed
// twins, the realtime port serves every route) are here on purpose: closing them is the
// gateway's work, and its tests need them open.
package standin
