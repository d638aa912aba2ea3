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
  {"path": "/jsonrpc", "delay": 0.2, "status": 200, "body": "{}"},
  {"path": "/report/", "delay": 2, "status": 200, "body": "%PDF"},
  {"path": "/odoo", "delay": 0.03, "status": 200, "body": "page"}]}`
)

// stream is one kind of requests at a constant rate.
type stream struct {
	host, method, path string
	rate, clients      int
}

// load sends the stream to the gateway at addr.
func (s stream) load(addr string) *harness.Load {
	return &harness.Load{Rate: s.rate, Clients: s.clients, Request: func() *http.Request {
		body := ""
		if s.method == http.MethodPost {
			body = `{"jsonrpc": "2.0", "method": "call", "params": {"service": "common", "method": "version", "args": []}}`
		}
		r, err := http.NewRequest(s.method, "http://"+addr+s.path, strings.NewReader(body))
		if err != nil {
			panic(fatal(err.Error()))
		}
		r.Host = s.host
		r.Header.Set("Content-Type", "application/json")
		return r
	}}
}

// flood: what people feel while somebody sends more than Odoo can take. The same pool with
// and without its number of workers: without it the gateway queues nothing, as a plain proxy.
func (b *bench) flood() {
	b.printf("\n## Floods\n\nA stand-in with %d workers; pages take 30 ms, calls 200 ms, reports 2 s. Time of the pages of people, 20 a second; the flood comes at a constant rate, whatever the answers.\n", floodWorkers)
	people := stream{host: "t0.bench.test", method: "GET", path: "/odoo", rate: 20, clients: 200}
	b.floodTable("Integrations flood their own tenant: 120 calls a second, Odoo can take 40", people,
		stream{host: "t0.bench.test", method: "POST", path: "/jsonrpc", rate: 120, clients: 300})
	b.floodTable("Another tenant of the pool sends ten times as many pages, and 10 reports a second", people,
		stream{host: "t1.bench.test", method: "GET", path: "/odoo", rate: 200, clients: 200},
		stream{host: "t1.bench.test", method: "GET", path: "/report/pdf/x/1", rate: 10, clients: 100})
}

func (b *bench) floodTable(title string, people stream, floods ...stream) {
	b.printf("\n### %s\n\n| | p50 idle | p95 idle | p50 flooded | p95 flooded | p95 ratio | pages refused | flood served/s | flood refused/s |\n|---|---|---|---|---|---|---|---|---|\n", title)
	for _, workers := range []int{floodWorkers, 0} {
		b.scope(func(b *bench) { b.floodRow(workers, people, floods) })
	}
}

func (b *bench) floodRow(workers int, people stream, floods []stream) {
	odoo := harness.StartStandIn(b, harness.StandInConfig{Name: "t0", Databases: "t0,t1", Workers: floodWorkers})
	documents := map[string]string{"pool.yaml": harness.Pool("shared", []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: workers}})}
	for _, name := range []string{"t0", "t1"} {
		documents[name+".yaml"] = harness.Tenant(name, name, "shared", []string{name + ".bench.test"})
	}
	g := harness.StartGateway(b, harness.GatewayConfig{}, documents)
	b.waitFor(g.Web)
	odoo.Tell(b, floodRules)
	b.under(g.Web, b.duration/2, people)
	idle := b.under(g.Web, 5*b.duration, people)[0]
	b.under(g.Web, b.duration/2, append([]stream{people}, floods...)...)
	length := 5 * b.duration // what still waits at its end is served, and counts
	all := b.under(g.Web, length, append([]stream{people}, floods...)...)
	served, refused := 0, 0
	for _, r := range all[1:] {
		served, refused = served+r.Good, refused+r.Sent-r.Good
	}
	name := "workers declared"
	if workers == 0 {
		name = "not declared: no admission"
	}
	p95 := func(r harness.Report) time.Duration { return r.Quantile(0.95) }
	b.printf("| %s | %v | %v | %v | %v | %.2f | %d of %d | %.0f | %.0f |\n", name, idle.Quantile(0.5), p95(idle), all[0].Quantile(0.5), p95(all[0]),
		float64(p95(all[0]))/float64(p95(idle)), all[0].Sent-all[0].Good, all[0].Sent, float64(served)/length.Seconds(), float64(refused)/length.Seconds())
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
