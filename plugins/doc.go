// Package plugins is the request path of a tenant: one file per step, chain.go for their
// order. Follow a request through
//
//	path.go     is the host a tenant's? Admit starts the exchange
//	client.go   who the client is, and how it reached us
//	guard.go    canonical host, clean headers, one framing, a path Odoo reads as we do
//	chain.go    the steps behind the guard, in order
//	body.go     the database an RPC body names is the tenant's own
//	pin.go      a session stays with the server that knows it; around it
//	page.go     the maintenance page,
//	hold.go     waiting while the tenant moves, and
//	course.go   where it goes then
//	limit.go    who may ask for how much (package limits)
//	metrics.go  what was learnt, counted
//
// and on to gateway/upstream. The steps are thin shells: they start nothing and own
// nothing, because what they need (table, upstream, space) is made once by the gateway.
//
// The package refuses to know Traefik, Redis, Kubernetes or where configuration comes from.
package plugins
