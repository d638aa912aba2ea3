package routing

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func tenant(name string, hosts ...string) *Tenant { return &Tenant{Name: name, Hosts: hosts} }

func TestResolve(t *testing.T) {
	table, conflicts := NewTable([]*Tenant{
		tenant("acme", "acme.test", "*.wild.test", "a_b.wild.test"),
		tenant("beta", "beta.test", "x.wild.test", "*.deep.wild.test"),
	})
	if len(conflicts) != 0 || table.Len() != 6 {
		t.Fatalf("conflicts %v, %d hosts", conflicts, table.Len())
	}
	for name, c := range map[string]struct{ host, want string }{
		"exact":                                 {"acme.test", "acme"},
		"T13 exact beats wildcard":              {"x.wild.test", "beta"},
		"wildcard":                              {"shop.wild.test", "acme"},
		"T09 an empty label is none":            {".wild.test", ""},
		"T10 two labels are too many":           {"x.y.wild.test", ""},
		"a wildcard further down":               {"x.deep.wild.test", "beta"},
		"the label of the lower wildcard":       {"deep.wild.test", "acme"},
		"T11 an underscore needs an exact host": {"c_d.wild.test", ""},
		"T11 and has it":                        {"a_b.wild.test", "acme"},
		"the bare domain":                       {"wild.test", ""},
		"the star itself":                       {"*.wild.test", "acme"}, // no canonical host holds a star
		"T06 nothing":                           {"", ""},
		"unknown":                               {"gamma.test", ""},
		"T06 an address":                        {"127.0.0.1", ""},
		"a suffix":                              {"notacme.test", ""},
		"T12 punycode":                          {"xn--cme-6cd.test", ""},
		"punycode under a wildcard":             {"xn--cme-6cd.wild.test", "acme"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := table.Resolve(c.host)
			if ok != (c.want != "") || (ok && got.Name != c.want) {
				t.Errorf("Resolve(%q) = %+v, %v; want %q", c.host, got, ok, c.want)
			}
		})
	}
}

func TestTheFirstClaimStays(t *testing.T) {
	acme, beta := tenant("acme", "acme.test", "*.x.test"), tenant("beta", "acme.test", "*.x.test", "beta.test")
	table, conflicts := NewTable([]*Tenant{acme, beta})
	want := []Conflict{{"acme.test", "beta", "acme"}, {"*.x.test", "beta", "acme"}}
	if !slices.Equal(conflicts, want) {
		t.Errorf("got %+v, want %+v", conflicts, want)
	}
	if got, _ := table.Resolve("acme.test"); got != acme {
		t.Errorf("acme.test is %+v", got)
	}

	freed, _ := table.With(acme, nil)
	if _, ok := freed.Resolve("acme.test"); ok {
		t.Error("a host that was given up still resolves")
	}
	claimed, conflicts := freed.With(beta, beta)
	if got, _ := claimed.Resolve("acme.test"); got != beta || len(conflicts) != 0 {
		t.Errorf("after acme left, acme.test is %+v, conflicts %v", got, conflicts)
	}
	if got, _ := table.Resolve("acme.test"); got != acme {
		t.Error("an old table changed")
	}
}

func TestAHostMayBeNamedTwiceByOneTenant(t *testing.T) {
	table, conflicts := NewTable([]*Tenant{tenant("acme", "acme.test", "acme.test")})
	if len(conflicts) != 0 || table.Len() != 1 {
		t.Errorf("conflicts %v, %d hosts", conflicts, table.Len())
	}
}

// A table that grew change by change is the table made at once, and no change shows in an
// older one.
func TestWithAgreesWithNewTable(t *testing.T) {
	host := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"", "*."}).Draw(t, "star") + fmt.Sprintf("h%d.test", rapid.IntRange(0, 30).Draw(t, "host"))
	})
	rapid.Check(t, func(t *rapid.T) {
		current := map[string]*Tenant{}
		table, _ := NewTable(nil)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			name := fmt.Sprintf("t%d", rapid.IntRange(0, 5).Draw(t, "tenant"))
			before := table.Hosts()
			var next *Tenant
			if rapid.Bool().Draw(t, "stays") {
				next = &Tenant{Name: name, Hosts: rapid.SliceOfN(host, 0, 4).Draw(t, "hosts")}
			}
			older := table
			var conflicts []Conflict
			table, conflicts = table.With(current[name], next)
			if !slices.Equal(before, older.Hosts()) {
				t.Fatal("a change shows in the older table")
			}
			if next == nil {
				delete(current, name)
			} else {
				lost := map[string]bool{}
				for _, c := range conflicts {
					lost[c.Host] = true
				}
				next.Hosts = slices.DeleteFunc(slices.Clone(next.Hosts), func(h string) bool { return lost[h] })
				current[name] = next
			}
		}
		var tenants []*Tenant
		for _, tenant := range current {
			tenants = append(tenants, tenant)
		}
		whole, conflicts := NewTable(tenants)
		if len(conflicts) != 0 || !slices.Equal(whole.Hosts(), table.Hosts()) || whole.Len() != table.Len() {
			t.Fatalf("step by step %v, at once %v, conflicts %v", table.Hosts(), whole.Hosts(), conflicts)
		}
		for _, h := range whole.Hosts() {
			a, _ := whole.Resolve(h)
			if b, _ := table.Resolve(h); a != b {
				t.Fatalf("%s: %v and %v", h, a, b)
			}
		}
	})
}

// bigTable has n tenants of three hosts, one of them a wildcard.
func bigTable(n int) (*Table, []*Tenant) {
	tenants := make([]*Tenant, n)
	for i := range tenants {
		tenants[i] = tenant(fmt.Sprintf("t%d", i), fmt.Sprintf("erp.t%d.example", i), fmt.Sprintf("www.t%d.example", i), fmt.Sprintf("*.shop.t%d.example", i))
	}
	table, _ := NewTable(tenants)
	return table, tenants
}

func TestResolveDoesNotAllocate(t *testing.T) {
	table, _ := bigTable(1000)
	n := testing.AllocsPerRun(100, func() {
		_, _ = table.Resolve("erp.t77.example")
		_, _ = table.Resolve("de.shop.t77.example")
		_, _ = table.Resolve("unknown.example")
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		table, _ := bigTable(n)
		for _, host := range []string{"erp.t7.example", "de.shop.t7.example", "unknown.example"} {
			b.Run(fmt.Sprintf("%d tenants/%s", n, host), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, _ = table.Resolve(host)
				}
			})
		}
	}
}

func BenchmarkTableWith(b *testing.B) {
	table, tenants := bigTable(10_000)
	next := tenant("t77", "erp.t77.example", "new.t77.example", "*.shop.t77.example")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = table.With(tenants[77], next)
	}
}

func BenchmarkNewTable(b *testing.B) {
	_, tenants := bigTable(10_000)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = NewTable(tenants)
	}
}
