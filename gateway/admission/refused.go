package admission

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Reason is why a request gets no slot.
type Reason string

// The reasons. After Retired and Down the caller chooses a backend anew.
const (
	Full    Reason = "full"    // too many of the tenant's requests wait in the lane
	Aged    Reason = "aged"    // it has waited for as long as the lane allows
	Retired Reason = "retired" // the backend is no longer configured
	Down    Reason = "down"    // the backend has stopped answering
)

// Refused is a request that gets no slot.
type Refused struct {
	Tenant, Pool, Backend string
	Lane                  Lane
	Reason                Reason
	Waiting, Slots        int // as it was: the tenant's requests in the lane, slots of the backend
	Waited                time.Duration
	RetryAfter            time.Duration
}

func (r *Refused) Error() string {
	where := fmt.Sprintf("tenant %s, pool %s, backend %s: ", r.Tenant, r.Pool, r.Backend)
	switch r.Reason {
	case Full:
		return where + fmt.Sprintf("queue full: %d %s requests wait for %d workers", r.Waiting, r.Lane, r.Slots)
	case Aged:
		return where + fmt.Sprintf("no worker free for %s, %d of %s requests wait for %d workers", r.Waited.Round(time.Millisecond), r.Waiting, r.Lane, r.Slots)
	default:
		return where + "backend " + string(r.Reason) + " while the request waited for a worker"
	}
}

// refusal is for somebody of a tenant who asks for a lane. It sends them away for about as
// long as they would have to wait now, each for a time of its own so that they do not come
// back together.
func (g *Gate) refusal(tenant string, lane Lane, why Reason, now time.Time) *Refused {
	r := &Refused{
		Tenant: tenant, Pool: g.pool.name, Backend: g.backend, Lane: lane, Reason: why, Slots: g.slots,
	}
	wait := time.Duration(0)
	if l := g.lines[tenant]; l != nil {
		r.Waiting = l.queues[lane].length
		if first := l.queues[lane].first; first != nil {
			wait = now.Sub(first.since)
		}
	}
	wait = min(max(wait, time.Second), 15*time.Second)
	r.RetryAfter = wait + time.Duration(rand.Int64N(int64(wait/2)))
	return r
}
