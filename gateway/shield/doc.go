// Package shield stands in front of the upstream step and keeps pages of one release alive
// while another takes over. A page names its asset bundles by a hash; once its release is gone,
// or another release has rebuilt the bundles of the same database, nobody has them any more,
// and the page breaks. So:
//
//   - bundles are kept in memory, by tenant and path, within bounds;
//   - a file that one release does not have is asked of the tenant's others, without cookies
//     and credentials, before the client hears that it is gone.
//
// Only GET and HEAD of static files are looked at. What has no hash in its path is never kept:
// it may differ between releases. Cookies of answers are never kept, and answers that are not
// for everybody neither.
//
// Where to read first: shield.go (one request), others.go (asking another release), kept.go
// (what is kept). The package knows no configuration and starts nothing.
package shield
