package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// Odoo with eight workers, as fast as a real one: what is slow here is the work, not the
// machine.
const (
	floodWorkers = 8
	floodRules   = `{"rules": [
  {"path": "/jsonrpc", "delay": 0.075, "status": 200, "body": "{}"},
  {"path": "/report/", "delay": 2, "status": 200, "body": "%PDF"},
  {"path": "/odoo", "delay": 0.03, "status": 200, "body": "page"}]}`
)

// stream is one kind of requests of one tenant.
type stream struct {
	tenant, method, path string
	rate, clients        int  // a rate of 0: each client sends the next when it has an answer
	people               bool // their times count to the last one
}

func (s stream) host() string { return s.tenant + ".bench.test" }

// load sends the stream to the gateway at addr.
func (s stream) load(addr string) *harness.Load {
	return &harness.Load{Rate: s.rate, Clients: s.clients, Pause: 2 * time.Second, Hasty: !s.people, Request: func() *http.Request {
		body := ""
		if s.method == http.MethodPost {
			body = `{"jsonrpc": "2.0", "method": "call", "params": {"service": "common", "method": "version", "args": []}}`
		}
		r, err := http.NewRequest(s.method, "http://"+addr+s.path, strings.NewReader(body))
		if err != nil {
			panic(fatal(err.Error()))
		}
		r.Host = s.host()
		r.Header.Set("Content-Type", "application/json")
		return r
	}}
}

// flood: what people feel while somebody sends more than Odoo can take. The same pools with
// and without their number of workers: without it the gateway queues nothing, as a plain proxy.
func (b *bench) flood() {
	b.printf("\n## Floods\n\nStand-ins with %d workers; pages take 30 ms, calls 75 ms, reports 2 s. Time of the pages of people, 40 a second of each tenant that is shown. "+
		"Those who flood with calls send the next as soon as they have an answer, two seconds after a refusal, as it asks for.\n", floodWorkers)
	calls := stream{tenant: "t0", method: "POST", path: "/jsonrpc", clients: 300}
	people := []stream{pages("t0", 40), pages("t1", 40)}
	people[0].people, people[1].people = true, true
	b.floodTable("300 integrations of t0; each tenant has a pool of its own", false, people, calls)
	b.floodTable("300 integrations of t0; both share a pool", true, people, calls)
	b.floodTable("t1 has ten times as many people, and 10 reports a second; both share a pool", true, people[:1],
		pages("t1", 400), stream{tenant: "t1", method: "GET", path: "/report/pdf/x/1", rate: 10, clients: 100})
}

func pages(tenant string, rate int) stream {
	return stream{tenant: tenant, method: "GET", path: "/odoo", rate: rate, clients: 200}
}

func (b *bench) floodTable(title string, shared bool, people []stream, floods ...stream) {
	b.printf("\n### %s\n\n| | pages of | p50 idle | p95 idle | p50 flooded | p95 flooded | p95 ratio | pages refused | flood served/s | flood refused/s |\n|---|---|---|---|---|---|---|---|---|---|\n", title)
	for _, workers := range []int{floodWorkers, 0} {
		b.scope(func(b *bench) { b.floodRows(workers, shared, people, floods) })
	}
}

// floodRows prints a row for each tenant whose people are looked at.
func (b *bench) floodRows(workers int, shared bool, people, floods []stream) {
	addr := b.floodGateway(workers, shared)
	b.under(addr, b.duration/2, people...)
	idle := b.under(addr, 3*b.duration, people...)
	all := append(append([]stream(nil), people...), floods...)
	b.under(addr, b.duration/2, all...)
	length := 3 * b.duration
	flooded := b.under(addr, length, all...)
	served, refused := 0, 0
	for _, r := range flooded[len(people):] {
		served, refused = served+r.Good, refused+r.Sent-r.Good
	}
	name := "workers declared"
	if workers == 0 {
		name = "not declared: no admission"
	}
	for i, s := range people {
		before, after := idle[i], flooded[i]
		b.printf("| %s | %s | %v | %v | %v | %v | %.2f | %d of %d | %.0f | %.0f |\n", name, s.tenant,
			before.Quantile(0.5), before.Quantile(0.95), after.Quantile(0.5), after.Quantile(0.95), float64(after.Quantile(0.95))/float64(before.Quantile(0.95)),
			after.Sent-after.Good, after.Sent, float64(served)/length.Seconds(), float64(refused)/length.Seconds())
	}
}

// floodGateway serves two tenants, from one pool or from one each.
func (b *bench) floodGateway(workers int, shared bool) (addr string) {
	documents := map[string]string{}
	pool := ""
	for _, tenant := range []string{"t0", "t1"} {
		if pool == "" || !shared {
			pool = "pool-" + tenant
			odoo := harness.StartStandIn(b, harness.StandInConfig{Name: tenant, Databases: "t0,t1", Workers: floodWorkers})
			odoo.Tell(b, floodRules)
			documents[pool+".yaml"] = harness.Pool(pool, []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: workers}})
		}
		documents[tenant+".yaml"] = harness.Tenant(tenant, tenant, pool, []string{tenant + ".bench.test"})
	}
	g := harness.StartGateway(b, harness.GatewayConfig{}, documents)
	b.waitFor(g.Web)
	return g.Web
}

// under runs streams at the same time and returns what each saw.
func (b *bench) under(addr string, length time.Duration, streams ...stream) []harness.Report {
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	reports := make([]harness.Report, len(streams))
	done := make(chan int)
	for i, s := range streams {
		go func() {
			reports[i] = s.load(addr).Run(ctx)
			done <- i
		}()
	}
	for range streams {
		<-done
	}
	return reports
}
