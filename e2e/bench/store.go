package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// storeFault is a way in which Redis fails.
type storeFault struct {
	name        string
	spoil, heal func()
}

// storeFaults: what a bad store adds to requests whose clients carry their pin, and to those
// whose clients carry nothing of ours. The rate is low, so that what is measured is waiting.
func (b *bench) storeFaults() {
	b.printf("\n## A store that fails\n\nThree replicas, 200 requests a second of 600 signed-in sessions. Medians of the p99 of rounds in turns, well and with the fault.\n\n" +
		"| Redis | clients keep | requests | failed | p99, well | p99, fault | added | max, fault |\n|---|---|---|---|---|---|---|---|\n")
	b.scope(func(b *bench) {
		redis := harness.StartRedis(b)
		toxic := harness.StartToxic(b, redis.Addr)
		backend := harness.NewFast(b)
		all := harness.StartReplicas(b, 3, harness.GatewayConfig{Spec: harness.Store(toxic.Addr)}, map[string]string{
			"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}, manySignIns),
		})
		headers := b.sessions(all, 600)
		faults := b.faults(redis, toxic)
		if b.short {
			faults = faults[:2]
		}
		for _, fault := range faults {
			for _, keep := range []string{"all cookies", "session_id only"} {
				b.storeFault(all, fault, keep, headers[keep])
			}
		}
	})
}

func (b *bench) faults(redis *harness.Redis, toxic *harness.Toxic) []storeFault {
	slow := func(ms int) storeFault {
		return storeFault{
			fmt.Sprintf("slow, %d ms", ms),
			func() { toxic.Add(b, "slow", "latency", map[string]int{"latency": ms}) }, func() { toxic.Remove(b, "slow") },
		}
	}
	return []storeFault{
		{"frozen", func() { redis.Freeze(b) }, func() { redis.Thaw(b) }},
		{"refused", func() { toxic.Refuse(b, true) }, func() { toxic.Refuse(b, false) }},
		{"silent", func() { toxic.Add(b, "silent", "timeout", map[string]int{"timeout": 0}) }, func() { toxic.Remove(b, "silent") }},
		slow(30), slow(10),
		{"read-only", func() { redis.Do(b, "REPLICAOF", "127.0.0.1", harness.FreePort(b)) }, func() { redis.Do(b, "REPLICAOF", "NO", "ONE") }},
		{"flushed", func() { redis.Do(b, "FLUSHALL") }, func() {}},
	}
}

func (b *bench) storeFault(all harness.Replicas, fault storeFault, keep string, headers []string) {
	var well, bad, longest []time.Duration
	sent, failed := 0, 0
	for range min(b.rounds, 5) {
		b.storeWell(all)
		well = append(well, b.visits(all, headers).Quantile(0.99))
		fault.spoil()
		r := b.visits(all, headers)
		fault.heal()
		bad, longest = append(bad, r.Quantile(0.99)), append(longest, r.Quantile(1))
		sent, failed = sent+r.Sent, failed+r.Sent-r.Good
	}
	slices.Sort(well)
	slices.Sort(bad)
	before, during := well[len(well)/2], bad[len(bad)/2]
	b.printf("| %s | %s | %d | %d | %v | %v | %v | %v |\n", fault.name, keep, sent, failed, before, during, during-before, slices.Max(longest))
}

func (b *bench) storeWell(all harness.Replicas) {
	harness.Eventually(b, harness.Patience, "the store is well", func() error {
		if all.Sum(b, "sluice_store_up") != float64(len(all)) {
			return context.DeadlineExceeded
		}
		return nil
	})
}

// sessions signs clients in and returns their Cookie headers, by what they keep.
func (b *bench) sessions(all harness.Replicas, count int) map[string][]string {
	headers := map[string][]string{}
	for i := range count {
		wires := harness.NewWires(all[i%len(all)].Web)
		u := harness.NewUser(wires, "acme.test")
		if err := u.SignInByCall(context.Background(), "acme", "demo"); err != nil {
			b.Fatal(err)
		}
		wires.Close()
		cookies := u.Cookies()
		headers["all cookies"] = append(headers["all cookies"], "session_id="+cookies["session_id"]+"; sluice_pin="+cookies["sluice_pin"])
		headers["session_id only"] = append(headers["session_id only"], "session_id="+cookies["session_id"])
	}
	return headers
}

func (b *bench) visits(all harness.Replicas, headers []string) harness.Report {
	ctx, cancel := context.WithTimeout(context.Background(), max(b.duration/2, time.Second))
	defer cancel()
	load := &harness.Load{Rate: 200, Clients: 64, Request: func() *http.Request {
		request, _ := http.NewRequest(http.MethodGet, "http://"+all[rand.IntN(len(all))].Web+"/web", nil)
		request.Host = "acme.test"
		request.Header.Set("Cookie", headers[rand.IntN(len(headers))])
		return request
	}}
	return load.Run(ctx)
}
