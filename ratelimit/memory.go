package ratelimit

import (
	"context"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Memory is a ledger in this process: exact, and lost with it but for what a limiter saves.
// Several limiters may share one, which tests do.
type Memory struct {
	now    func() time.Time
	seed   maphash.Seed
	shards [memoryShards]memoryShard
	kept   atomic.Int64 // cells, in all shards

	mu     sync.Mutex
	orders []Order
	posted int
}

type memoryShard struct {
	mu    sync.Mutex
	cells map[memoryKey]*memoryCell
	buf   []*memoryCell
	state []*state
}

type memoryKey struct{ scope, cell string }

type memoryCell struct {
	state
	kind Kind
	gone int64 // from then on it equals a fresh one
}

const (
	mostCells    = 200_000 // that Memory keeps
	memoryShards = 16
)

// NewMemory returns an empty ledger with its clock; time.Now when nil.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	m := &Memory{now: now, seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].cells = map[memoryKey]*memoryCell{}
	}
	return m
}

// Healthy is always true.
func (m *Memory) Healthy() bool { return true }

// Do implements Ledger.
func (m *Memory) Do(_ context.Context, calls []*Call) {
	for _, c := range calls {
		m.one(c)
	}
}

func (m *Memory) shard(scope string) *memoryShard {
	return &m.shards[maphash.String(m.seed, scope)%memoryShards]
}

func (m *Memory) one(c *Call) {
	shard := m.shard(c.Scope)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	now := m.now().UnixMicro()
	shard.buf, shard.state = shard.buf[:0], shard.state[:0]
	for i := range c.Cells {
		cell := shard.cell(memoryKey{c.Scope, c.Cells[i].Name}, now, &m.kept)
		shard.buf, shard.state = append(shard.buf, cell), append(shard.state, &cell.state)
	}
	decide(c, shard.state, now)
	for i, cell := range shard.buf {
		cell.kind, cell.gone = c.Cells[i].Kind, now+cell.lasts(&c.Cells[i], now)
	}
}

func (s *memoryShard) cell(key memoryKey, now int64, kept *atomic.Int64) *memoryCell {
	c, ok := s.cells[key]
	switch {
	case !ok:
		s.makeRoom(now, kept)
		c = &memoryCell{state: state{at: now}, gone: now + never}
		s.cells[key] = c
	case now >= c.gone:
		c.state = state{at: now}
	}
	return c
}

// makeRoom looks at a few cells whenever one is added: what equals a fresh one goes, and at
// the bound the one that would soonest.
func (s *memoryShard) makeRoom(now int64, kept *atomic.Int64) {
	var victim memoryKey
	looked, soonest := 0, int64(math.MaxInt64)
	for key, c := range s.cells {
		if now >= c.gone {
			delete(s.cells, key)
			kept.Add(-1)
		} else if c.gone < soonest {
			victim, soonest = key, c.gone
		}
		if looked++; looked == looksAtATime {
			break
		}
	}
	if kept.Load() >= mostCells && soonest < math.MaxInt64 {
		delete(s.cells, victim)
		kept.Add(-1)
	}
	kept.Add(1)
}

// Post implements Ledger.
func (m *Memory) Post(_ context.Context, o Order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders = append(m.orders, o)
	m.posted++
	if len(m.orders) > mostOrders {
		m.orders = slices.Clone(m.orders[mostOrders/2:])
	}
	return nil
}

// Orders implements Ledger.
func (m *Memory) Orders(_ context.Context, after string) ([]Order, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen, _ := strconv.Atoi(after)
	fresh := min(max(m.posted-seen, 0), len(m.orders))
	return slices.Clone(m.orders[len(m.orders)-fresh:]), strconv.Itoa(m.posted), nil
}
