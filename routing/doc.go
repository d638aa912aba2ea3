// Package routing says which tenant, class, release, pool and backend serve a request.
// It is pure: no I/O, no clock, no logger, no net/http.
//
// The words, one per idea, used everywhere (code, configuration, API, metrics, docs):
//
//   - tenant: one customer's Odoo, named, with hostnames.
//   - host: a canonical hostname: lower case, no dot at the end, punycode, no port.
//   - pool: a named set of Odoo backends that serves one tenant (dedicated) or several
//     (shared). A backend has an HTTP port, a realtime port and a number of workers.
//   - release: a tenant's named side of a blue-green pair; the active one takes new sessions.
//   - route class: what a path means to Odoo (package odoo lists them).
//   - pin: (release, backend, epoch) of one Odoo session.
//   - plan: defaults and floors that many tenants share.
//   - outcome: what an answer means, read from the answer.
//   - policy: an access policy or a limit policy. verdict: what a policy decides.
//   - hold, drain, cutover, failover: how a tenant is moved.
//   - snapshot: the compiled, immutable configuration. override: a runtime change on top.
//   - exchange: one request on its way through the gateway, and what was learnt about it.
package routing
