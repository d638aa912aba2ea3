// Package admission decides which request may have an Odoo worker next. A worker serves one
// connection at a time and queues blindly, so the queue is kept here, where it can tell a
// person at a browser from a nightly import, and one tenant from another.
//
// A Pool holds the Gates of its backends, one each. Enter gives out a slot, one per worker,
// or waits for one; what it returns gives the slot back. rule.go says who comes next: first
// by tenant, where several share the pool, then by Lane; it is pure. Several replicas share
// the workers of a backend through Leases, which asks the store in the background: no
// request waits for a store, but for a few milliseconds where this replica has no slot of a
// backend at all.
//
// It refuses to know what a request, a health state or a store is made of. It fails open:
// with the store away a replica goes on with its share of the workers.
package admission
