// Package archtest holds the shape of the tree by tests: which package may know which
// (table_test.go, the table of ARCHITECTURE.md in code), and that every package says what it
// is for, in its doc.go (a command may do so in its main.go).
//
// The arrows point inward: routing, ratelimit and auth know nobody, plugins know them,
// gateway knows all. Traefik may be reached from gateway/edge, gateway and cmd only, through
// any number of imports. A package that the table does not name fails the test, so that a
// new one gets its place by a decision.
package archtest
