package config

import (
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

func compilePoolSpec(t *testing.T, more, tenant string) *Snapshot {
	t.Helper()
	head := "apiVersion: " + APIVersion + "\nkind: "
	return Compile(Document{Resources: Parse("f.yaml", head+"Pool\nmetadata: {name: p}\nspec:\n  backends: [{name: b, http: 'http://10.0.0.1:8069'}]\n"+more+
		"\n---\n"+head+"Plan\nmetadata: {name: plan}\nspec: {sockets: 300, floors: {sockets: 500}}\n"+
		"---\n"+head+"Tenant\nmetadata: {name: acme}\nspec: {hosts: [acme.example], database: acme, pool: p"+tenant+"}\n")}, nil, Options{})
}

func TestRealtimeAndBalance(t *testing.T) {
	usual := routing.Realtime{Handshakes: 50, Concurrency: 32, ColdDatabases: 4, Wait: 15 * time.Second, Drain: time.Minute}
	fair := routing.Balance{FadeIn: 30 * time.Second, Exponent: 1, WarmUp: time.Minute}
	for name, c := range map[string]struct {
		pool     string
		realtime routing.Realtime
		balance  routing.Balance
	}{
		"nothing is said": {"", usual, fair},
		"everything is": {
			"  realtime: {handshakes: 600/m, concurrency: 5, coldDatabases: 1, wait: 20s, drain: 2m}\n  balance: {fadeIn: 1m, exponent: 1.5, warmUp: 30s}",
			routing.Realtime{Handshakes: 10, Concurrency: 5, ColdDatabases: 1, Wait: 20 * time.Second, Drain: 2 * time.Minute},
			routing.Balance{FadeIn: time.Minute, Exponent: 1.5, WarmUp: 30 * time.Second},
		},
		"zero switches off": {"  balance: {fadeIn: 0s, warmUp: 0s}", usual, routing.Balance{FadeIn: -1, Exponent: 1, WarmUp: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := compilePoolSpec(t, c.pool, "")
			pool := s.Pools["p"]
			if pool == nil || len(s.Problems) > 0 {
				t.Fatalf("problems: %s", s.Problems)
			}
			if pool.Realtime != c.realtime || pool.Balance != c.balance {
				t.Errorf("got %+v and %+v", pool.Realtime, pool.Balance)
			}
		})
	}
}

func TestRealtimeThatMakesNoSense(t *testing.T) {
	for name, c := range map[string]struct{ pool, want string }{
		"far too many handshakes": {"  realtime: {handshakes: 20000/s}", "at most 10000/s"},
		"a rate of words":         {"  realtime: {handshakes: many}", "a rate such as"},
		"no concurrency":          {"  realtime: {concurrency: -1}", "spec.realtime.concurrency"},
		"a wait without end":      {"  realtime: {wait: 1h}", "spec.realtime.wait"},
		"a drain of a day":        {"  realtime: {drain: 24h}", "spec.realtime.drain"},
		"a fade-in of a blink":    {"  balance: {fadeIn: 1ms}", "spec.balance.fadeIn"},
		"a warm-up of an hour":    {"  balance: {warmUp: 1h}", "spec.balance.warmUp"},
		"a steep exponent":        {"  balance: {exponent: 99}", "spec.balance.exponent"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := compilePoolSpec(t, c.pool, "").Problems.String(); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
}

func TestSocketsOfATenant(t *testing.T) {
	for name, c := range map[string]struct {
		tenant  string
		sockets int
		problem string
	}{
		"nothing is said":         {"", 10_000, ""},
		"the tenant's own":        {", sockets: 20", 20, ""},
		"the plan's default":      {", plan: plan", 300, ""},
		"less than the plan's":    {", plan: plan, sockets: 20", 20, ""},
		"more than the plan lets": {", plan: plan, sockets: 501", 0, "allows at most 500"},
		"none at all":             {", sockets: 0", 0, "spec.sockets"},
	} {
		t.Run(name, func(t *testing.T) {
			s := compilePoolSpec(t, "", c.tenant)
			tenant := s.Tenants["acme"]
			if got := s.Problems.String(); (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
				t.Fatalf("problems %q, want %q", got, c.problem)
			}
			if c.problem == "" && tenant.Sockets != c.sockets {
				t.Errorf("got %d, want %d", tenant.Sockets, c.sockets)
			}
		})
	}
}
