package conduct

import (
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/routing/cutover"
)

// part is one gateway's word.
func part(id string, blue, green, failures uint64, t report.Tenant) report.Part {
	t.Releases = map[string]report.Counts{
		"blue":  {Requests: blue, Seen: [5]int{int(blue % 10)}},
		"green": {Requests: green, Failures: failures},
	}
	return report.Part{ID: id, Tenant: t}
}

func totals(known bool, parts ...report.Part) report.Totals {
	t := report.Totals{Known: known, Parts: parts, Tenant: report.Tenant{Releases: map[string]report.Counts{}}}
	var blue report.Counts
	for _, p := range parts {
		t.Held += p.Held
		t.HeldOldest = max(t.HeldOldest, p.HeldOldest)
		blue.Seen[0] += p.Releases["blue"].Seen[0]
	}
	t.Releases["blue"] = blue
	return t
}

// What gateways count from their start on is added up from what has grown: a gateway that
// starts anew counts from nothing, one that is gone keeps what it had, and an heir adds to
// what stands in the record.
func TestTally(t *testing.T) {
	rec := cutover.Record{Cutover: &cutover.Cutover{ID: "c1", From: "blue", Plan: cutover.Plan{To: "green"}}}
	first := &tally{}
	step := func(by *tally, now report.Totals) {
		by.now = now
		rec = by.onto(rec, "c1")
		by.kept()
	}
	step(first, totals(true, part("a", 1005, 100, 50, report.Tenant{LongestWait: time.Hour, Shed: 9}), part("b", 0, 0, 0, report.Tenant{})))
	if got := rec.Cutover.Counts; got.Requests != 0 || got.Errors != 0 || got.Shed != 0 || got.LongestWait != 0 || got.Sessions != 5 {
		t.Fatalf("what was before counts: %+v", got)
	}
	step(first, totals(true, part("a", 1013, 102, 51, report.Tenant{LongestWait: time.Hour, Shed: 9, Held: 4, HeldOldest: 3 * time.Second}), part("b", 4, 1, 1, report.Tenant{Held: 2, LongestWait: 7 * time.Second, Shed: 1})))
	want := cutover.Counts{Requests: 15, Errors: 2, Held: 6, LongestWait: 7 * time.Second, Shed: 1, Sessions: 7, Moved: 0}
	if got := rec.Cutover.Counts; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// b starts anew; then another gateway drives, which begins with what it sees.
	step(first, totals(true, part("a", 1013, 102, 51, report.Tenant{LongestWait: time.Hour, Shed: 9}), part("b", 2, 0, 0, report.Tenant{})))
	heir := &tally{}
	step(heir, totals(true, part("a", 1020, 102, 51, report.Tenant{LongestWait: time.Hour, Shed: 9})))
	step(heir, totals(false, part("a", 1021, 102, 51, report.Tenant{LongestWait: time.Hour, Shed: 9})))
	want.Moved = 7
	want.Requests += 1
	got := rec.Cutover.Counts
	if got.Requests < want.Requests || got.Requests > want.Requests+2 {
		t.Errorf("%d requests, want %d and at most what b had again", got.Requests, want.Requests)
	}
	got.Requests = want.Requests
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// The tick that ends the cutover puts it aside.
	rec.Last, rec.Cutover = rec.Cutover, nil
	step(heir, totals(true, part("a", 1031, 102, 51, report.Tenant{LongestWait: time.Hour, Shed: 9})))
	if rec.Cutover != nil || rec.Last.Counts.Requests < want.Requests+10 {
		t.Errorf("the last second is missing: %+v", rec.Last.Counts)
	}
}
