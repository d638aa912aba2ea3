package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"sluicegate.dev/sluice/e2e/harness"
)

// pins: what sessions cost the store and each replica, and that crawlers cost nothing.
func (b *bench) pins() {
	sessions, crawl := 100_000, 1_000_000
	if b.short {
		sessions, crawl = 2_000, 20_000
	}
	b.printf("\n## Pins\n\nThree replicas and one Redis; a backend that gives a session to everybody.\n\n| what | figure |\n|---|---|\n")
	b.scope(func(b *bench) {
		redis := harness.StartRedis(b)
		backend := harness.NewFast(b)
		documents := map[string]string{"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}, manySignIns)}
		// Traefik's debug pages collect the garbage on request: what is left is really held.
		all := harness.StartReplicas(b, 3, harness.GatewayConfig{
			Spec: harness.Store(redis.Addr), Traefik: "    api: {insecure: true, debug: true}\n",
		}, documents)
		b.crawlers(all, redis, crawl)
		ids := b.signIns(all, redis, sessions)
		b.steady(all, redis, ids)
	})
}

// crawlers: a million visits without a cookie.
func (b *bench) crawlers(all harness.Replicas, redis *harness.Redis, visits int) {
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			if _, err := harness.Crawl(all[i%3].Web, "acme.test", harness.AnonymousPath, visits/12); err != nil {
				b.Logf("crawler: %v", err)
			}
		})
	}
	group.Wait()
	served := all.Sum(b, "sluice_requests_total", `tenant="acme"`)
	b.printf("| visits without a cookie | %.0f |\n| pins that they made | %d |\n", served, len(redis.Keys(b, "sluice:v1:pin:*")))
}

// signIns makes a pin for each of many sessions and reads what they take.
func (b *bench) signIns(all harness.Replicas, redis *harness.Redis, count int) []string {
	heap := func() float64 {
		b.collect(all)
		return all.Sum(b, "go_memstats_heap_alloc_bytes")
	}
	used := func() int {
		bytes, err := strconv.Atoi(redis.Info(b, "memory")["used_memory"])
		if err != nil {
			b.Fatal(err)
		}
		return bytes
	}
	heapBefore, usedBefore := heap(), used()
	ids := make([]string, count)
	var group sync.WaitGroup
	for worker := range 12 {
		group.Go(func() {
			wires := harness.NewWires(all[worker%3].Web)
			defer wires.Close()
			for i := worker; i < count; i += 12 {
				u := harness.NewUser(wires, "acme.test")
				if err := u.SignInByCall(context.Background(), "acme", "demo"); err != nil {
					b.Logf("sign in: %v", err)
					return
				}
				ids[i] = u.Cookies()["session_id"]
			}
		})
	}
	group.Wait()
	keys := redis.Keys(b, "sluice:v1:pin:*")
	if len(keys) == 0 {
		b.Fatal("logins made no pins")
	}
	one := redis.Do(b, "MEMORY", "USAGE", keys[0]).(int64)
	late := all.Sum(b, "sluice_store_calls_total", `op="put_pin"`) - all.Sum(b, "sluice_store_calls_total", `op="put_pin"`, `result="ok"`) +
		all.Sum(b, "sluice_pin_records_total", `result="unavailable"`)
	b.printf("| sessions signed in, pins in Redis, calls that it did not answer in time | %d, %d, %.0f |\n", count, len(keys), late)
	b.printf("| Redis, bytes a pin (whole process / MEMORY USAGE) | %d / %d |\n", (used()-usedBefore)/len(keys), one)
	b.printf("| a replica's heap, bytes a pin (a third of them were signed in through it) | %.0f |\n", (heap()-heapBefore)/3/float64(len(keys)))
	return ids
}

// steady: requests of known sessions, with no cookie but Odoo's.
func (b *bench) steady(all harness.Replicas, redis *harness.Redis, ids []string) {
	ids = ids[:min(len(ids), 3000)]
	round := func() {
		var group sync.WaitGroup
		for worker := range 12 {
			group.Go(func() {
				wires := harness.NewWires(all[worker%3].Web)
				defer wires.Close()
				u := harness.NewUser(wires, "acme.test")
				for _, id := range ids[worker*len(ids)/12 : (worker+1)*len(ids)/12] {
					u.SetCookie("session_id", id)
					if _, err := u.Do(context.Background(), "GET", "/web", ""); err != nil {
						b.Logf("visit: %v", err)
					}
				}
			})
		}
		group.Wait()
	}
	round() // every replica has seen its sessions
	redis.Do(b, "CONFIG", "RESETSTAT")
	const rounds = 10
	for range rounds {
		round()
	}
	requests := float64(rounds * len(ids))
	total := 0
	var parts []string
	for name, n := range redis.Calls(b) {
		if strings.HasPrefix(name, "config") || strings.HasPrefix(name, "info") {
			continue
		}
		total += n
		parts = append(parts, fmt.Sprintf("%s %d", name, n))
	}
	b.printf("| commands in Redis per 1 000 requests of known sessions, background included | %.1f (%s) |\n", float64(total)*1000/requests, strings.Join(parts, ", "))
}

// manySignIns from one address look like guesses.
const manySignIns = "signIn: {mode: disabled}"

// collect frees what nobody holds.
func (b *bench) collect(all harness.Replicas) {
	for range 2 {
		for _, g := range all {
			if _, err := g.AdminStatus("/debug/pprof/heap?gc=1"); err != nil {
				b.Fatal(err)
			}
		}
	}
}
