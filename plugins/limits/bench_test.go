package limits

import (
	"net/http/httptest"
	"strconv"
	"testing"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func bench(b *testing.B, w *world, make func(i int) ask) {
	b.Helper()
	r := httptest.NewRequest("POST", "/", nil)
	out := httptest.NewRecorder()
	w.send(make(0))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x := w.exchange(make(i))
		v, _ := w.Enter(out, r, x)
		if v != nil {
			x.Backend, x.Outcome = "b1", odoo.OK
			v.Leave(out.Header())
		}
	}
}

func BenchmarkAKnownClient(b *testing.B) {
	w := newWorld(&testing.T{}, rpcRule(policy(func(p *routing.LimitPolicy) { p.Rate, p.Burst = 1e9, 1e9 })))
	bench(b, w, func(int) ask { return ask{uid: "7", key: "secret"} })
}

func BenchmarkNoPolicies(b *testing.B) {
	w := newWorld(&testing.T{})
	bench(b, w, func(int) ask { return ask{class: odoo.Web, path: "/web"} })
}

func BenchmarkRefused(b *testing.B) {
	w := newWorld(&testing.T{}, rpcRule(policy(func(p *routing.LimitPolicy) { p.Rate, p.Burst = 1e-9, 1 })))
	bench(b, w, func(int) ask { return ask{uid: "7", key: "secret"} })
}

func BenchmarkMadeUpKeys(b *testing.B) {
	w := newWorld(&testing.T{}, rpcRule(policy(func(p *routing.LimitPolicy) { p.Unverified = routing.UnverifiedLimit{Rate: 1e-9, Burst: 1} })))
	bench(b, w, func(i int) ask { return ask{uid: "7", key: strconv.Itoa(i)} })
}
