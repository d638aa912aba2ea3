package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// tenants: how the number of tenants changes what one request costs and what the process
// holds. Hosts are asked at random, so no cache of one host helps.
func (b *bench) tenants() {
	b.printf("\n## Tenants\n\nThree hosts each, one backend, hosts asked at random. Ratios are against 10 tenants of the same peer. Stock Traefik has a router for each tenant.\n")
	for _, stock := range []bool{false, true} {
		b.scope(func(b *bench) {
			backend := b.backend(false)
			var peers []*peer
			for _, count := range b.sizes() {
				f := fleet{count: count, backend: backend}
				p := (*peer)(nil)
				if stock {
					p = b.traefik(f, false)
				} else {
					p = b.sluice(f)
				}
				p.name = fmt.Sprintf("%s, %d tenants", p.name, count)
				p.script = b.randomHosts(count)
				peers = append(peers, p)
			}
			b.table(map[bool]string{false: "Sluice", true: "Stock Traefik"}[stock], peers[0].name, namesOf(peers), b.interleave(peers, connections))
		})
	}
}

// randomHosts writes a wrk script that asks the fleet's hosts at random.
func (b *bench) randomHosts(count int) string {
	return b.file(b.TempDir(), "hosts.lua", fmt.Sprintf(`
local made = {}
function init(args)
  math.randomseed(os.time())
  for i = 1, 2000 do
    made[i] = wrk.format("GET", "/web", {["Host"] = string.format("www.t%%d.bench.test", math.random(0, %d))})
  end
end
local n = 0
function request()
  n = n %% 2000 + 1
  return made[n]
end
`, count-1))
}

// change: what one tenant's change costs among many, how soon it is served after its file
// was put in place, and what the other tenants notice.
func (b *bench) change() {
	b.printf("\n## One tenant's change\n\nA file with one more host is renamed into place; a client asks for that host until it is served. A change that is not served after %v counts as lost and is written again. Meanwhile another tenant gets 200 requests/s (open loop).\n", patience)
	b.printf("\n| peer | tenants | changes | lost | effective p50 | p99 | CPU ms/change | others' p99 before | others' p99 during | others failed |\n|---|---|---|---|---|---|---|---|---|---|\n")
	changes := 60
	if b.short {
		changes = 5
	}
	for _, count := range b.sizes() {
		for _, stock := range []bool{false, true} {
			b.scope(func(b *bench) {
				f := fleet{count: count, backend: b.backend(false)}
				p := (*peer)(nil)
				if stock {
					p = b.traefik(f, false)
				} else {
					p = b.sluice(f)
				}
				b.changeOf(p, count, changes)
			})
		}
	}
}

func (b *bench) changeOf(p *peer, count, changes int) {
	var steady time.Duration // processor time that the load alone takes in one second
	quiet := b.others(p, func() {
		start := p.usage(b).CPU
		<-time.After(b.duration)
		steady = time.Duration(float64(p.usage(b).CPU-start) / b.duration.Seconds())
	})
	var times []time.Duration
	lost := 0
	var spent time.Duration
	busy := b.others(p, func() {
		start, begun := p.usage(b).CPU, time.Now()
		for version := 1; version <= changes; version++ {
			took, missed, ok := b.effective(p, version)
			times, lost = append(times, took), lost+missed
			if !ok {
				p.name += ", then stuck"
				changes = version
			}
		}
		spent = p.usage(b).CPU - start - time.Duration(float64(steady)*time.Since(begun).Seconds())
	})
	slices.Sort(times)
	b.printf("| %s | %d | %d | %d | %v | %v | %.1f | %v | %v | %d of %d |\n", p.name, count, changes, lost,
		times[len(times)/2].Round(time.Millisecond), times[len(times)-1-len(times)/100].Round(time.Millisecond),
		float64(spent.Milliseconds())/float64(changes), quiet.Quantile(0.99), busy.Quantile(0.99), busy.Sent-busy.Good, busy.Sent)
}

// patience is how long a change may take before it counts as lost and is written again.
const patience = 15 * time.Second

// effective puts a version in place and says when it was served, and how often it had to be
// written again because the peer had missed it; ok is false when it never was.
func (b *bench) effective(p *peer, version int) (took time.Duration, lost int, ok bool) {
	client := harness.Client(p.addr)
	defer client.CloseIdleConnections()
	start := time.Now()
	for ; lost < 2; lost++ {
		p.reload(version)
		for written := time.Now(); time.Since(written) < patience; {
			asked := time.Now()
			reply, err := harness.TryDo(client, harness.NewRequest(b, http.MethodGet, "http://"+versionHost(version)+"/web", ""))
			if err == nil && reply.Status == http.StatusOK {
				return time.Since(start), lost, true
			}
			// A host that is not known yet costs some peers much: asking must not be the load.
			<-time.After(max(2*time.Millisecond, 4*time.Since(asked)))
		}
	}
	return time.Since(start), lost, false
}

// others loads another tenant while f runs.
func (b *bench) others(p *peer, f func()) harness.Report {
	load := &harness.Load{Rate: 200, Request: func() *http.Request {
		request, _ := http.NewRequest(http.MethodGet, "http://"+p.addr+"/web", nil)
		request.Host = "t3.bench.test"
		return request
	}}
	ctx, cancel := context.WithCancel(context.Background())
	reports := make(chan harness.Report)
	go func() { reports <- load.Run(ctx) }()
	f()
	cancel()
	return <-reports
}
