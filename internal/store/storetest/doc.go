// Package storetest is the one suite that every store passes: what a pin's epoch decides, who
// hears of it, how worker slots are shared, who is alive. Run it against a new store, and
// against every way in which a store can be reached.
package storetest
