package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// View is what all gateways have reported, as of now.
type View struct {
	// Known is false while the store does not say who lives.
	Known    bool
	Replicas []Replica
}

// Replica is one gateway with its report.
type Replica struct {
	ID, Host string
	Silent   bool  // not heard of, and has not said that it goes
	Err      error // why there is no report
	Report   Report
}

// Name is what people call it.
func (r Replica) Name() string { return r.Host + " (" + r.ID + ")" }

// Read opens what the gateways reported. known is false when live is too old to rely on.
func Read(keys Keys, live, silent []store.Replica, known bool) View {
	v := View{Known: known}
	for _, r := range slices.Concat(live, silent) {
		one := Replica{ID: r.ID, Host: r.Host, Silent: r.Silent}
		one.Report, one.Err = keys.Open(r.ID, r.Report)
		v.Replicas = append(v.Replicas, one)
	}
	return v
}

// Totals are what is going on with a tenant over all gateways.
type Totals struct {
	// Known is false when a gateway's numbers are missing: the real ones may be higher.
	Known bool
	// Unknown says whose are missing and why, for people.
	Unknown []string
	Tenant
	// Whole is for how long every gateway has kept its books.
	Whole time.Duration
	Parts []Part
}

// Part is what one gateway adds.
type Part struct {
	ID, Host string
	Silent   bool
	Tenant
}

// Sum adds up what is going on with a tenant. Evicted gateways count for nothing.
func (v View) Sum(tenant string, evicted []string) Totals {
	t := Totals{Known: v.Known, Whole: -1}
	if !v.Known {
		t.Unknown = append(t.Unknown, "the store does not answer, so nobody knows what the other gateways do")
	}
	for _, r := range v.Replicas {
		if slices.Contains(evicted, r.ID) {
			continue
		}
		if why := r.missing(tenant); why != "" {
			t.Known = false
			t.Unknown = append(t.Unknown, why)
		}
		one, ok := r.Report.Tenants[tenant]
		if !ok {
			continue
		}
		t.Parts = append(t.Parts, Part{r.ID, r.Host, r.Silent, one})
		if t.Whole < 0 || r.Report.Whole < t.Whole {
			t.Whole = r.Report.Whole
		}
	}
	t.Whole = max(t.Whole, 0)
	t.add()
	return t
}

// missing says why a gateway's numbers of a tenant are not there.
func (r Replica) missing(tenant string) string {
	_, reported := r.Report.Tenants[tenant]
	switch {
	case r.Silent:
		return fmt.Sprintf("%s is not heard of: if it is gone for good, evict it", r.Name())
	case r.Err != nil:
		return fmt.Sprintf("the report of %s cannot be read: %v", r.Name(), r.Err)
	case !reported:
		return fmt.Sprintf("%s has not reported on %s yet", r.Name(), tenant)
	}
	return ""
}

// add sums the parts up.
func (t *Totals) add() {
	releases := map[string]bool{}
	for _, p := range t.Parts {
		t.Undecided += p.Undecided
		t.Held += p.Held
		t.Shed += p.Shed
		t.HeldOldest = max(t.HeldOldest, p.HeldOldest)
		t.LongestWait = max(t.LongestWait, p.LongestWait)
		for name := range p.Releases {
			releases[name] = true
		}
	}
	t.Releases = make(map[string]Counts, len(releases))
	for name := range releases {
		var sum Counts
		for _, p := range t.Parts {
			sum = sum.add(p.Of(name))
		}
		t.Releases[name] = sum
	}
}

// Since is what happened on a release after an earlier sum: Requests, Failures and Latency.
// A gateway that has started meanwhile counts from its start, one that is gone not at all.
func (t Totals) Since(before Totals, release string) Counts {
	was := map[string]Counts{}
	for _, p := range before.Parts {
		was[p.ID] = p.Of(release)
	}
	var sum Counts
	for _, p := range t.Parts {
		sum = sum.add(p.Of(release).since(was[p.ID]))
	}
	return sum
}

// Behind are the live gateways that do not apply a record's sequence yet. Silent ones are in
// none of these lists: ask Gone.
func (v View) Behind(tenant string, sequence uint64, evicted []string) (names []string) {
	for _, r := range v.Replicas {
		if !r.Silent && r.Report.Sequences[tenant] < sequence && !slices.Contains(evicted, r.ID) {
			names = append(names, r.Name())
		}
	}
	return names
}

// BehindPool are the live gateways that have not heard of a pool's record of that sequence.
func (v View) BehindPool(pool string, sequence uint64) (names []string) {
	for _, r := range v.Replicas {
		if !r.Silent && r.Report.Pools[pool] < sequence {
			names = append(names, r.Name())
		}
	}
	return names
}

// Gone are the silent gateways that nobody has evicted.
func (v View) Gone(evicted []string) (names []string) {
	for _, r := range v.Replicas {
		if r.Silent && !slices.Contains(evicted, r.ID) {
			names = append(names, r.Name())
		}
	}
	return names
}

// Down says which live gateways but me see no backend of a pool serve, and how many others
// there are whose word counts.
func (v View) Down(pool, me string) (say []string, others int) {
	for _, r := range v.Replicas {
		if r.ID == me || r.Silent || r.Err != nil {
			continue
		}
		others++
		if slices.Contains(r.Report.Down, pool) {
			say = append(say, r.Name())
		}
	}
	return say, others
}

// merged are the longest of both.
func merged(a, b []Running) []Running {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y Running) int { return cmp.Compare(y.For, x.For) })
	return all[:min(len(all), longest)]
}
