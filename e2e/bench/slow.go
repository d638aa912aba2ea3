package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// slow: a client that stalls in a download. The backend has two workers which drop a
// connection that stalls for two seconds, as Odoo's do.
func (b *bench) slow() {
	stall := 6 * time.Second
	if b.short {
		stall = 3 * time.Second
	}
	b.printf("\n## A client that stalls\n\n25 MB, the client stalls for %v after the first megabyte. The backend drops what stalls for 2 s.\n\n| peer | MB delivered | whole | worker busy for |\n|---|---|---|---|\n", stall)
	for _, start := range []func(*bench, fleet) *peer{
		func(b *bench, f fleet) *peer { return b.sluice(f) },
		func(b *bench, f fleet) *peer { return b.traefik(f, false) },
		func(b *bench, f fleet) *peer { return b.nginx(f, false) },
		func(b *bench, f fleet) *peer { return b.haproxy(f, false) },
	} {
		b.scope(func(b *bench) {
			odoo := harness.StartStandIn(b, harness.StandInConfig{Name: "t0", Workers: 2})
			p := start(b, fleet{count: 1, backend: odoo.HTTP})
			got, busy := b.stalled(p, odoo, stall)
			b.printf("| %s | %.1f | %v | %v |\n", p.name, float64(got)/1e6, got >= 25_000_000, busy.Round(100*time.Millisecond))
		})
	}
}

// stalled downloads with a stall and says how much came, and how long workers were held.
func (b *bench) stalled(p *peer, odoo *harness.StandIn, stall time.Duration) (int64, time.Duration) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	before := odoo.Counters(b).Workers.BusySeconds
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: t0.bench.test\r\nConnection: close\r\n\r\n", harness.BytesPath(25_000_000))
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 16<<10), nil)
	if err != nil {
		b.Fatal(err)
	}
	got, _ := io.CopyN(io.Discard, answer.Body, 1<<20)
	<-time.After(stall)
	more, _ := io.Copy(io.Discard, answer.Body)
	held := odoo.Counters(b).Workers.BusySeconds - before
	return got + more, time.Duration(held * float64(time.Second))
}
