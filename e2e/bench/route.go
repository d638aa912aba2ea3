package main

import (
	"os/exec"
	"slices"
)

// connections that wrk keeps busy. Few: on two cores more would measure the queue.
const connections = 16

// route is the full path of one tenant, with a backend that keeps connections and with one
// that closes them as Odoo's workers do.
func (b *bench) route() {
	b.printf("\n## One route\n\nSame backend, same headers set, answers of 1 KiB, %d connections. Ratios are against stock Traefik.\n", connections)
	for _, closing := range []bool{false, true} {
		title := "The backend keeps connections (HTTP/1.1)"
		if closing {
			title = "The backend closes (HTTP/1.0, as Odoo's prefork workers)"
		}
		b.scope(func(b *bench) {
			backend := b.backend(closing)
			one := fleet{count: 1, backend: backend}
			counted := fleet{count: 1, backend: backend, metrics: true}
			logged := fleet{count: 1, backend: backend, accesses: true}
			peers := []*peer{b.sluice(one), b.traefik(one, false), b.nginx(one, !closing), b.haproxy(one, !closing)}
			if !b.short {
				peers = append(peers, b.traefik(counted, false), b.traefik(one, true), b.sluice(logged), b.traefik(logged, false))
			}
			b.table(title, "traefik", namesOf(peers), b.interleave(peers, connections))
		})
	}
}

func namesOf(peers []*peer) []string {
	var names []string
	for _, p := range peers {
		names = append(names, p.name)
	}
	return names
}

// look finds a program of the system.
func look(b *bench, name string) string {
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	b.Fatalf("%s is not installed", name)
	return ""
}

// sizes of the fleets that the tenant cases compare.
func (b *bench) sizes() []int {
	if b.short {
		return []int{10, 500}
	}
	return []int{10, 1000, 10_000}
}

// largest is the last of the sizes.
func (b *bench) largest() int { return slices.Max(b.sizes()) }
