// Package harness drives the built gateway and the stand-in Odoo from outside: it starts
// and ends processes, writes their configuration, speaks to them over raw sockets,
// HTTP/1.1, HTTP/2, HTTP/3 and WebSocket, puts load on them and reads what they use.
//
// Every server listens on loopback, on a port that was free; every process is ended by its
// own handle when its test ends; when a test fails the tail of each log is printed. There
// are no fixed waits: everything polls with a deadline, because the machine may be busy.
//
// The package imports nothing of the gateway's: what it knows is what an operator knows.
package harness
