package pins

import (
	"math/rand/v2"
	"time"
	"unique"

	"sluicegate.dev/sluice/routing"
)

// known is what is known of one session's record. There are hundreds of thousands of them,
// so places are shared.
type known struct {
	place   unique.Handle[place]
	epoch   uint64
	view    uint32
	lot     uint32
	is      bool  // there is a record
	asked   int64 // Unix seconds, with a little chance, so that they do not all age at once
	touched int64
}

// place is where sessions live.
type place struct{ release, pool, backend string }

func (k known) pin() routing.Pin {
	if !k.is {
		return routing.Pin{}
	}
	at := k.place.Value()
	return routing.Pin{Release: at.release, Pool: at.pool, Backend: at.backend, Epoch: k.epoch, Lot: k.lot}
}

// asKnown is what the store said just now.
func (p *Pins) asKnown(pin routing.Pin, is bool) known {
	now := time.Now().Unix()
	k := known{view: p.view.Load(), is: is, asked: now - rand.Int64N(60), touched: now - rand.Int64N(60)}
	if is {
		k.place, k.epoch, k.lot = unique.Make(place{pin.Release, pin.Pool, pin.Backend}), pin.Epoch, pin.Lot
	}
	return k
}

// note remembers what is known of a session, unless that is older than what is: news of other
// replicas and answers of the store come in any order.
func (p *Pins) note(n name, k known) {
	p.noting.Lock()
	defer p.noting.Unlock()
	if old, ok := p.known.Peek(n); !ok || !old.is || k.is && old.epoch <= k.epoch {
		p.known.Add(n, k)
	}
}

// doubted is a pin that the store may not have: the next to look it up asks.
func (p *Pins) doubted(pin routing.Pin) known {
	k := p.asKnown(pin, true)
	k.asked = 0
	return k
}

// sure says whether the store need not be asked again.
func (p *Pins) sure(k known, now time.Time) bool {
	return k.view == p.view.Load() && now.Unix()-k.asked < int64(trust/time.Second)
}
