package admission

import "time"

// keptLines is how many tenants that hold nothing a gate remembers.
const keptLines = 64

// line is one tenant at one gate: what it holds there, and who waits.
type line struct {
	tenant *tenant
	gate   *Gate

	weight  int
	shared  bool
	held    int
	behind  int // of held, in the lanes behind the interactive one
	waiting int
	queues  [lanes]queue
	front   level   // of people
	spent   float64 // slots taken so far, each worth 1/weight; orders those who hold alike
	passed  int     // slots in a row that went past somebody who has waited for long
	asked   level   // slots held and waited for; only where the pool is shared
	people  int     // in its interactive lane
	present int     // of the gate's present, while the tenant is there
	place   int     // in the gate's list of those with somebody waiting
}

// line finds a tenant's line and brings it up to date with the ticket.
func (g *Gate) line(t *Ticket, now time.Time) *line {
	l := g.lines[t.Tenant]
	if l == nil {
		l = &line{gate: g, tenant: g.pool.tenant(t.Tenant)}
		l.tenant.lines++
		g.lines[t.Tenant] = l
	}
	if l.held+l.waiting == 0 {
		l.spent = max(l.spent, g.spent) // who was away has saved nothing up
	}
	l.weight, l.tenant.ceiling = max(t.Weight, 1), t.Ceiling
	if l.shared != t.Shared {
		l.shared = t.Shared
		l.note(now)
	}
	return l
}

// drop forgets a line that holds nothing, unless there are few.
func (g *Gate) drop(l *line) {
	if l.held+l.waiting > 0 || len(g.lines) <= keptLines {
		return
	}
	delete(g.lines, l.tenant.name)
	l.tenant.lines--
	if l.tenant.lines == 0 {
		delete(g.pool.tenants, l.tenant.name)
	}
}

// count adds a slot that the line has taken, or given back.
func (l *line) count(lane Lane, n int) {
	l.held += n
	l.tenant.held += n
	if lane != Interactive {
		l.behind += n
		l.tenant.behind += n
	}
}

// note keeps the averages in step with what the line holds and asks for.
func (l *line) note(now time.Time) {
	g, t := l.gate, l.tenant
	if people := l.held - l.behind + l.queues[Interactive].length; people != l.people {
		t.people += people - l.people
		l.people = people
		l.front.set(min(people, max(g.slots, 1)), now)
		t.front.set(t.people, now)
	}
	n, present := 0, 0
	if l.shared {
		n = min(l.held+l.waiting, max(g.slots, 1))
	}
	if n > 0 {
		present = l.weight
	}
	g.present += present - l.present
	l.present = present
	if n != l.asked.now {
		g.asked.set(g.asked.now+n-l.asked.now, now)
		l.asked.set(n, now)
	}
}

// may says whether the tenant may have one more slot, as far as other tenants and its own
// people go: for them, and for the lanes behind. What a tenant may hold is divided among its
// lanes like the slots of a backend: its integrations must not use up what its people need.
func (l *line) may(now time.Time) (people, others bool) {
	g, t := l.gate, l.tenant
	limit, held, behind, front := 0, l.held, l.behind, &l.front
	switch {
	case g.workers == 0:
		return true, true
	case t.ceiling > 0:
		limit, held, behind, front = g.pool.ceiling(t), t.held, t.behind, &t.front
	case l.shared:
		others := max(0, g.asked.used(now)-l.asked.used(now))
		limit = ofTenant(g.slots, others, l.weight, g.present-l.present+l.weight)
	default:
		return true, true
	}
	people = held < limit
	return people, people && behind < behindInteractive(limit, front.used(now))
}

func (l *line) fits(lane Lane, now time.Time) bool {
	people, others := l.may(now)
	return people && lane == Interactive || others
}

// head is whom the line sends forward: the first of the best lane that is open, or, every
// fourth time, the one who has waited for most of its patience. Nil when no lane is open to
// it.
func (l *line) head(open *[lanes]bool, now time.Time) *visit {
	people, others := l.may(now)
	var best, late *visit
	for i := range l.queues {
		v := l.queues[i].first
		if v == nil || !open[i] || !others && (!people || Lane(i) != Interactive) {
			continue
		}
		if best == nil {
			best = v
		}
		if v.late(now) && (late == nil || v.since.Before(late.since)) {
			late = v
		}
	}
	if late != nil && l.passed+1 >= everyFourth {
		return late
	}
	return best
}

// pass counts the slots that went past somebody who has waited for long.
func (l *line) pass(v *visit, open *[lanes]bool, now time.Time) {
	for i := range l.queues {
		first := l.queues[i].first
		if open[i] && first != nil && first != v && first.late(now) && first.since.Before(v.since) {
			l.passed++
			return
		}
	}
	l.passed = 0
}

// before says whether l is to be served before other: the one that holds less for its
// weight, then the one that had less for it, then the one whose head has waited longer.
func (l *line) before(other *line, head, otherHead *visit) bool {
	if a, b := l.held*other.weight, other.held*l.weight; a != b {
		return a < b
	}
	if l.spent != other.spent {
		return l.spent < other.spent
	}
	return head.since.Before(otherHead.since)
}
