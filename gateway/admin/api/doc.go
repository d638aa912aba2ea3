// Package api holds what the admin API says on the wire: the values of its JSON bodies.
// The server (gateway/admin) fills them, the client (internal/client) reads them, and the
// OpenAPI document is generated from their tags.
//
// It has no behaviour and imports nothing of ours. Declared state (Tenant, Pool) and live
// state (Status, TenantStatus, PoolStatus) are different types on purpose: a strong ETag
// covers the former only.
package api
