package standin

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"
)

type routeKind int

const (
	httpRoute routeKind = iota
	jsonRoute           // JSON-RPC 2.0 in the body, whatever the status
)

type routeAuth int

const (
	authNone routeAuth = iota
	authPublic
	authUser
	authBearer
)

// route is one of Odoo's controllers.
type route struct {
	path      string // with a slash at its end: everything below it
	kind      routeKind
	auth      routeAuth
	methods   string // allowed ones; empty is all
	csrf      bool
	stateless bool // save_session=False: no cookie in the answer
	website   bool // keeps a language prefix
	addon     bool // not one of the server-wide modules: only with a database
	handle    func(*call) error

	hits atomic.Int64
}

func (r *route) needsDatabase() bool { return r.auth != authNone || r.addon }

type routes struct {
	exact    map[string]*route
	prefixes []*route // longest first
}

func newRoutes(major int) *routes {
	table := &routes{exact: map[string]*route{}}
	for _, r := range slices.Concat(
		pageRoutes(major), sessionRoutes(major), fileRoutes(), rpcRoutes(major), managerRoutes(),
		busRoutes(major), ownRoutes(),
	) {
		if strings.HasSuffix(r.path, "/") && r.path != "/" {
			table.prefixes = append(table.prefixes, r)
			continue
		}
		table.exact[r.path] = r
	}
	slices.SortFunc(table.prefixes, func(a, b *route) int { return cmp.Compare(len(b.path), len(a.path)) })
	return table
}

// find returns the route of a path and what follows its prefix. A slash at the end of a path
// makes no difference; case, dots and everything else does.
func (t *routes) find(path string) (*route, string) {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if r, ok := t.exact[path]; ok {
		return r, ""
	}
	for _, r := range t.prefixes {
		if rest, ok := strings.CutPrefix(path, r.path); ok && rest != "" {
			return r, rest
		}
	}
	return nil, ""
}

// hits counts calls per route.
func (t *routes) hits() map[string]int64 {
	hits := map[string]int64{}
	for _, r := range t.exact {
		if n := r.hits.Load(); n > 0 {
			hits[r.path] = n
		}
	}
	for _, r := range t.prefixes {
		if n := r.hits.Load(); n > 0 {
			hits[r.path+"*"] = n
		}
	}
	return hits
}
