package routing

import (
	"net/netip"
	"testing"

	"sluicegate.dev/sluice/routing/odoo"
)

func TestPathMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/my/**", "/my", true},
		{"/my/**", "/my/", true},
		{"/my/**", "/my/orders/3", true},
		{"/my/**", "/mymodule", false},
		{"/my", "/my", true},
		{"/my", "/my/", true},
		{"/my", "/my/x", false},
		{"/**", "/", true},
		{"/**", "/x/y", true},
		{"/", "/", true},
		{"/", "/x", false},
		{"/web/hook/**", "/web/hooks", false},
		{"/my/**", "/fr/my", false},
	} {
		if got := PathMatch(c.pattern, c.path); got != c.want {
			t.Errorf("PathMatch(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
	for path, want := range map[string]bool{"/fr/my/orders": true, "/f/my": true, "/fr_BE/my/": true, "/my": true, "/shop/my": false} {
		if got := PathMatchAny([]string{"/x", "/my/**"}, path); got != want {
			t.Errorf("PathMatchAny(/my/**, %q) = %v", path, got)
		}
	}
}

func TestRoute(t *testing.T) {
	profile, _ := odoo.ProfileFor("18.0")
	blue, reports := &Pool{Name: "blue", Profile: profile}, &Pool{Name: "reports", Profile: profile}
	acme := &Tenant{
		Name:       "acme",
		Active:     &Release{Name: "blue", Pool: blue, Database: "acme"},
		ClassPools: map[odoo.Class]*Pool{odoo.Report: reports, "agents": reports},
		Classes: []ClassRule{
			{Class: "webhook", Paths: []string{"/payment/**"}, Methods: []string{"POST"}},
			{Class: "agents", Clients: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}},
		},
	}
	outside, agent := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("10.9.1.1")
	for name, c := range map[string]struct {
		path, method string
		client       netip.Addr
		class        odoo.Class
		pool         *Pool
	}{
		"Odoo's class":                               {"/web", "GET", outside, odoo.Web, blue},
		"a class with a pool of its own":             {"/report/pdf/x/1", "GET", outside, odoo.Report, reports},
		"an operator's class by path and method":     {"/payment/stripe/webhook", "POST", outside, "webhook", blue},
		"the method decides too":                     {"/payment/stripe/webhook", "GET", outside, odoo.Web, blue},
		"the first rule wins":                        {"/payment/x", "POST", agent, "webhook", blue},
		"an operator's class by address":             {"/jsonrpc", "POST", agent, "agents", reports},
		"an address mapped to IPv6":                  {"/jsonrpc", "POST", netip.MustParseAddr("::ffff:10.9.1.1"), "agents", reports},
		"no rule opens the manager":                  {"/web/database/manager", "GET", agent, odoo.Manager, blue},
		"no rule takes the socket from its port":     {"/websocket", "GET", agent, odoo.Realtime, blue},
		"under a language the operator's rule holds": {"/fr/payment/x", "POST", outside, "webhook", blue},
	} {
		t.Run(name, func(t *testing.T) {
			route := acme.Route("acme.test", c.path, c.method, c.client)
			if route.Class != c.class || route.Pool != c.pool || route.Release != acme.Active || route.Host != "acme.test" || route.Tenant != acme || route.Path != c.path {
				t.Errorf("got %s by %s", route.Class, route.Pool.Name)
			}
		})
	}
	if n := testing.AllocsPerRun(100, func() { _ = acme.Route("acme.test", "/web", "GET", outside) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
