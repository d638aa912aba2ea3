package config

import (
	"strings"
	"testing"

	"sluicegate.dev/sluice/routing"
)

func TestLimitsOfRoutes(t *testing.T) {
	for rule, c := range map[string]struct {
		settings map[string]any
		named    string
		scope    string
		rate     float64
		fails    string
	}{
		"a policy by name":         {map[string]any{"policy": "api"}, "api", "", 0, ""},
		"a limit of its own":       {map[string]any{"rate": "10/s", "burst": 20, "by": "address"}, "", "", 10, ""},
		"from labels, all is text": {map[string]any{"Rate": "10/s", "BURST": "20", "by": "address", "strict": "true", "sources": "10.0.0.0/8,192.0.2.1", "caps": map[string]any{"unlink": "0"}, "quotas": map[string]any{"day": "1000"}}, "", "", 10, ""},
		"shared with a tenant":     {map[string]any{"rate": "10/s", "scope": "acme"}, "", "acme", 10, ""},
		"both":                     {map[string]any{"policy": "api", "rate": "10/s"}, "api", "", 0, "rate has no place beside policy"},
		"nothing":                  {map[string]any{}, "", "", 0, "the policy limits nothing"},
		"a mistake is told":        {map[string]any{"rate": "10/s", "bust": 5}, "", "", 0, `bust: unknown field; did you mean "burst"?`},
		"a number that is none":    {map[string]any{"rate": "10/s", "burst": "many"}, "", "", 0, "burst: want a whole number"},
		"a scope that is no name":  {map[string]any{"rate": "10/s", "scope": "a b"}, "", "a b", 0, "scope:"},
	} {
		got, err := ReadRouteLimit(c.settings)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: got %v", rule, err)
			}
			continue
		}
		if err != nil || got.Named != c.named || got.Scope != c.scope || (got.Policy != nil && got.Policy.Rate != c.rate) || (got.Policy == nil) != (c.named != "") {
			t.Errorf("%s: got %+v, %v", rule, got, err)
		}
	}
	got, _ := ReadRouteLimit(map[string]any{"rate": "10/s", "sources": "10.0.0.0/8, 192.0.2.1", "caps": map[string]any{"unlink": "0"}, "by": "address"})
	if p := got.Policy; len(p.Sources) != 2 || p.MaxUnlink != 0 || p.By != routing.ByAddress {
		t.Errorf("got %+v", p)
	}
}
