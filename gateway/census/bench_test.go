//go:build !race

package census

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func once(c *Census) (serve func(session string)) {
	h := c.Arrive(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		x := routing.FromContext(r.Context())
		x.Visit.At("blue", true)
		x.Outcome, x.Backend = odoo.OK, "b1"
	}))
	x := &routing.Exchange{}
	x.Tenant, x.Class = &routing.Tenant{Name: "acme"}, odoo.Web
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(routing.NewContext(r.Context(), x))
	return func(session string) {
		x.SessionKey = session
		h.ServeHTTP(nil, r)
	}
}

func TestARequestAllocatesNothing(t *testing.T) {
	serve := once(New(0))
	if n := testing.AllocsPerRun(1000, func() { serve("session") }); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func BenchmarkARequest(b *testing.B) {
	for _, sessions := range []int{1, 10_000, 400_000} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			serve := once(New(0))
			keys := make([]string, sessions)
			for i := range keys {
				keys[i] = fmt.Sprintf("%042d", i)
				serve(keys[i])
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				serve(keys[i%sessions])
				i++
			}
		})
	}
}

func BenchmarkCounts(b *testing.B) {
	c := New(0)
	serve := once(c)
	for i := range 400_000 {
		serve(fmt.Sprintf("%042d", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Counts("acme")
	}
}
