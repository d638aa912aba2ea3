package routing

import (
	"net/netip"
	"testing"

	"sluicegate.dev/sluice/routing/odoo"
)

func TestRulesOfLimits(t *testing.T) {
	policy := &LimitPolicy{Name: "p"}
	for rule, c := range map[string]struct {
		rule  LimitRule
		class odoo.Class
		path  string
		call  string
		names []string
		want  bool
	}{
		"a class":                     {LimitRule{Classes: []odoo.Class{odoo.RPC}}, odoo.RPC, "/jsonrpc", "a.b", nil, true},
		"another class":               {LimitRule{Classes: []odoo.Class{odoo.RPC}}, odoo.Web, "/web", "", nil, false},
		"a path, behind a language":   {LimitRule{Paths: []string{"/shop/**"}}, odoo.Web, "/fr/shop/cart", "", nil, true},
		"a call":                      {LimitRule{Calls: []string{"res.*"}}, odoo.RPC, "/jsonrpc", "res.users.read", nil, true},
		"what is no call":             {LimitRule{Calls: []string{"*"}}, odoo.Web, "/web", "", nil, false},
		"a class and a call":          {LimitRule{Classes: []odoo.Class{odoo.RPC}, Calls: []string{"*.unlink"}}, odoo.RPC, "/jsonrpc", "a.read", nil, false},
		"a client":                    {LimitRule{Clients: []string{"key:1", "uid:7"}}, odoo.RPC, "/", "a.b", []string{"client:9", "uid:7"}, true},
		"another client":              {LimitRule{Clients: []string{"uid:7"}}, odoo.RPC, "/", "a.b", []string{"uid:70"}, false},
		"a client that is left out":   {LimitRule{Classes: []odoo.Class{odoo.RPC}, Except: []string{"uid:7"}}, odoo.RPC, "/", "a.b", []string{"uid:7"}, false},
		"one that is not left out":    {LimitRule{Classes: []odoo.Class{odoo.RPC}, Except: []string{"uid:7"}}, odoo.RPC, "/", "a.b", []string{"uid:8"}, true},
		"nothing given takes it all":  {LimitRule{}, odoo.Web, "/web", "", nil, true},
		"nobody is none of the named": {LimitRule{Clients: []string{"uid:7"}}, odoo.RPC, "/", "a.b", nil, false},
	} {
		c.rule.Policy = policy
		if got := c.rule.Matches(c.class, c.path, c.call, c.names); got != c.want {
			t.Errorf("%s: got %v", rule, got)
		}
	}
}

func TestWhatAPolicyAllows(t *testing.T) {
	call := func(method string, records, limit int) odoo.Call {
		return odoo.Call{Service: "object", Method: "execute_kw", Model: "res.partner", ModelMethod: method, Records: records, Limit: limit}
	}
	anything := LimitPolicy{MaxUnlink: -1, MaxRead: -1}
	narrow := LimitPolicy{MaxUnlink: 0, MaxRead: 100, Allow: []string{"res.partner.*"}, Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	home, away := netip.MustParseAddr("::ffff:10.1.2.3"), netip.MustParseAddr("192.0.2.1")
	for rule, c := range map[string]struct {
		policy LimitPolicy
		call   odoo.Call
		class  odoo.Class
		client netip.Addr
		want   LimitRefusal
	}{
		"without a list all is allowed":     {anything, call("unlink", 1000, 0), odoo.RPC, away, ""},
		"a call on the list":                {narrow, call("write", 5, 0), odoo.RPC, home, ""},
		"a call that is not":                {narrow, odoo.Call{Service: "object", Method: "execute_kw", Model: "res.users", ModelMethod: "read", Records: 1}, odoo.RPC, home, RefusedCall},
		"a call that nobody can read":       {narrow, odoo.Call{Service: "object", Method: "exec_workflow"}, odoo.RPC, home, RefusedCall},
		"another way to call":               {narrow, odoo.Call{}, odoo.RPC, home, RefusedCall},
		"signing in is no call":             {narrow, odoo.Call{Service: "common", Method: "authenticate"}, odoo.RPC, home, ""},
		"a page is no call":                 {narrow, odoo.Call{}, odoo.Web, home, ""},
		"from elsewhere":                    {narrow, call("write", 1, 0), odoo.RPC, away, RefusedSource},
		"a page from elsewhere":             {narrow, odoo.Call{}, odoo.Web, away, RefusedSource},
		"no deletion at all":                {narrow, call("unlink", 1, 0), odoo.RPC, home, RefusedUnlink},
		"a deletion that cannot be counted": {narrow, odoo.Call{Service: "json2", Model: "res.partner", ModelMethod: "unlink", Unsure: true}, odoo.RPC, home, RefusedUnlink},
		"a read within the bound":           {narrow, call("read", 100, 0), odoo.RPC, home, ""},
		"a read beyond it":                  {narrow, call("read", 101, 0), odoo.RPC, home, RefusedRead},
		"a search that says no bound":       {narrow, call("search_read", 1, 0), odoo.RPC, home, RefusedRead},
		"a search that says a good one":     {narrow, call("search_read", 1, 80), odoo.RPC, home, ""},
	} {
		if got := c.policy.NotAllowed(c.call, c.call.Name(), c.class, c.client); got != c.want {
			t.Errorf("%s: got %q, want %q", rule, got, c.want)
		}
	}
}

func TestCostsUnderAPolicy(t *testing.T) {
	read := odoo.Call{Service: "object", Method: "execute_kw", Model: "a", ModelMethod: "read", Records: 1}
	weighted := LimitPolicy{Costs: true, Weights: []CallWeight{{"a.read", 7}, {"*.read", 3}}}
	for rule, c := range map[string]struct {
		policy LimitPolicy
		name   string
		call   odoo.Call
		class  odoo.Class
		want   int
	}{
		"requests count one":         {LimitPolicy{}, "a.read", read, odoo.RPC, 1},
		"costs by default":           {LimitPolicy{Costs: true}, "a.read", read, odoo.RPC, 2},
		"the first weight that fits": {weighted, "a.read", read, odoo.RPC, 7},
		"a pattern":                  {weighted, "b.read", read, odoo.RPC, 3},
		"a page":                     {weighted, "", odoo.Call{}, odoo.Web, 1},
		"a report":                   {weighted, "", odoo.Call{}, odoo.Report, 20},
	} {
		if got := c.policy.Cost(c.call, c.name, c.class); got != c.want {
			t.Errorf("%s: got %d, want %d", rule, got, c.want)
		}
	}
}

func TestNetworks(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := Network(netip.MustParseAddr(in), 64); got.String() != want {
			t.Errorf("%s: got %s", in, got)
		}
	}
	if Network(netip.Addr{}, 64).IsValid() {
		t.Error("no address has a network")
	}
}
