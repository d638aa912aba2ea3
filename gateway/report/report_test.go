package report

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/census"
	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/routing/odoo"
)

func ring() Keys { return Keys{[]byte("0123456789abcdef0123456789abcdef")} }

// says is a replica with what it reports.
func says(t *testing.T, id string, r Report) store.Replica {
	t.Helper()
	text, err := ring().Seal(id, r)
	if err != nil {
		t.Fatal(err)
	}
	return store.Replica{ID: id, Host: "host-" + id, Report: text}
}

// busy is a report of so many requests and sockets on blue, with a record at a sequence.
func busy(sequence uint64, inFlight, sockets int) Report {
	return Report{
		Sequences: map[string]uint64{"acme": sequence}, Whole: time.Hour,
		Tenants: map[string]Tenant{"acme": {Releases: map[string]Counts{"blue": {
			InFlight: inFlight, Sockets: sockets, Seen: [census.SeenBuckets]int{1, 2, 3, 4, 5},
		}}}},
	}
}

func silent(r store.Replica) store.Replica {
	r.Silent = true
	return r
}

func TestSum(t *testing.T) {
	a, b := says(t, "a", busy(7, 3, 1)), says(t, "b", busy(7, 2, 4))
	for rule, c := range map[string]struct {
		live, silent []store.Replica
		lost         bool
		evicted      []string
		known        bool
		inFlight     int
		says         string
	}{
		"all report":                             {live: []store.Replica{a, b}, known: true, inFlight: 5},
		"a silent one makes it unknown":          {live: []store.Replica{a}, silent: []store.Replica{silent(b)}, inFlight: 5, says: "host-b (b) is not heard of"},
		"unless it was evicted":                  {live: []store.Replica{a}, silent: []store.Replica{silent(b)}, evicted: []string{"b"}, known: true, inFlight: 3},
		"so does one without a report":           {live: []store.Replica{a, {ID: "c", Host: "old"}}, inFlight: 3, says: "old (c)"},
		"one that does not know the tenant":      {live: []store.Replica{a, says(t, "c", Report{})}, inFlight: 3, says: "has not reported on acme"},
		"one whose report was forged":            {live: []store.Replica{a, {ID: "c", Report: []byte(`1.AAAA.{"tenants":{"acme":{}}}`)}}, inFlight: 3, says: "not sealed"},
		"one with the report of another":         {live: []store.Replica{a, {ID: "c", Report: b.Report}}, inFlight: 3, says: "not sealed"},
		"a store that does not say who lives":    {live: []store.Replica{a, b}, lost: true, inFlight: 5, says: "the store does not answer"},
		"nobody at all, with a store that knows": {known: true},
	} {
		t.Run(rule, func(t *testing.T) {
			got := Read(ring(), c.live, c.silent, !c.lost).Sum("acme", c.evicted)
			if got.Known != c.known || got.Of("blue").InFlight != c.inFlight {
				t.Errorf("known %t with %d in flight: %v", got.Known, got.Of("blue").InFlight, got.Unknown)
			}
			if text := strings.Join(got.Unknown, "; "); !strings.Contains(text, c.says) || (text == "") != c.known {
				t.Errorf("says %q, want %q", text, c.says)
			}
		})
	}
}

func TestSumAddsUp(t *testing.T) {
	one := Report{Whole: time.Hour, Tenants: map[string]Tenant{"acme": {
		Undecided: 2, Held: 3, HeldOldest: 4 * time.Second, LongestWait: 5 * time.Second, Shed: 6,
		Releases: map[string]Counts{"blue": {
			InFlight: 12, Sockets: 3, Live: 2, Requests: 100, Failures: 4, Seen: [census.SeenBuckets]int{1, 0, 0, 0, 7},
			Latency: census.Histogram{0: 50, 5: 50}, Longest: []Running{{"report", 4 * time.Minute}, {"rpc", time.Second}},
		}},
	}}}
	two := Report{Whole: time.Minute, Tenants: map[string]Tenant{"acme": {
		Undecided: 1, Held: 1, HeldOldest: 9 * time.Second, LongestWait: 2 * time.Second, Shed: 1,
		Releases: map[string]Counts{"green": {InFlight: 6, Requests: 1, Longest: []Running{{"web", time.Minute}}}},
	}}}
	got := Read(ring(), []store.Replica{says(t, "a", one), says(t, "b", two)}, nil, true).Sum("acme", nil)
	if got.Held != 4 || got.HeldOldest != 9*time.Second || got.LongestWait != 5*time.Second || got.Shed != 7 || got.Whole != time.Minute || got.Undecided != 3 {
		t.Errorf("got %+v", got)
	}
	blue := got.Of("blue")
	if blue.InFlight != 13 { // b has one request that may go to blue
		t.Errorf("blue has %d in flight", blue.InFlight)
	}
	if green := got.Of("green"); green.InFlight != 8 || green.Longest[0].Class != "web" {
		t.Errorf("green has %+v", green)
	}
	if never := got.Of("red"); never.InFlight != 3 {
		t.Errorf("what nobody has served yet has %d in flight", never.InFlight)
	}
	if blue.Sessions() != 8 || blue.SeenWithin(time.Minute) != 1 || blue.SeenWithin(2*time.Hour) != 8 || blue.Latency.Total() != 100 {
		t.Errorf("blue has %+v", blue)
	}
	if blue.Longest[0] != (Running{"report", 4 * time.Minute}) {
		t.Errorf("the longest are %v", blue.Longest)
	}
}

func TestSince(t *testing.T) {
	at := func(id string, requests, failures uint64) store.Replica {
		return says(t, id, Report{Tenants: map[string]Tenant{"acme": {Releases: map[string]Counts{"green": {
			Requests: requests, Failures: failures, Latency: census.Histogram{3: requests},
		}}}}})
	}
	sum := func(live ...store.Replica) Totals { return Read(ring(), live, nil, true).Sum("acme", nil) }
	before := sum(at("a", 100, 10), at("b", 50, 5), at("gone", 1000, 1000))
	now := sum(at("a", 130, 11), at("b", 50, 5), at("new", 7, 0))
	if got := now.Since(before, "green"); got.Requests != 37 || got.Failures != 1 || got.Latency.Total() != 37 {
		t.Errorf("got %+v", got)
	}
	if got := before.Since(now, "green"); got.Requests != 1000 { // never below zero
		t.Errorf("got %+v", got)
	}
}

func TestBehindAndDown(t *testing.T) {
	down := busy(6, 0, 0)
	down.Down = []string{"p-blue"}
	v := Read(ring(), []store.Replica{says(t, "a", busy(7, 0, 0)), says(t, "b", down), {ID: "c", Host: "host-c"}},
		[]store.Replica{silent(says(t, "s", busy(7, 0, 0)))}, true)
	if got := v.Behind("acme", 7, nil); !slices.Equal(got, []string{"host-b (b)", "host-c (c)"}) {
		t.Errorf("behind: %v", got)
	}
	if got := v.Behind("acme", 7, []string{"b", "c"}); len(got) != 0 {
		t.Errorf("evicted ones are waited for: %v", got)
	}
	if got := v.Gone(nil); !slices.Equal(got, []string{"host-s (s)"}) {
		t.Errorf("gone: %v", got)
	}
	if got := v.Gone([]string{"s"}); len(got) != 0 {
		t.Errorf("gone although evicted: %v", got)
	}
	if say, others := v.Down("p-blue", "a"); others != 1 || !slices.Equal(say, []string{"host-b (b)"}) {
		t.Errorf("down: %v of %d", say, others)
	}
	if say, others := v.Down("p-blue", "b"); others != 1 || len(say) != 0 {
		t.Errorf("down: %v of %d", say, others)
	}
}

func TestSeal(t *testing.T) {
	want := busy(3, 1, 2)
	text, err := ring().Seal("a", want)
	if err != nil {
		t.Fatal(err)
	}
	newer := append(Keys{[]byte("a newer key, which seals from now")}, ring()...)
	if got, err := newer.Open("a", text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ring().Open("a", nil); !errors.Is(err, ErrNone) {
		t.Errorf("got %v", err)
	}
	if _, err := Keys(nil).Seal("a", want); err == nil {
		t.Error("sealed without a key")
	}
	nonsense, _ := ring().Seal("a", Report{})
	nonsense = append(nonsense[:len(nonsense)-2:len(nonsense)-2], "[]"...)
	for what, text := range map[string]string{
		"changed": string(nonsense), "of another version": "2" + string(text[1:]), "cut short": string(text[:20]), "no seal": "1.!.{}",
	} {
		if _, err := ring().Open("a", []byte(text)); !errors.Is(err, ErrForged) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// What does not fit is left out from the end; who needs it finds it unknown.
func TestAReportIsBounded(t *testing.T) {
	var tenants []string
	for i := range 5000 {
		tenants = append(tenants, fmt.Sprintf("tenant-%04d", i))
	}
	s := Sources{
		Replica: "a", Keys: ring(), Tenants: func() []string { return tenants },
		Applied: func() map[string]uint64 { return map[string]uint64{"tenant-0000": 9} },
		Counts:  func(string) Tenant { return Tenant{Releases: map[string]Counts{"blue": {}, "green": {}}} },
		Down:    func() []string { return []string{"p"} }, Whole: func() time.Duration { return time.Hour },
	}
	text, err := s.Write()
	if err != nil || len(text) > store.MaxReport {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	r, err := ring().Open("a", text)
	if err != nil || r.Sequences["tenant-0000"] != 9 || len(r.Tenants) < 300 || r.Whole != time.Hour || r.Down[0] != "p" {
		t.Errorf("%d tenants, %+v, %v", len(r.Tenants), r.Down, err)
	}
	live := []store.Replica{{ID: "a", Report: text}}
	if got := Read(ring(), live, nil, true).Sum("tenant-4999", nil); got.Known {
		t.Error("a tenant that was left out passes for empty")
	}
}

func TestOf(t *testing.T) {
	now := time.Now()
	got := Of(census.Counts{Undecided: 2, Releases: []census.Release{{
		Name: "blue", InFlight: 3, Sockets: 1, Live: 1, Requests: 9, Failures: 1, Seen: [census.SeenBuckets]int{5},
		Longest: []census.Running{{Class: odoo.Report, Since: now.Add(-time.Minute)}},
	}}}, now)
	want := Tenant{Undecided: 2, Releases: map[string]Counts{"blue": {
		InFlight: 3, Sockets: 1, Live: 1, Requests: 9, Failures: 1, Seen: [census.SeenBuckets]int{5},
		Longest: []Running{{"report", time.Minute}},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// FuzzOpen holds that nothing but what was sealed is read, and that nothing breaks.
func FuzzOpen(f *testing.F) {
	text, err := ring().Seal("a", busy(1, 2, 3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("1..{}"))
	f.Fuzz(func(t *testing.T, other []byte) {
		if _, err := ring().Open("a", other); err == nil && string(other) != string(text) {
			t.Errorf("%q was read", other)
		}
	})
}

func TestWhoHasNotHeardOfAPool(t *testing.T) {
	v := View{Known: true, Replicas: []Replica{
		{ID: "r1", Host: "a", Report: Report{Pools: map[string]uint64{"blue": 3}}},
		{ID: "r2", Host: "b", Report: Report{Pools: map[string]uint64{"blue": 2}}},
		{ID: "r3", Host: "c"},
		{ID: "r4", Host: "d", Silent: true},
	}}
	if got := fmt.Sprint(v.BehindPool("blue", 3)); got != "[b (r2) c (r3)]" {
		t.Errorf("got %s", got)
	}
	if got := v.BehindPool("green", 0); len(got) != 0 {
		t.Errorf("nothing was said of green: %v", got)
	}
}
