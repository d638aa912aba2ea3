package redis

import (
	"context"
	"fmt"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// cluster knows which server of a Redis Cluster keeps a key. go-redis learns the topology;
// everything else goes straight to the servers, each with a breaker of its own, so that one
// lost shard does not slow down the keys of the others.
type cluster struct {
	client   *goredis.ClusterClient
	topology breaker // cuts calls off while nobody can say where keys are
	name     func(address string) *server

	mu      sync.Mutex
	servers map[string]*server // by address
}

func newCluster(client *goredis.ClusterClient, name func(address string) *server) *cluster {
	unknown := name("the whole cluster")
	c := &cluster{client: client, name: name, servers: map[string]*server{}}
	c.topology.opened, c.topology.closed = unknown.breaker.opened, unknown.breaker.closed
	return c
}

func (c *cluster) find(ctx context.Context, key string) (*server, error) {
	if !c.topology.allows() {
		return nil, fmt.Errorf("no server of the cluster answered, and a probe has not succeeded since")
	}
	client, err := c.client.MasterForKey(ctx, key)
	c.topology.report(err)
	if err != nil {
		return nil, fmt.Errorf("ask the cluster where keys are: %w", err)
	}
	return c.server(client), nil
}

// server is the one behind a client of go-redis, which replaces clients whose server left and
// came back.
func (c *cluster) server(client *goredis.Client) *server {
	address := client.Options().Addr
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.servers[address]
	if s == nil || s.client != client {
		s = c.name(address)
		s.client = client
		c.servers[address] = s
	}
	return s
}

// redirect follows MOVED and ASK to a server that is known. Either way the topology is read
// again, in the background.
func (c *cluster) redirect(reply error) (to *server, asking bool) {
	address, moved := goredis.IsMovedError(reply)
	if !moved {
		if address, asking = goredis.IsAskError(reply); !asking {
			return nil, false
		}
	}
	c.client.ReloadState(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.servers[address], asking
}

// all are the servers that take writes, as the cluster sees itself now. Those that left are
// forgotten.
func (c *cluster) all(ctx context.Context) ([]*server, error) {
	var mu sync.Mutex
	var found []*server
	err := c.client.ForEachMaster(ctx, func(_ context.Context, client *goredis.Client) error {
		one := c.server(client)
		mu.Lock()
		defer mu.Unlock()
		found = append(found, one)
		return nil
	})
	c.topology.probed(err)
	if err != nil {
		return nil, fmt.Errorf("ask the cluster for its servers: %w", err)
	}
	c.forget(found)
	for _, one := range found {
		c.choose(ctx, one)
	}
	return found, nil
}

func (c *cluster) forget(except []*server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.servers)
	for _, one := range except {
		c.servers[one.name] = one
	}
}

// choose finds a key for probes that the server keeps, when the one it has moved away.
func (c *cluster) choose(ctx context.Context, one *server) {
	const tries = 4096 // a server with a single slot is missed; probes then fail, and say so
	keeps := func(key string) bool {
		client, err := c.client.MasterForKey(ctx, key)
		return err == nil && client == one.client
	}
	if one.probeKey != "" && keeps(one.probeKey) {
		return
	}
	for n := range tries {
		if key := probeKey(n); keeps(key) {
			one.probeKey = key
			return
		}
	}
}

func (c *cluster) healthy() bool {
	if !c.topology.allows() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.servers {
		if !s.breaker.allows() {
			return false
		}
	}
	return true
}

func (c *cluster) subscribe(ctx context.Context, channel string) *goredis.PubSub {
	return c.client.Subscribe(ctx, channel)
}

func (c *cluster) close() error { return c.client.Close() } //nolint:wrapcheck // Run wraps it
