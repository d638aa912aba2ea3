package redis

import (
	"sync"
	"sync/atomic"
)

// A failure weighs as much as four successes, and three failures in a row are enough: a server
// that fails one call in five is cut off as well.
const (
	failureWeight = 4
	breakAt       = 3 * failureWeight
	closeAfter    = 2 // probes that succeed in a row
)

// breaker cuts calls to one server off when it fails. It never lets a call through to try:
// that is what the probe is for.
type breaker struct {
	open atomic.Bool

	mu     sync.Mutex
	score  int
	good   int // probes that succeeded since it opened
	opened func(cause error)
	closed func()
}

// allows says whether a call may be sent.
func (b *breaker) allows() bool { return !b.open.Load() }

// report takes the outcome of a call: nil, or why the server failed it.
func (b *breaker) report(failure error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.open.Load():
	case failure == nil:
		b.score = max(0, b.score-1)
	default:
		if b.score += failureWeight; b.score >= breakAt {
			b.open.Store(true)
			b.good = 0
			b.opened(failure)
		}
	}
}

// uneasy says that something failed of late.
func (b *breaker) uneasy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open.Load() || b.score >= failureWeight
}

// probed takes the outcome of a probe.
func (b *breaker) probed(failure error) {
	if !b.open.Load() {
		b.report(failure)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if failure != nil {
		b.good = 0
		return
	}
	if b.good++; b.good >= closeAfter {
		b.score = 0
		b.open.Store(false)
		b.closed()
	}
}
