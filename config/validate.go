package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checker looks at one document by itself, after decoding. The checks go on after a
// problem: a person wants all of them at once.
type checker struct {
	root *node
	d    *decoder
}

func (c *checker) fail(field, hint, format string, args ...any) {
	line, column := c.root.find(field)
	c.d.failAt(line, column, field, hint, format, args...)
}

func (c *checker) warn(field, hint, format string, args ...any) {
	c.fail(field, hint, format, args...)
	c.d.faults[len(c.d.faults)-1].warning = true
}

// broken tells whether something below field is reported already; what would follow from
// that is not worth a second line.
func (c *checker) broken(field string) bool {
	return slices.ContainsFunc(c.d.faults, func(f fault) bool { return within(f.field, field) }) ||
		slices.ContainsFunc(c.d.skipped, func(f string) bool { return within(f, field) })
}

func within(field, top string) bool {
	return field == top || below(field, top, ".") || below(field, top, "[")
}

// below tells whether path continues top after the separator.
func below(path, top, separator string) bool {
	rest, ok := strings.CutPrefix(path, top)
	return ok && strings.HasPrefix(rest, separator)
}

func (c *checker) check(r *Resource) {
	c.name(r)
	if n := c.root.get("spec"); n == nil || n.kind != aMapping {
		return // reported already
	}
	switch spec := r.Spec.(type) {
	case *InstallSpec:
		c.install(spec)
	case *PoolSpec:
		c.pool(spec)
	case *TenantSpec:
		c.tenant(spec)
	case *PlanSpec:
		c.plan(spec)
	case *LimitPolicySpec:
		c.limitPolicy(spec)
	case *AccessPolicySpec:
		c.accessPolicy(spec)
	case *CalendarSpec:
		c.calendar(spec)
	}
}

func (c *checker) name(r *Resource) {
	const field = "metadata.name"
	switch {
	case r.Kind == KindInstall && r.Name == "":
	case r.Name == "":
		if !c.broken(field) {
			c.fail(field, "", "is required")
		}
	default:
		c.label(field, r.Name)
	}
}

// label wants a DNS label: it ends up in metrics, cookies, file names and Kubernetes.
func (c *checker) label(field, name string) bool {
	ok := name != "" && len(name) <= 63 && isLowerAlnum(name[0]) && isLowerAlnum(name[len(name)-1])
	for i := 0; ok && i < len(name); i++ {
		ok = isLowerAlnum(name[i]) || name[i] == '-'
	}
	if !ok {
		c.fail(field, "use lower case letters, digits and hyphens, at most 63", "%q is not a name", shorten(name))
	}
	return ok
}

func isLowerAlnum(b byte) bool { return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') }

// paths wants exact paths, or prefixes that end in "/**".
func (c *checker) paths(field string, list []string) {
	for i, p := range list {
		where := fmt.Sprintf("%s[%d]", field, i)
		switch body := strings.TrimSuffix(p, "/**"); {
		case p == "":
			if !c.broken(where) {
				c.fail(where, "", "is empty")
			}
		case !strings.HasPrefix(p, "/"):
			c.fail(where, fmt.Sprintf("write %q", "/"+p), "a path starts with /")
		case strings.Contains(body, "*"):
			c.fail(where, `"/my/**" takes /my and everything below`, "a star stands at the end only, as /**")
		case strings.ContainsAny(p, "?#%\\ \t\r\n") || strings.Contains(p, "//") || hasDots(p):
			c.fail(where, "write it decoded, as Odoo sees it", "%q is not a plain path", shorten(p))
		}
	}
}

func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
