package odoo

import "testing"

func TestABundleIsNamedByItsHash(t *testing.T) {
	for rule, c := range map[string]struct {
		version, path string
		want          bool
	}{
		"17 and later":                        {"18.0", "/web/assets/a1b2c3d/web.assets_web.min.js", true},
		"of one website":                      {"18.0", "/web/assets/2/a1b2c3d/web.assets_frontend.min.css", true},
		"15 and 16":                           {"16.0", "/web/assets/335-a1b2c3d/web.assets_common.min.js", true},
		"of one website there":                {"16.0", "/web/assets/335-a1b2c3d/1/web.assets_common.min.js", true},
		"debug changes":                       {"18.0", "/web/assets/debug/web.assets_web.js", false},
		"any is what is newest":               {"18.0", "/web/assets/any/web.assets_web.js", false},
		"no name":                             {"18.0", "/web/assets/a1b2c3d/", false},
		"no hash":                             {"18.0", "/web/assets/web.assets_web.js", false},
		"too short for a hash":                {"18.0", "/web/assets/12/web.assets_web.js", false},
		"a folder that is neither":            {"18.0", "/web/assets/a1b2c3d/x/web.assets_web.js", false},
		"a hash of another version":           {"16.0", "/web/assets/a1b2c3d/web.assets_web.js", false},
		"a way out":                           {"18.0", "/web/assets/a1b2c3d/../../content/1", false},
		"a way out at the end":                {"18.0", "/web/assets/a1b2c3d/..", false},
		"14 keeps them among attachments":     {"14.0", "/web/content/335-a1b2c3d/web.assets_common.js", false},
		"an attachment":                       {"18.0", "/web/content/335-a1b2c3d/salaries.js", false},
		"an addon's file has no hash":         {"18.0", "/web/static/lib/jquery.js", false},
		"a hash alone":                        {"18.0", "a1b2c3d", false},
		"two slashes":                         {"18.0", "/web/assets//a1b2c3d/web.assets_web.min.js", false},
		"a language is no part of such paths": {"18.0", "/fr/web/assets/a1b2c3d/web.assets_web.min.js", false},
	} {
		p, _ := ProfileFor(c.version)
		if got := p.Bundle(c.path); got != c.want {
			t.Errorf("%s (%s, %s): got %v", rule, c.version, c.path, got)
		}
	}
}
