// Package edge is the only package that imports Traefik. It assembles a whole Traefik from
// its exported constructors (every provider, resolver, exporter and plugin runtime of
// stock Traefik), and puts the request path of tenants in front of its routers.
//
// Follow a request through
//
//	switch.go   where our front is put before the routers that Traefik builds
//	front.go    a tenant's request leaves Traefik here, every other goes on to its routers
//	tenants.go  what runs around the tenant's path: logs, metrics, traces, recovery
//	status.go   /metrics and /ready on the entry point "traefik"
//
// and a start through static.go (the install configuration), parts.go (one constructor per
// part, the order they need), run.go (serving and stopping).
//
// It decides nothing about tenants: who is one is the Path's business, which the gateway
// hands in. When Traefik is upgraded, compare parts.go and its neighbours with Traefik's
// own cmd/traefik for parts that came or went; nothing else of Sluice knows Traefik.
package edge
