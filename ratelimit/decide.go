package ratelimit

import "time"

// decide runs one call over states, in the order of its cells. It is what the script does.
func decide(c *Call, states []*state, now int64) {
	var few [4]take // most calls have no more
	takes := few[:0]
	for i := range c.Cells {
		cell, s := &c.Cells[i], states[i]
		mine := s.settle(cell, c.Replica, now)
		cell.Kept = cell.Have
		takes = append(takes, take{state: s, mine: mine, cell: cell, free: float64(cell.Limit) - s.level})
	}
	for i := range c.Asks {
		answer(&c.Asks[i], takes)
	}
	for i := range takes {
		takes[i].lease()
	}
	c.Now = now
}

// answer decides one ask: all cells have room, or none is charged.
func answer(a *Ask, takes []take) {
	a.Short = nil
	for _, n := range a.Needs {
		if short, wait := takes[n.Cell].short(n.Cost, a.Priority); short {
			a.Short = append(a.Short, Short{Cell: n.Cell, Wait: time.Duration(wait) * time.Microsecond})
		}
	}
	a.Granted = len(a.Short) == 0
	if !a.Granted {
		return
	}
	for _, n := range a.Needs {
		takes[n.Cell].spend(n.Cost)
	}
}
