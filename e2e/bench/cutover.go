package main

import (
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// moving are the ways in which a tenant is moved, and how each is hurried.
var moving = []struct {
	name string
	plan harness.Object
	back bool // aborted when the new side serves
}{
	{"drain, promoted", harness.Object{"strategy": "drain", "deadline": "10m", "idle": "10m"}, false},
	{"drain, aborted", harness.Object{"strategy": "drain", "deadline": "10m", "idle": "10m"}, true},
	{"shift 10, 50, 100 %", harness.Object{"strategy": "shift", "mode": "all", "shares": stages()}, false},
	{"shift, aborted", harness.Object{"strategy": "shift", "mode": "all", "shares": stages()}, true},
	{"switch", harness.Object{"strategy": "switch", "external": harness.Object{"deadline": "1m"}}, false},
	{"switch, aborted", harness.Object{"strategy": "switch", "external": harness.Object{"deadline": "1m"}}, true},
	{"failover by hand", harness.Object{"strategy": "failover"}, false},
}

func stages() []harness.Object {
	return []harness.Object{{"percent": 10, "for": "1s"}, {"percent": 50, "for": "1s"}, {"percent": 100, "for": "1s"}}
}

// cutover: what people and programs notice while their tenant is moved.
func (b *bench) cutover() {
	people, programs, answers, pause, ways := 60, 20, 3000, 250*time.Millisecond, moving
	if b.short {
		people, programs, answers, pause, ways = 6, 3, 100, 60*time.Millisecond, moving[3:5]
	}
	b.printf("\n## Cutovers under load\n\nThree replicas, one Redis, two stand-in Odoos that share database and sessions. %d people with a socket each and %d programs read, write, upload and print; about %d answers before, meanwhile and afterwards. "+
		"Failed, lost and done twice must be 0; a browser notices a move by its socket alone, which is closed with 1012 and opened again.\n\n", people, programs, answers)
	b.printf("| move | from its start to its end | answers meanwhile | failed | writes | lost | done twice | people moved more than once | sockets closed with 1012 | otherwise | p50 before | meanwhile | p99 before | meanwhile | longest |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for i, way := range ways {
		b.scope(func(b *bench) {
			s := harness.NewSite(b, harness.SiteConfig{}, "acme")
			day := s.Mix(b, "acme", uint64(i), func(m *harness.Mix) {
				m.People, m.Plain, m.Programs, m.Pause = people, 0, programs, pause
			})
			day.Await(b, answers)
			plan := harness.Object{"watch": "1s"}
			for name, value := range way.plan {
				plan[name] = value
			}
			began := time.Now()
			m := s.Start(b, "acme", "green", plan)
			if way.back {
				m.Until(b, "is under way", func(v harness.View) bool {
					return v.Phase == "draining" && v.Strategy == "drain" || v.Phase == "external" || v.Phase == "shifting" && v.Percent == 50
				})
				m.Must(b, "abort")
			}
			v := m.Push(b)
			ended := time.Now()
			day.Await(b, answers)
			b.movedRow(way.name+": "+v.Phase, s, day.Stop(), began, ended, way.back)
		})
	}
}

// movedRow judges a day on which a cutover ran from one moment to another.
func (b *bench) movedRow(name string, s *harness.Site, day *harness.Day, began, ended time.Time, back bool) {
	var before, meanwhile []time.Duration
	writes := 0
	for _, a := range day.Acts {
		switch took := a.Ended.Sub(a.Began); {
		case a.What == "report": // takes its time
		case a.Ended.Before(began):
			before = append(before, took)
		case a.Began.Before(ended):
			meanwhile = append(meanwhile, took)
		}
		if a.Token != "" {
			writes++
		}
	}
	failed, lost, twice, other := 0, 0, 0, 0
	for what, n := range day.Failed() {
		failed += n
		b.Logf("%s: %d times %s", name, n, what)
	}
	for _, wrong := range day.WrongWrites(s.Blue[0].Writes(b, "acme")) {
		if strings.Contains(wrong, "never done") {
			lost++
		} else {
			twice++
		}
	}
	for how, n := range day.Closed {
		if how != "1012" {
			other += n
		}
	}
	most := 1
	if back {
		most = 2
	}
	b.printf("| %s | %v | %d | %d | %d | %d | %d | %d | %d | %d | %v | %v | %v | %v | %v |\n", name, ended.Sub(began).Round(10*time.Millisecond),
		len(meanwhile), failed, writes, lost, twice, len(day.Strayed(most)), day.Closed["1012"], other,
		quantile(before, 0.5), quantile(meanwhile, 0.5), quantile(before, 0.99), quantile(meanwhile, 0.99), quantile(meanwhile, 1))
}

func quantile(of []time.Duration, q float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(100 * time.Microsecond)
}
