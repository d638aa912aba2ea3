package e2e

import (
	"net/http"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// aFileOfTheOtherSideIsServed: a page of one release names files that the other does not have.
// Whoever has the page gets them, on every replica, and what neither has is missing.
func aFileOfTheOtherSideIsServed(t *testing.T, s *site, tenant string) {
	for i, g := range s.All {
		for _, c := range []struct {
			path   string
			status int
		}{
			{"/web/static/only/blue/new.js", http.StatusOK},
			{"/web/static/only/green/new.js", http.StatusOK},
			{"/web/static/missing.js", http.StatusNotFound},
		} {
			reply, err := s.Visitor(tenant, g).Do(t.Context(), http.MethodGet, c.path, "", "Referer: http://"+harness.SiteHost(tenant)+"/odoo")
			if err != nil || reply.Status != c.status {
				t.Errorf("replica %d: %s: %d, want %d, %v", i, c.path, reply.Status, c.status, err)
			}
			if len(reply.Header["Set-Cookie"]) > 0 {
				t.Errorf("replica %d: %s sets a cookie: %q", i, c.path, reply.Header["Set-Cookie"])
			}
		}
	}
}
