// Package redistest starts real Redis servers for tests: one, a primary with its replica and
// sentinels, a cluster of three. They listen on free loopback ports, keep their files in the
// test's folder, and end with the test.
package redistest
