package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// arrivals counts requests that reached Odoo, by the first part of their path.
func (o *office) arrivals() map[string]int {
	count := map[string]int{}
	for _, path := range o.paths() {
		who, _, _ := strings.Cut(strings.TrimPrefix(path, "/odoo/"), "/")
		count[who]++
	}
	return count
}

// await polls until so many of somebody's requests have reached Odoo.
func (o *office) await(t *testing.T, who string, want int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, fmt.Sprintf("%d requests of %s are at work", want, who), func() error {
		if at := o.arrivals(); at[who] != want {
			return fmt.Errorf("%v", at)
		}
		return nil
	})
}

// tenantsOf are the documents of a pool with one server and its tenants, each with lines of
// its own.
func tenantsOf(odoo string, workers int, tenants map[string]string) map[string]string {
	documents := map[string]string{"pool.yaml": harness.Pool("shared", []harness.Backend{{HTTP: odoo, Workers: workers}})}
	for name, line := range tenants {
		var more []string
		if line != "" {
			more = append(more, line)
		}
		documents[name+".yaml"] = harness.Tenant(name, name, "shared", []string{name + ".test"}, more...)
	}
	return documents
}

// TestATenantLeavesRoomForTheOthers: sixty people of one tenant come first, and yet the first of
// another tenant need not wait; then both get alike.
func TestATenantLeavesRoomForTheOthers(t *testing.T) {
	t.Parallel()
	odoo := openOffice(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, tenantsOf(odoo.addr, 4, map[string]string{"large": "", "small": ""}))
	all := queueAt(t, gateway.Web)
	for n := range 60 {
		all.send(t.Context(), "GET", "large.test", fmt.Sprintf("/odoo/large/%d", n), "")
	}
	waiting(t, gateway, 57)
	odoo.await(t, "large", 3)
	all.send(t.Context(), "GET", "small.test", "/odoo/small/first", "")
	odoo.await(t, "small", 1)
	for n := range 12 {
		all.send(t.Context(), "GET", "small.test", fmt.Sprintf("/odoo/small/%d", n), "")
	}
	waiting(t, gateway, 57+12)
	for odoo.arrivals()["small"] < 13 {
		before := len(odoo.paths())
		odoo.step()
		harness.Eventually(t, harness.Patience, "the next four are at work", func() error {
			if n := len(odoo.paths()) - before; n < 4 {
				return fmt.Errorf("%d are", n)
			}
			return nil
		})
	}
	at := odoo.arrivals()
	t.Logf("when the last of the small tenant is served: %v", at)
	if at["large"] > 3+12+6 {
		t.Errorf("while 12 of the small tenant were served, %d of the large one were", at["large"]-3)
	}
	odoo.release()
	all.group.Wait()
	for path, reply := range all.got {
		if reply.Status != http.StatusOK {
			t.Errorf("%s: %+v", path, reply)
		}
	}
}

// TestATenantsCeilingHolds: more workers are free, and more of the tenant wait. A new ceiling counts
// from its next request on, for those who wait as well.
func TestATenantsCeilingHolds(t *testing.T) {
	t.Parallel()
	odoo := openOffice(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, tenantsOf(odoo.addr, 8, map[string]string{"capped": "workersCeiling: 2", "other": ""}))
	all := queueAt(t, gateway.Web)
	for n := range 10 {
		all.send(t.Context(), "GET", "capped.test", fmt.Sprintf("/odoo/capped/%d", n), "")
	}
	waiting(t, gateway, 8)
	odoo.await(t, "capped", 2)
	all.send(t.Context(), "GET", "other.test", "/odoo/other/0", "")
	odoo.await(t, "other", 1)
	odoo.step()
	odoo.await(t, "capped", 4)
	waiting(t, gateway, 6)
	gateway.Write(t, "tenants/capped.yaml", harness.Tenant("capped", "capped", "shared", []string{"capped.test"}, "workersCeiling: 5"))
	// The new number comes with the tenant's next request.
	harness.Eventually(t, harness.Patience, "five are at work", func() error {
		if at := odoo.arrivals()["capped"]; at >= 4+3 {
			return nil
		}
		all.send(t.Context(), "GET", "capped.test", fmt.Sprintf("/odoo/capped/later-%d", time.Now().UnixNano()), "")
		return fmt.Errorf("%v", odoo.arrivals())
	})
	odoo.release()
}

// TestWorkersHoldWhenReplicasDie: three gateways share six workers under a flood. One is killed,
// one is stopped; meanwhile there are never more requests at Odoo than it has workers, people
// are served, and in the end the one that is left uses all of them.
func TestWorkersHoldWhenReplicasDie(t *testing.T) {
	t.Parallel()
	const workers = 6
	redis := harness.StartRedis(t)
	odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme", Workers: 40})
	odoo.Tell(t, `{"rules": [{"path": "/jsonrpc", "delay": 0.05}, {"path": "/web/login", "delay": 0.02}]}`)
	all := harness.StartReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: workers}}),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
		),
	})
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	people := make([]*visitors, len(all))
	for i, g := range all {
		flood := &integrations{addr: g.Web}
		flood.run(ctx, &group, 20)
		people[i] = &visitors{hosts: []string{"acme.test"}, addr: g.Web}
		waits := people[i].run(ctx, 1)
		group.Go(waits.Wait)
	}
	// A replica whose first request finds everything lent serves it all the same, before the
	// others have given something back.
	shared := func(left harness.Replicas, atMost int, what string) {
		t.Helper()
		harness.Eventually(t, harness.Patience, what+": the workers are shared", func() error {
			slots := left.Sum(t, "sluice_admission_slots")
			if slots != workers {
				return fmt.Errorf("%v of %d are lent", slots, workers)
			}
			return nil
		})
		since := odoo.Counters(t).Workers.Connections
		harness.Eventually(t, harness.Patience, what+": a hundred requests are served", func() error {
			if n := odoo.Counters(t).Workers.Connections - since; n < 100 {
				return fmt.Errorf("%d were", n)
			}
			return nil
		})
		if most := odoo.Counters(t).Load.Most; most > atMost || most < workers/2 {
			t.Errorf("%s: %d requests at once on %d workers", what, most, workers)
		}
		odoo.Tell(t, `{"reset_load": true}`)
	}
	shared(all, workers+2, "three gateways start")
	shared(all, workers, "three gateways")
	all[0].Kill()
	shared(all[1:], workers, "one was killed")
	if !all[1].Stop(harness.Patience) {
		t.Error("the second gateway did not stop")
	}
	shared(all[2:], workers, "one was stopped")
	stop()
	group.Wait()
	people[2].wantNoneFailed(t)
}

// integrations are programs that call again as soon as they have an answer, whatever it is.
type integrations struct{ addr string }

func (c *integrations) run(ctx context.Context, group *sync.WaitGroup, count int) {
	client := harness.Client(c.addr)
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = count
	for range count {
		group.Go(func() {
			for ctx.Err() == nil {
				request, _ := http.NewRequest(http.MethodPost, "http://acme.test/jsonrpc", strings.NewReader(rpcBody))
				request.Header.Set("Content-Type", "application/json")
				if _, err := harness.TryDo(client, request); err != nil {
					return // its gateway is gone
				}
			}
		})
	}
}
