package report

import (
	"testing"

	"sluicegate.dev/sluice/routing/odoo"
)

func TestInFlightOfClasses(t *testing.T) {
	a := Counts{InFlight: 9, Classes: map[odoo.Class]int{odoo.Web: 4, odoo.RPC: 3, odoo.Realtime: 2}}
	for rule, c := range map[string]struct {
		counts  Counts
		classes []odoo.Class
		want    int
	}{
		"all but long polls":                       {a, nil, 7},
		"those of one class":                       {a, []odoo.Class{odoo.RPC}, 3},
		"a class without any":                      {a, []odoo.Class{odoo.Report}, 0},
		"what is not known by class may be of any": {Counts{InFlight: 5}, []odoo.Class{odoo.RPC}, 5},
		"two gateways":                             {a.add(a), []odoo.Class{odoo.RPC, odoo.Web}, 14},
		"one of them without classes":              {a.add(Counts{InFlight: 1}), []odoo.Class{odoo.RPC}, 4},
	} {
		if got := c.counts.InFlightOf(c.classes); got != c.want {
			t.Errorf("%s: %d, want %d", rule, got, c.want)
		}
	}
	if a.Classes[odoo.Web] != 4 {
		t.Error("a sum changed what was summed")
	}
}
