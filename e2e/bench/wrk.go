package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// figure is one measurement of one peer.
type figure struct {
	rate     float64 // requests a second
	p50, p99 time.Duration
	cpu      time.Duration // the peer's processor time for one request
	rss      int64         // resident bytes afterwards
	failed   int
}

var (
	rateLine    = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	latencyLine = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+)(us|ms|s)`)
	totalLine   = regexp.MustCompile(`(\d+) requests in`)
	badLine     = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	socketLine  = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
)

// measure loads a peer with wrk, closed loop, and reads what it used meanwhile.
func (b *bench) measure(p *peer, connections int) figure {
	args := []string{"-t2", "-c" + strconv.Itoa(connections), "-d" + b.duration.String(), "--latency", "-H", "Host: t0.bench.test"}
	if p.script != "" {
		args = append(args, "-s", p.script)
	}
	before := p.usage(b)
	text, err := exec.Command("wrk", append(args, "http://"+p.addr+"/web")...).CombinedOutput()
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, text)
	}
	after := p.usage(b)
	f := figure{rate: number(rateLine, text), rss: after.RSS, failed: int(number(badLine, text))}
	for _, m := range socketLine.FindAllSubmatch(text, -1) {
		for _, n := range m[1:] {
			count, _ := strconv.Atoi(string(n))
			f.failed += count
		}
	}
	if total := number(totalLine, text); total > 0 {
		f.cpu = time.Duration(float64(after.CPU-before.CPU) / total)
	}
	for _, m := range latencyLine.FindAllStringSubmatch(string(text), -1) {
		d, _ := time.ParseDuration(m[2] + m[3])
		if m[1] == "50" {
			f.p50 = d
		} else {
			f.p99 = d
		}
	}
	return f
}

func number(expression *regexp.Regexp, text []byte) float64 {
	m := expression.FindSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n
}

// interleave measures every peer once a round, so that a slow minute of the machine hits
// all of them, and returns the medians.
func (b *bench) interleave(peers []*peer, connections int) map[string]figure {
	all := map[string][]figure{}
	for round := range b.rounds {
		for i := range peers {
			p := peers[(i+round)%len(peers)] // no peer is always the first one
			all[p.name] = append(all[p.name], b.measure(p, connections))
		}
	}
	medians := map[string]figure{}
	for name, figures := range all {
		medians[name] = median(figures)
	}
	return medians
}

func median(figures []figure) figure {
	failed := 0
	for _, f := range figures {
		failed += f.failed
	}
	return figure{
		rate:   middle(figures, func(f figure) float64 { return f.rate }),
		p50:    time.Duration(middle(figures, func(f figure) float64 { return float64(f.p50) })),
		p99:    time.Duration(middle(figures, func(f figure) float64 { return float64(f.p99) })),
		cpu:    time.Duration(middle(figures, func(f figure) float64 { return float64(f.cpu) })),
		rss:    int64(middle(figures, func(f figure) float64 { return float64(f.rss) })),
		failed: failed,
	}
}

func middle[T any](all []T, of func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, one := range all {
		values[i] = of(one)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// table prints figures beside a base.
func (b *bench) table(title, base string, names []string, figures map[string]figure) {
	b.printf("\n### %s\n\n| peer | requests/s | ratio | p50 | p99 | p99 ratio | CPU us/request | CPU ratio | RSS MB | failed |\n|---|---|---|---|---|---|---|---|---|---|\n", title)
	reference := figures[base]
	for _, name := range names {
		f := figures[name]
		b.printf("| %s | %.0f | %s | %v | %v | %s | %.1f | %s | %d | %d |\n", name, f.rate, ratio(f.rate, reference.rate), f.p50, f.p99,
			ratio(float64(f.p99), float64(reference.p99)), float64(f.cpu.Nanoseconds())/1000, ratio(float64(f.cpu), float64(reference.cpu)), f.rss>>20, f.failed)
	}
}

func ratio(a, b float64) string {
	if b == 0 || a == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// usage adds up the processes of a peer.
func (p *peer) usage(b *bench) harness.Usage {
	var sum harness.Usage
	for _, pid := range p.pids() {
		u, err := harness.UsageOf(pid)
		if err != nil {
			b.Fatalf("%s: %v", p.name, err)
		}
		sum.RSS += u.RSS
		sum.CPU += u.CPU
		sum.FDs += u.FDs
	}
	return sum
}
