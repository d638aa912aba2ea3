package pins

import (
	"context"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// touch notes that a session is alive, once in a while.
func (p *Pins) touch(n name, k known) {
	now := time.Now().Unix()
	if !k.is || now-k.touched < int64(visits/time.Second) {
		return
	}
	k.touched = now
	p.note(n, k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.alive) < touched {
		p.alive = append(p.alive, store.PinRef{Tenant: n.tenant, Key: n.key})
	}
}

// keepAlive tells the store of the sessions that are alive: many in one trip, beside the
// requests.
func (p *Pins) keepAlive(ctx context.Context) {
	tick := time.NewTicker(flush)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.mu.Lock()
		alive := p.alive
		p.alive = nil
		p.mu.Unlock()
		if len(alive) == 0 || !p.store.Healthy() {
			continue
		}
		if err := p.store.TouchPins(ctx, alive, lifetime); err != nil {
			p.log.DebugContext(ctx, "sessions were not touched in the store", "count", len(alive), "err", err)
		}
	}
}
