// Package embedded is the store of a gateway that stands alone: everything is in memory, and
// pins are written behind to one bbolt file so that they survive a restart. No call ever
// waits for the disk; kill -9 loses what was put in the last batch interval.
//
// The file is a convenience, never a condition: when it is damaged it is set aside and the
// store starts empty, when another process holds it the store serves from memory and tries
// again. Pins have the session's cookie behind them.
//
// Slots and replicas are leases of this process and are not written.
package embedded
