package conduct

import (
	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/routing/cutover"
)

// tally keeps what happens while a cutover runs, for its report. It stands in the record, so
// that an heir adds to it.
type tally struct {
	begun   bool
	written report.Totals // up to here it is in the record
	now     report.Totals
}

// onto adds what has happened since the last time to a record's running cutover, or to the
// one that has ended with this very tick.
func (t *tally) onto(r cutover.Record, id string) cutover.Record {
	if c := r.Cutover; c != nil && c.ID == id {
		r.Cutover = t.add(*c)
	} else if c := r.Last; c != nil && c.ID == id {
		r.Last = t.add(*c)
	}
	return r
}

func (t *tally) add(c cutover.Cutover) *cutover.Cutover {
	n := &c.Counts
	if t.begun {
		for _, release := range []string{c.From, c.Plan.To} {
			d := t.now.Since(t.written, release)
			n.Requests += d.Requests
			n.Errors += d.Failures
		}
		t.waits(n)
	}
	n.Held = max(n.Held, t.now.Held)
	n.LongestWait = max(n.LongestWait, t.now.HeldOldest)
	if t.now.Known {
		left := t.now.Of(c.From).Sessions()
		n.Sessions = max(n.Sessions, left)
		n.Moved = n.Sessions - left
	}
	return &c
}

// waits takes in what gateways count from their start on, where it has grown.
func (t *tally) waits(n *cutover.Counts) {
	before := map[string]report.Part{}
	for _, p := range t.written.Parts {
		before[p.ID] = p
	}
	for _, p := range t.now.Parts {
		was := before[p.ID]
		if p.LongestWait > was.LongestWait {
			n.LongestWait = max(n.LongestWait, p.LongestWait)
		}
		n.Shed += p.Shed - min(p.Shed, was.Shed)
	}
}

// kept notes that the record has it.
func (t *tally) kept() { t.begun, t.written = true, t.now }
