// Package upstream is the last step of a tenant's request: it keeps the live state of all
// backends (health, requests in flight, idle connections, sockets) and talks to them.
//
// What it protects is Odoo's worker, which takes one connection at a time and drops it after
// two seconds without progress:
//
//   - a connection is opened only when the whole request is in hand, never ahead of one;
//   - the answer is taken at full speed into a bounded buffer, and the worker is free as
//     soon as it has sent its last byte, whatever the client's speed;
//   - a request is repeated only when nothing of it can have been done.
//
// Where to read first: serve.go (one request), retry.go (which backend, how often),
// admit.go (a worker of it), client.go (one attempt), respond.go (the answer), head.go (what Odoo is told). Sockets: handshake.go,
// knock.go and turnstile.go (who may come when), socket.go, farewell.go (who is sent away
// when), moves.go (a release is left). Which backend: select.go, states.go (what operators
// say), fade.go and warm.go for new ones. Health: probe.go,
// health.go, schedule.go. Configuration: apply.go.
//
// Live state is keyed by pool, backend name, start and address, and survives every Apply.
// Requests never wait for a lock that Apply or a probe holds. Goroutines: one for an answer
// too large for one buffer, joined before the handler returns; two for each open socket and
// those of the probes and warm-ups, joined by Run.
//
// It refuses to know configuration files, stores and Traefik.
package upstream
