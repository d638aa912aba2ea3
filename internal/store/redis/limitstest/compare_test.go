package limitstest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// BenchmarkCompare prints what limiters cost and how well they keep a limit over three
// replicas, one after another against the same Redis, half a millisecond away:
//
//	go test -run xxx -bench Compare -benchtime 1x ./internal/store/redis/limitstest
func BenchmarkCompare(b *testing.B) {
	server := redistest.Start(b)
	address := distant(b, server.Addr, 500*time.Microsecond)
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer out.Flush()
	fmt.Fprintln(out, "\nlimiter\tp50 µs\tp99 µs\tdecisions/s\tscripts per 1000\tover: even\tskewed\tbursty\tclock +5 min\tunder: even\tskewed\tbursty")
	for _, p := range peers() {
		b.Run(strings.ReplaceAll(p.name, " ", "-"), func(b *testing.B) {
			for b.Loop() {
				row := compare(b, p, server, address)
				fmt.Fprintln(out, p.name+"\t"+strings.Join(row, "\t"))
			}
		})
	}
}

// scripts is how many scripts a server has run.
func scripts(server *redistest.Server) int {
	calls := 0
	for _, name := range []string{"cmdstat_evalsha", "cmdstat_eval"} {
		text, _, _ := strings.Cut(strings.TrimPrefix(server.Info(name), "calls="), ",")
		n, _ := strconv.Atoi(text)
		calls += n
	}
	return calls
}

func compare(b *testing.B, p peer, server *redistest.Server, address string) []string {
	b.Helper()
	server.Do("FLUSHALL")
	even := shapes()[0]
	hot := limits{rate: 1000, burst: 400}
	replicas := p.make(b, address, hot, "hot", 0)
	drive(replicas, even, 800, 2*time.Second) // warm
	before := scripts(server)
	calls := drive(replicas, even, 800, 5*time.Second)
	per1000 := float64(scripts(server)-before) * 1000 / float64(max(admissions(calls), 1))
	rows := []string{
		fmt.Sprintf("%.1f", float64(quantile(calls, .5))/1e3),
		fmt.Sprintf("%.0f", float64(quantile(calls, .99))/1e3),
		fmt.Sprintf("%.0f", throughput(p.make(b, address, limits{rate: 1_000_000, burst: 100_000}, "busy", 0))),
		fmt.Sprintf("%.0f", per1000),
	}
	b.ReportMetric(float64(quantile(calls, .5)), "p50-ns")
	b.ReportMetric(per1000, "scripts/1000")

	tight := limits{rate: 500, burst: 100}
	var missing []string
	for _, s := range shapes() {
		made := drive(p.make(b, address, tight, s.name, 0), s, 2*tight.rate, 6*time.Second)
		rows = append(rows, tokens(over(made, float64(tight.rate), tight.burst)))
		missing = append(missing, fmt.Sprintf("%.1f %%", 100*under(made, float64(tight.rate), tight.burst)))
	}
	wrong := drive(p.make(b, address, tight, "wrong", 5*time.Minute), even, 2*tight.rate, 6*time.Second)
	rows = append(rows, tokens(over(wrong, float64(tight.rate), tight.burst)))
	return append(rows, missing...)
}

func tokens(over float64) string {
	if over < 1e-3 {
		return "0"
	}
	return fmt.Sprintf("%.1f", over)
}

// throughput is how many decisions a second 64 clients get that wait for each.
func throughput(replicas []allow) float64 {
	const span = 3 * time.Second
	var all sync.WaitGroup
	var decided atomic.Int64
	start := time.Now()
	for i := range clients {
		all.Go(func() {
			for n := 0; ; n++ {
				replicas[(i+n)%3]()
				decided.Add(1)
				if time.Since(start) > span {
					return
				}
			}
		})
	}
	all.Wait()
	return float64(decided.Load()) / time.Since(start).Seconds()
}
