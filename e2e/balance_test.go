package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestNewSessionsGoWhereThereIsRoom: what counts is what a server has to do for the workers
// that it has.
func TestNewSessionsGoWhereThereIsRoom(t *testing.T) {
	t.Parallel()
	small, large := openOffice(t), openOffice(t)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", []harness.Backend{{Name: "small", HTTP: small.addr, Workers: 2}, {Name: "large", HTTP: large.addr, Workers: 6}}),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
		),
	})
	all := queueAt(t, gateway.Web)
	for n := range 8 {
		all.send(t.Context(), "GET", "acme.test", fmt.Sprintf("/odoo/%d", n), "")
		harness.Eventually(t, harness.Patience, "the visitor is served", func() error {
			if at := len(small.paths()) + len(large.paths()); at != n+1 {
				return fmt.Errorf("%d are", at)
			}
			return nil
		})
		if n == 3 && (len(small.paths()) != 1 || len(large.paths()) != 3) {
			t.Errorf("of four visitors %d are on 2 workers, %d on 6", len(small.paths()), len(large.paths()))
		}
	}
	if len(small.paths()) != 2 || len(large.paths()) != 6 {
		t.Errorf("of eight visitors %d are on 2 workers, %d on 6", len(small.paths()), len(large.paths()))
	}
	small.release()
	large.release()
	all.group.Wait()
	idle := map[string]*office{"small": small, "large": large}
	before := len(small.paths())
	client := harness.Client(gateway.Web)
	for range 400 {
		harness.Get(t, client, "http://acme.test/odoo/later")
	}
	// 100 are expected; the bounds are five standard deviations away.
	if n := len(idle["small"].paths()) - before; n < 57 || n > 143 {
		t.Errorf("of 400 visitors, one after the other, %d went to the server with a quarter of the workers", n)
	}
}

// hostsOf are one host for each database.
func hostsOf(databases []string) []string {
	var hosts []string
	for _, database := range databases {
		hosts = append(hosts, database+".acme.test")
	}
	return hosts
}

// shared starts a stand-in of several databases, each found by its host, and so many workers
// more than it is said to have that its counts show what a gateway sends.
func shared(t *testing.T, name string, databases []string, args ...string) *harness.StandIn {
	t.Helper()
	return harness.StartStandIn(t, harness.StandInConfig{
		Name: name, Databases: strings.Join(databases, ","), Workers: 32, Args: append([]string{"-db-filter", "^%d$"}, args...),
	})
}

// sharedPool declares four workers for each; more lines go under spec.
func sharedPool(servers []*harness.StandIn, workers int, more ...string) string {
	var backends []harness.Backend
	for _, s := range servers {
		// The name says the place in the pool, as on Kubernetes; the address says who has it.
		name, _, _ := strings.Cut(s.Name, "-")
		backends = append(backends, harness.Backend{Name: name, HTTP: s.HTTP, Realtime: s.Realtime, Workers: workers})
	}
	return harness.PoolOf("shared", `{version: "18.0", sessions: shared}`, backends, more...)
}

func sharedDocuments(pool string, databases []string) map[string]string {
	documents := map[string]string{"pool.yaml": pool}
	for _, database := range databases {
		documents[database+".yaml"] = harness.Tenant(database, database, "shared", []string{database + ".acme.test"})
	}
	return documents
}

// visitors come without a cookie, so many at once, until they are told to stop.
type visitors struct {
	hosts []string
	addr  string

	mu     sync.Mutex
	served []visit
	bad    map[string]int
}

// visit is who served a visitor, and when.
type visit struct {
	at     time.Time
	server string
}

func (v *visitors) run(ctx context.Context, atOnce int) *sync.WaitGroup {
	v.bad = map[string]int{}
	group := &sync.WaitGroup{}
	client := harness.Client(v.addr)
	for i := range atOnce {
		group.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				request, _ := http.NewRequest(http.MethodGet, "http://"+v.hosts[n%len(v.hosts)]+"/web/login", nil)
				reply, err := harness.TryDo(client, request)
				v.note(reply, err)
			}
		})
	}
	return group
}

func (v *visitors) note(reply harness.Reply, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case err != nil:
		v.bad[short(err.Error())]++
	case reply.Status != http.StatusOK:
		v.bad[fmt.Sprintf("%d %s", reply.Status, short(reply.Body))]++
	default:
		v.served = append(v.served, visit{time.Now(), reply.Header.Get("X-Standin-Server")})
	}
}

// between counts visits by server.
func (v *visitors) between(from, to time.Time) map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	count := map[string]int{}
	for _, one := range v.served {
		if one.at.After(from) && one.at.Before(to) {
			count[one.server]++
		}
	}
	return count
}

// first says when a server had its first visit.
func (v *visitors) first(server string) (at time.Time, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.served, func(one visit) bool { return one.server == server })
	if i < 0 {
		return time.Time{}, false
	}
	return v.served[i].at, true
}

func (v *visitors) await(t *testing.T, server string) time.Time {
	t.Helper()
	var at time.Time
	harness.Eventually(t, harness.Patience, server+" gets visitors", func() error {
		first, ok := v.first(server)
		if !ok {
			return fmt.Errorf("visits: %v", v.between(time.Time{}, time.Now()))
		}
		at = first
		return nil
	})
	return at
}

func (v *visitors) wantNoneFailed(t *testing.T) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.bad) > 0 || len(v.served) == 0 {
		t.Errorf("%d visits were served, these were not: %v", len(v.served), v.bad)
	}
}

// TestANewServerIsWarmedAndFadesIn: a server is added to a pool under load. It takes a while to
// load a database, and no visitor may have to wait for that; then its share of them grows.
func TestANewServerIsWarmedAndFadesIn(t *testing.T) {
	t.Parallel()
	const fade = 6 * time.Second
	databases := []string{"d1", "d2", "d3"}
	old := shared(t, "a", databases)
	fresh := shared(t, "b", databases, "-registry-time", "500ms")
	balance := fmt.Sprintf("balance: {fadeIn: %v}", fade)
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, sharedDocuments(sharedPool([]*harness.StandIn{old}, 8, balance), databases))
	for _, s := range []*harness.StandIn{old, fresh} {
		s.Tell(t, `{"rules": [{"path": "/web/login", "delay": 0.02}]}`)
	}
	ctx, stop := context.WithCancel(t.Context())
	all := &visitors{hosts: hostsOf(databases), addr: gateway.Web}
	group := all.run(ctx, 4)
	defer group.Wait()
	defer stop()
	all.await(t, "a")
	gateway.Write(t, "tenants/pool.yaml", sharedPool([]*harness.StandIn{old, fresh}, 8, balance))
	begun := all.await(t, "b")
	harness.Eventually(t, harness.Patience, "it has its whole share", func() error {
		if share := gateway.Metrics(t).Sum("sluice_backend_share", `backend="b"`); share != 1 {
			return fmt.Errorf("it has %v", share)
		}
		return nil
	})
	whole := time.Now()
	harness.Eventually(t, harness.Patience, "more visitors come", func() error {
		if after := all.between(whole, time.Now()); after["a"]+after["b"] < 200 {
			return fmt.Errorf("%v", after)
		}
		return nil
	})
	stop()
	group.Wait()
	all.wantNoneFailed(t)
	early, late := all.between(begun, begun.Add(fade/4)), all.between(whole, time.Now())
	t.Logf("new sessions in the first quarter of the fade: %v, after it: %v", early, late)
	if early["b"] == 0 || early["b"]*3 > early["a"] {
		t.Errorf("of the first visitors %v: want few for the new server b", early)
	}
	if late["b"]*2 < late["a"] {
		t.Errorf("in the end %v: want about half for the new server b", late)
	}
	wantWarmed(t, fresh, databases)
}

// wantWarmed: the gateway, and nobody else, met databases that were not in memory.
func wantWarmed(t *testing.T, s *harness.StandIn, databases []string) {
	t.Helper()
	registries := s.Counters(t).Registries
	for _, process := range []string{"http", "realtime"} {
		for _, database := range databases {
			if r := registries[process][database]; !r.Warm || r.Early != 1 || r.LoadedBy != "sluice-warm-up" {
				t.Errorf("%s of server %s, database %s: %+v; want it loaded by the warm-up alone", process, s.Name, database, r)
			}
		}
	}
}

// TestARollingRestartOverloadsNobody: three servers are replaced one after the other, faster than
// the new ones fade in. The last old one must not get what the new ones have room for, and
// nobody waits or fails.
func TestARollingRestartOverloadsNobody(t *testing.T) {
	t.Parallel()
	const atOnce, workers = 6, 4
	for name, declared := range map[string]int{"workers declared": workers, "not declared": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databases := []string{"d1"}
			slow := []string{"-registry-time", "300ms"}
			var servers []*harness.StandIn
			for _, place := range []string{"a", "b", "c"} {
				servers = append(servers, shared(t, place, databases))
			}
			const balance = "balance: {fadeIn: 30s}"
			gateway := harness.StartGateway(t, harness.GatewayConfig{}, sharedDocuments(sharedPool(servers, declared, balance), databases))
			everybody := slices.Clone(servers)
			for _, place := range []string{"a-2", "b-2", "c-2"} {
				everybody = append(everybody, shared(t, place, databases, slow...))
			}
			for _, s := range everybody {
				s.Tell(t, `{"rules": [{"path": "/web/login", "delay": 0.05}]}`)
			}
			ctx, stop := context.WithCancel(t.Context())
			all := &visitors{hosts: hostsOf(databases), addr: gateway.Web}
			group := all.run(ctx, atOnce)
			defer group.Wait()
			defer stop()
			all.await(t, "a")
			for i := range servers {
				servers[i] = everybody[3+i]
				if i == 2 {
					everybody[2].Tell(t, `{"reset_load": true}`)
				}
				gateway.Write(t, "tenants/pool.yaml", sharedPool(servers, declared, balance))
				all.await(t, servers[i].Name)
			}
			last := time.Now()
			harness.Eventually(t, harness.Patience, "all is as before", func() error {
				if n := len(slices.Collect(maps.Keys(all.between(last, time.Now())))); n != 3 {
					return fmt.Errorf("%v", all.between(last, time.Now()))
				}
				return nil
			})
			stop()
			group.Wait()
			all.wantNoneFailed(t)
			for _, s := range everybody {
				load := s.Counters(t).Load
				t.Logf("%s: %d at once", s.Name, load.Most)
				if load.Most > workers {
					t.Errorf("server %s had %d visitors at once of %d, with %d workers and idle ones elsewhere", s.Name, load.Most, atOnce, workers)
				}
			}
			if waits := gateway.Metrics(t).Sum("sluice_admission_wait_seconds_count"); waits > 0 {
				t.Errorf("%v visitors waited for a worker, while others were idle", waits)
			}
			for _, s := range everybody[3:] {
				wantWarmed(t, s, databases)
			}
		})
	}
}
