// Package limitstest holds the rate limiter of package ratelimit against real Redis servers:
// that the script and its twin in Go agree, that limits hold over replicas on one server, a
// cluster and behind sentinels, and that a server that freezes, refuses, forgets or fails over
// holds nobody up.
package limitstest
