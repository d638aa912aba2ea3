package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"
)

// cluster knows which server of a Redis Cluster keeps a key. Each server has a client and a
// breaker of its own, so that one lost shard does not slow down the keys of the others.
//
// go-redis has a cluster client. It sends again what failed, asks for the topology on the
// path of a request, and reads it with a data race (9.21); what is needed here is little.
type cluster struct {
	seeds []string
	make  func(address string) *server

	table    atomic.Pointer[table]
	stale    atomic.Bool // a reply said that the table is old
	topology breaker     // cuts calls off while nobody can say where keys are
	asking   chan struct{}

	mu      sync.Mutex
	servers map[string]*server // by address
	closed  bool
}

// table says who keeps which slot, as the cluster saw itself.
type table struct {
	servers []*server
	owner   [slotCount]int16 // index of the server, from one
}

var errNoTable = errors.New("no server of the cluster has said yet where keys are")

func newCluster(seeds []string, whole *server, make func(address string) *server) *cluster {
	c := &cluster{seeds: seeds, make: make, asking: newSemaphore(), servers: map[string]*server{}}
	c.topology.opened, c.topology.closed = whole.breaker.opened, whole.breaker.closed
	return c
}

func newSemaphore() chan struct{} { return make(chan struct{}, 1) }

func (c *cluster) find(ctx context.Context, key string) (*server, error) {
	now := c.table.Load()
	if now == nil {
		if !c.topology.allows() {
			return nil, errNoTable
		}
		if err := c.refresh(ctx); err != nil {
			c.topology.report(err)
			return nil, err
		}
		now = c.table.Load()
	}
	if to := now.keeper(key); to != nil {
		return to, nil
	}
	return nil, fmt.Errorf("no server of the cluster keeps slot %d", hashSlot(key))
}

func (c *cluster) known(key string) *server {
	if now := c.table.Load(); now != nil {
		return now.keeper(key)
	}
	return nil
}

// keeper is the server that keeps a key, nil when none does.
func (t *table) keeper(key string) *server {
	if owner := t.owner[hashSlot(key)]; owner > 0 {
		return t.servers[owner-1]
	}
	return nil
}

// redirect follows MOVED and ASK. Either way the table is read again, in the background.
func (c *cluster) redirect(from *server, reply error) (to *server, asking bool) {
	address, moved := goredis.IsMovedError(reply)
	if !moved {
		if address, asking = goredis.IsAskError(reply); !asking {
			return nil, false
		}
	}
	c.stale.Store(true)
	return c.server(complete(address, from.name)), asking
}

// complete puts in the host when a cluster leaves it out: it is that of whom was asked.
func complete(address, asked string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host != "" {
		return address
	}
	host, _, _ = net.SplitHostPort(asked)
	return net.JoinHostPort(host, port)
}

// server returns the one at an address, nil once all is closed.
func (c *cluster) server(address string) *server {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.servers[address]
	if s == nil && !c.closed {
		s = c.make(address)
		c.servers[address] = s
	}
	return s
}

// all are the servers that take writes. It reads the table again when that is due: the probe
// calls it, and nobody waits for it.
func (c *cluster) all(ctx context.Context, due bool) ([]*server, error) {
	if due || c.stale.Load() || !c.healthy() {
		err := c.refresh(ctx)
		c.topology.probed(err)
		if err != nil && c.table.Load() == nil {
			return nil, err
		}
	}
	return c.table.Load().servers, nil
}

// refresh asks one server after another where keys are, those that answer first.
func (c *cluster) refresh(ctx context.Context) error {
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errNoTable, ctx.Err())
	}
	c.stale.Store(false)
	err := errNoTable
	for _, one := range c.candidates() {
		slots, failed := one.client.ClusterSlots(ctx).Result() //nolint:staticcheck // CLUSTER SHARDS came with Redis 7
		if failed == nil && len(slots) > 0 {
			c.use(slots, one.name)
			return nil
		}
		err = fmt.Errorf("%w: %s: %w", errNoTable, one.name, errors.Join(failed))
	}
	return err
}

func (c *cluster) candidates() []*server {
	var well, sick []*server
	seen := map[*server]bool{}
	add := func(s *server) {
		switch {
		case s == nil || seen[s]:
		case s.breaker.allows():
			well = append(well, s)
		default:
			sick = append(sick, s)
		}
		seen[s] = true
	}
	if now := c.table.Load(); now != nil {
		for _, i := range rand.Perm(len(now.servers)) {
			add(now.servers[i])
		}
	}
	for _, i := range rand.Perm(len(c.seeds)) {
		add(c.server(c.seeds[i]))
	}
	return append(well, sick...)
}

// use takes a new table, and closes what is no part of it.
func (c *cluster) use(slots []goredis.ClusterSlot, asked string) {
	next := &table{}
	index := map[*server]int16{}
	for _, span := range slots {
		if len(span.Nodes) == 0 {
			continue
		}
		owner := c.server(complete(span.Nodes[0].Addr, asked)) // the first one is the primary
		if owner == nil {
			return
		}
		if index[owner] == 0 {
			next.servers = append(next.servers, owner)
			index[owner] = int16(len(next.servers)) //nolint:gosec // a cluster has a thousand nodes at most
		}
		for slot := max(span.Start, 0); slot <= min(span.End, slotCount-1); slot++ {
			next.owner[slot] = index[owner]
		}
	}
	for _, one := range next.servers {
		one.probeKey.Store(next.keyOf(index[one]))
	}
	c.table.Store(next)
	c.forget(index)
}

// keyOf finds a key for probes that a server keeps. One with few slots may have none: its
// probes are redirected, and fail.
func (t *table) keyOf(owner int16) string {
	for n := range slotCount {
		if key := probeKey(n); t.owner[hashSlot(key)] == owner {
			return key
		}
	}
	return probeKey(0)
}

// forget closes servers that have left. Seeds stay: they are where a lost cluster is found.
func (c *cluster) forget(except map[*server]int16) {
	keep := map[string]bool{}
	for _, seed := range c.seeds {
		keep[seed] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for address, one := range c.servers {
		if except[one] == 0 && !keep[address] {
			delete(c.servers, address)
			_ = one.client.Close() // it is not asked any more
		}
	}
}

func (c *cluster) healthy() bool {
	now := c.table.Load()
	if now == nil || !c.topology.allows() {
		return false
	}
	for _, one := range now.servers {
		if !one.breaker.allows() {
			return false
		}
	}
	return true
}

// subscribe listens at any server: in a cluster each passes on what all publish.
func (c *cluster) subscribe(ctx context.Context, channel string) (*goredis.PubSub, error) {
	all := c.candidates()
	if len(all) == 0 {
		return nil, errNoTable
	}
	return all[0].client.Subscribe(ctx, channel), nil
}

func (c *cluster) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var all []error
	for _, one := range c.servers {
		all = append(all, one.client.Close())
	}
	return errors.Join(all...)
}

func probeKey(n int) string { return prefix + "probe:" + strconv.Itoa(n) }
