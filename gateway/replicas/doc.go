// Package replicas knows which gateways share our store. Each says every second that it
// lives; one that is silent for five counts as gone.
//
// It also keeps a gateway with another key ring from serving beside them: each would take
// what the other signed for a forgery, and users would be signed out at random. Whoever
// starts last gives way. Before a gateway serves, Join says so; one that could not ask then,
// because the store was away, serves until it learns, and is not ready from there on.
package replicas
