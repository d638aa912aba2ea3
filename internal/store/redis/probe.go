package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// probeEvery divides Bounds.Probe while a server is left alone, or failed of late.
const probeEvery = 5

// refreshEvery is after how many probes a cluster that seems well is asked for its servers.
const refreshEvery = 5

// probe writes to every server now and then, until ctx ends. It is the only thing that lets
// calls through again. A write, because a replica, a full disk and a full memory answer PING.
func (s *Store) probe(ctx context.Context) {
	tick := time.NewTicker(s.bounds.Probe / probeEvery)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		s.probeAll(ctx, turn)
		s.metrics.Up(s.Healthy())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// probeAll probes those that failed, and the others when it is their turn.
func (s *Store) probeAll(ctx context.Context, turn int) {
	due := turn%probeEvery == 0
	ctx, cancel := context.WithTimeout(ctx, s.bounds.Dial)
	defer cancel()
	all, err := s.servers.all(ctx, turn%(probeEvery*refreshEvery) == 0)
	if err != nil {
		s.log.DebugContext(ctx, "redis: the servers of the cluster are not known", "err", err)
		return
	}
	var probes sync.WaitGroup
	for _, one := range all {
		if due || one.breaker.uneasy() {
			probes.Go(func() { s.probeOne(ctx, one) })
		}
	}
	probes.Wait()
}

func (s *Store) probeOne(ctx context.Context, one *server) {
	start := time.Now()
	err := one.client.Process(ctx, goredis.NewCmd(ctx, "SET", one.probeKey.Load(), "1", "PX", int64(time.Minute/time.Millisecond)))
	result, failure := judge(err)
	s.metrics.Called("probe", time.Since(start), result)
	if errors.Is(ctx.Err(), context.Canceled) {
		return // the gateway stops: that says nothing about Redis
	}
	one.breaker.probed(failure)
	if isSignedOut(failure) {
		s.conns.retire()
	}
}
