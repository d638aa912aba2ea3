package pins

import (
	"context"
	"errors"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/routing"
)

// Find returns the recorded pin of a session, and false when there is none or nobody knows
// in time. session is the stable part of Odoo's session id; carried says that the client
// brings a pin of its own, so that nothing is lost when the store is slow.
func (p *Pins) Find(ctx context.Context, tenant, session string, carried bool) (routing.Pin, bool) {
	n := name{tenant, p.keys.SessionName(0, tenant, session)}
	k, have := p.known.Get(n)
	switch {
	case have && p.sure(k, time.Now()):
		p.metrics.found("memory")
		p.touch(n, k)
		return k.pin(), k.is
	case !p.store.Healthy():
		p.metrics.found("unavailable")
		return k.pin(), k.is
	}
	c := p.lookup(n, session)
	if c == nil || !wait(ctx, c.done, patienceFor(carried)) {
		p.metrics.found("late")
		return k.pin(), k.is // what was known is better than nothing
	}
	p.metrics.found(c.result)
	return c.pin, c.is
}

// call is one lookup, for all who wait for the same session.
type call struct {
	done   chan struct{}
	pin    routing.Pin
	is     bool
	result string
}

// lookup joins the session's lookup or starts one; nil when there are too many.
func (p *Pins) lookup(n name, session string) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.calls[n]; c != nil {
		return c
	}
	c := &call{done: make(chan struct{})}
	if !p.start(func() {
		p.ask(n, session, c)
		p.mu.Lock()
		delete(p.calls, n)
		p.mu.Unlock()
		close(c.done)
	}) {
		return nil
	}
	p.calls[n] = c
	return c
}

// start runs a call to the store, which the store bounds; Run waits for it. The caller holds
// the lock.
func (p *Pins) start(run func()) bool {
	if p.closed || p.count >= pending {
		return false
	}
	p.count++
	p.running.Go(func() {
		run()
		p.mu.Lock()
		p.count--
		p.mu.Unlock()
	})
	return true
}

// ask asks the store and notes what it says. A record that was known here and is gone there
// (the store was emptied, or restored from an older state) is put back.
func (p *Pins) ask(n name, session string, c *call) {
	pin, is, err := p.stored(n, session)
	before, have := p.known.Peek(n)
	have = have && before.is
	switch {
	case err != nil:
		c.pin, c.is, c.result = before.pin(), have, resultOf(err)
		return
	case have && (!is || before.epoch > pin.Epoch):
		c.pin, c.is, c.result = p.put(n, before.pin()), true, "restored"
		return
	case is:
		c.pin, c.is, c.result = pin, true, "store"
	default:
		c.result = "none"
	}
	p.note(n, p.asKnown(c.pin, c.is))
}

// stored reads the record, under the name that an older key gives the session too: after a
// rotation of the key ring its record is taken over.
func (p *Pins) stored(n name, session string) (pin routing.Pin, is bool, err error) {
	for i := range p.keys {
		at := n
		if i > 0 {
			at.key = p.keys.SessionName(i, n.tenant, session)
		}
		pin, is, err := p.read(at)
		switch {
		case err != nil, is && i == 0:
			return pin, is, err
		case is:
			return p.put(n, pin), true, nil
		}
	}
	return routing.Pin{}, false, nil
}

// read reads one record. One that nobody of ours signed is none.
func (p *Pins) read(n name) (pin routing.Pin, is bool, err error) {
	value, err := p.store.Pin(context.Background(), n.tenant, n.key) // the store bounds it
	if err != nil || value == "" {
		return routing.Pin{}, false, err
	}
	if pin, is = p.keys.Open(routing.RecordOf(n.tenant, n.key), value); !is {
		p.metrics.invalid.WithLabelValues("record").Inc()
	}
	return pin, is, nil
}

func resultOf(err error) string {
	if errors.Is(err, store.ErrUnavailable) {
		return "unavailable"
	}
	return "late"
}

func patienceFor(carried bool) time.Duration {
	if carried {
		return patience
	}
	return concern
}

// wait waits for done as long as a request may.
func wait(ctx context.Context, done <-chan struct{}, bound time.Duration) bool {
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}
