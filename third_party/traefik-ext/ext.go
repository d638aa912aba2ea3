// Package ext is Traefik's extension point for dynamic configuration: the fields of
// these types are inlined into http: and into every router. Traefik's own copy lives
// outside its module zip, so an embedding program has to supply one. Ours is empty.
package ext

// HTTP extends dynamic.HTTPConfiguration.
type HTTP struct{}

// Router extends dynamic.Router.
type Router struct{}
