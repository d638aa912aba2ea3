// Package redis is the store that many replicas share: one Redis server, a primary that
// sentinels name, or a cluster.
//
// Redis decides, Redis never blocks. Each call ends within the store's own bound; a breaker
// per server cuts calls off when it fails, and only a background probe lets them through
// again, so that no request ever waits for a server that is known to be away. Nothing is sent
// twice: a call without an answer may have been done, or may still be.
//
// Read call.go for how a call goes, pins.go for what it is used for. What must be decided in
// one step is a Lua script next to the method that calls it.
//
// Keys start with sluice:v1: and always expire. Values are checked when they are read: what is
// forged, cut short or of a wrong type counts as absent, is overwritten and counted.
package redis
