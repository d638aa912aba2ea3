// Package console serves the web page of the admin API: tenants and their health, cutovers
// as they run, the operations with their impact shown first, and the audit log. It is plain
// files (one page, one style sheet, a few ES modules), so it works without internet and
// without a build. The page is a client like any other: all it knows and does goes through
// the API, with the token of whoever sits in front of it, which it keeps for as long as the
// tab lives.
package console
