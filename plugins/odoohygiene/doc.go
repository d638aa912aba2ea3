// Package odoohygiene is a plain Traefik plugin that makes a request fit for Odoo: the host
// in its one canonical form, no header, cookie or parameter with which a client could choose
// a database, an address or a session, the forwarded headers as Odoo's proxy mode needs
// them, and the database manager closed.
//
// The same source runs natively and under Yaegi in a stock Traefik, so it uses nothing but
// the standard library and routing/odoo. It keeps no state and starts nothing. It does not
// read bodies and does not touch answers: Sluice itself does both.
package odoohygiene
