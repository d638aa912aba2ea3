package pins

import (
	"context"

	"sluicegate.dev/sluice/routing"
)

// Keep records a session's pin unless one of the same or a newer epoch is there, and returns
// the one that holds: two replicas that pin a session at once agree. When the store does not
// answer in time the pin holds as it is; it is known here, and the client's cookie has it.
func (p *Pins) Keep(ctx context.Context, tenant, session string, pin routing.Pin) routing.Pin {
	n := name{tenant, p.keys.SessionName(0, tenant, session)}
	p.note(n, p.asKnown(pin, true)) // at once: the session's next request may come here before the store answers
	if !p.store.Healthy() {
		p.metrics.kept("unavailable")
		p.owe(n, pin)
		return pin
	}
	done, held := make(chan struct{}), pin
	p.mu.Lock()
	started := p.start(func() {
		held = p.put(n, pin)
		close(done)
	})
	p.mu.Unlock()
	switch {
	case !started: // too much is under way
		p.owe(n, pin)
	case wait(ctx, done, concern):
		return held
	}
	p.metrics.kept("late")
	return pin
}

// put writes a pin and notes the one that holds.
func (p *Pins) put(n name, pin routing.Pin) routing.Pin {
	ctx := context.Background() // the store bounds it
	bearer := routing.RecordOf(n.tenant, n.key)
	value := p.keys.Seal(bearer, pin)
	winner, err := p.store.PutPin(ctx, n.tenant, n.key, value, pin.Epoch, lifetime)
	result := "kept"
	if err == nil && winner != value {
		// The store compares epochs that anybody who can write to it can make up. What it
		// prefers is no better than what was signed.
		held, ok := p.keys.Open(bearer, winner)
		if ok && held.Epoch >= pin.Epoch {
			pin, result = held, "adopted"
		} else {
			p.metrics.invalid.WithLabelValues("record").Inc()
			err = p.store.OverwritePin(ctx, n.tenant, n.key, value, lifetime)
		}
	}
	if err != nil { // it may be there or not
		p.metrics.kept("failed")
		p.owe(n, pin)
		return pin
	}
	p.metrics.kept(result)
	p.note(n, p.asKnown(pin, true))
	return pin
}

// Leave lets the record of a session end soon that Odoo has replaced: requests with its old
// id may still be under way.
func (p *Pins) Leave(tenant, session string) {
	n := name{tenant, p.keys.SessionName(0, tenant, session)}
	if k, ok := p.known.Get(n); !ok || !k.is || !p.store.Healthy() {
		return // most visitors have no record before they sign in
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start(func() {
		if err := p.store.ExpirePin(context.Background(), n.tenant, n.key, parting); err != nil {
			p.log.Debug("a replaced session's record stays until it ends by itself", "tenant", tenant, "err", err)
		}
	})
}
