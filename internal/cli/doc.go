// Package cli is the command line of Sluice: one file per command, and what they share
// (exit.go, output.go, connect.go). It knows documents (config) and the admin API's client,
// but not the gateway: what starts one comes in through Deps, so that this package and its
// tests build without Traefik.
package cli
