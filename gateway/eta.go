package gateway

import (
	"sync"
	"time"
)

// paces remember how what is left of a tenant's side has become less, to say when nothing is.
type paces struct {
	mu  sync.Mutex
	all map[string][]mark
}

type mark struct {
	side string
	at   time.Time
	n    int
}

const (
	paceEvery = 5 * time.Second
	paceOver  = 5 * time.Minute
)

// eta is when nothing is left, at the pace of the last minutes; empty where it does not become
// less.
func (p *paces) eta(tenant, side string, n int, now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string][]mark{}
	}
	seen := p.all[tenant]
	if len(seen) > 0 && seen[0].side != side {
		seen = nil
	}
	for len(seen) > 0 && now.Sub(seen[0].at) > paceOver {
		seen = seen[1:]
	}
	if len(seen) == 0 || now.Sub(seen[len(seen)-1].at) >= paceEvery {
		seen = append(seen, mark{side, now, n})
	}
	p.all[tenant] = seen
	first := seen[0]
	gone, took := first.n-n, now.Sub(first.at)
	if n == 0 || gone <= 0 || took < 2*paceEvery {
		return ""
	}
	return (took * time.Duration(n) / time.Duration(gone)).Round(time.Second).String()
}
