// Package client talks to a running gateway's admin API for the command line: over the
// unix socket in the data directory, or over TCP with a token, as a named context says.
//
// It finds the gateway (Target), asks (Client) and keeps the contexts (Contexts). Its
// errors say what was asked, what came back and what to do; Unreachable and Refused tell
// the command line which exit code fits.
package client
