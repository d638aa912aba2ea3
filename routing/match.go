package routing

import (
	"net/netip"
	"slices"
	"strings"

	"sluicegate.dev/sluice/routing/odoo"
)

// PathMatch tells whether pattern covers path: exactly, or as a prefix when it ends in
// "/**" ("/my/**" covers "/my" and what lies below, "/**" covers all). The slash at a
// path's end does not matter: Odoo's routes answer with and without it.
func PathMatch(pattern, path string) bool {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	prefix, below := strings.CutSuffix(pattern, "/**")
	if !below {
		return path == pattern
	}
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// PathMatchAny tells whether one of the patterns covers path, with or without the language
// prefix that Odoo serves every page under: a policy on /my/** must hold for /fr/my too.
func PathMatchAny(patterns []string, path string) bool {
	_, rest := odoo.CutLang(path)
	for _, pattern := range patterns {
		if PathMatch(pattern, path) || PathMatch(pattern, rest) {
			return true
		}
	}
	return false
}

// Matches tells whether a request falls under the rule. Empty fields match anything.
func (r *ClassRule) Matches(path, method string, client netip.Addr) bool {
	if len(r.Paths) > 0 && !PathMatchAny(r.Paths, path) {
		return false
	}
	if len(r.Methods) > 0 && !slices.Contains(r.Methods, method) {
		return false
	}
	return len(r.Clients) == 0 || contains(r.Clients, client)
}

func contains(prefixes []netip.Prefix, client netip.Addr) bool {
	client = client.Unmap()
	for _, prefix := range prefixes {
		if prefix.Contains(client) {
			return true
		}
	}
	return false
}

// Route says where a request goes as far as host, path and client decide: the operator's
// classes first, then Odoo's; the active release; the class's own pool where it has one.
func (t *Tenant) Route(host, path, method string, client netip.Addr) Route {
	return t.RouteTo(t.Active, host, path, method, client)
}

// RouteTo is Route for a session that lives on another release than the active one.
func (t *Tenant) RouteTo(release *Release, host, path, method string, client netip.Addr) Route {
	route := Route{Tenant: t, Host: host, Path: path, Release: release}
	if release == nil {
		return route
	}
	route.Pool = release.Pool
	if route.Pool != nil {
		route.Class = t.class(route.Pool.Profile, path, method, client)
	}
	if pool := t.ClassPools[route.Class]; pool != nil {
		route.Pool = pool
	}
	return route
}

// class lets the operator's rules decide, but never away from the manager, which must stay
// closed, nor from the socket, which only the realtime port serves.
func (t *Tenant) class(profile odoo.Profile, path, method string, client netip.Addr) odoo.Class {
	class := profile.Classify(path, method)
	if class == odoo.Manager || class == odoo.Realtime {
		return class
	}
	for i := range t.Classes {
		if t.Classes[i].Matches(path, method, client) {
			return t.Classes[i].Class
		}
	}
	return class
}
