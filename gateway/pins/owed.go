package pins

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"sluicegate.dev/sluice/routing"
)

// owe remembers a pin that the store may not have, and that the store is owed it: whoever
// signed in during an outage is known here alone, and may come to another replica next.
func (p *Pins) owe(n name, pin routing.Pin) {
	p.note(n, p.doubted(pin))
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.owed) < owing {
		p.owed[n] = struct{}{}
	}
}

// payBack brings what is owed to the store, as soon as that is there again.
func (p *Pins) payBack(ctx context.Context) {
	tick := time.NewTicker(payday)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !p.store.Healthy() {
			continue
		}
		p.mu.Lock()
		owed := p.owed
		p.owed = map[name]struct{}{}
		p.mu.Unlock()
		var group errgroup.Group
		group.SetLimit(payers)
		for n := range owed {
			group.Go(func() error {
				p.pay(n)
				return nil
			})
		}
		_ = group.Wait() // none fails
	}
}

// pay asks before it writes: what was sent and not answered may have been done, and is never
// sent again.
func (p *Pins) pay(n name) {
	k, ok := p.known.Peek(n)
	if !ok || !k.is || p.sure(k, time.Now()) {
		return // another has asked meanwhile
	}
	pin, is, err := p.read(n)
	switch {
	case err != nil:
		p.owe(n, k.pin())
	case is && pin.Epoch >= k.epoch:
		p.note(n, p.asKnown(pin, true))
	default:
		p.put(n, k.pin())
	}
}
