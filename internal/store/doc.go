// Package store holds the words that both stores share: what a pin, a claim to worker slots
// and a replica are, and which errors a caller can tell apart. It also holds the one rule
// that both must compute alike: who gets how many slots (Grant).
//
// The stores are internal/store/embedded (one node) and internal/store/redis (many replicas).
// They have the same methods; consumers declare the one to three that they need. Both are
// proved by the same suite, internal/store/storetest.
//
// A store decides nothing about requests. It keeps values that it cannot read, tells others
// that they changed, and never makes anybody wait: a call ends in tens of milliseconds, or at
// once when the store is known to be away.
package store
