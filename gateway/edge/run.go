package edge

import (
	"context"
	"sync"
	"time"

	ptypes "github.com/traefik/paerser/types"
	tmetrics "github.com/traefik/traefik/v3/pkg/observability/metrics"
)

const (
	// startingGrace bounds a stop that comes before the first configuration.
	startingGrace = 2 * time.Second
	// linger is how long the end of an HTTP/3 answer may be under way after its handler has
	// returned: a round trip, and a packet lost.
	linger = time.Second
	// releaseGrace bounds the wait for providers that do not hear of the end.
	releaseGrace = 3 * time.Second
)

// Run opens the ports and serves until ctx ends, then lets requests in flight finish. It
// may be called once.
func (e *Edge) Run(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	p, err := e.assemble(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil // a part that waited for something was told to stop
		}
		return err
	}
	e.parts.Store(p)
	p.start(ctx)
	<-ctx.Done()
	p.stop()
	return nil
}

// start serves. The goroutines of entry points end with stop, all others with the pool.
func (p *parts) start(ctx context.Context) {
	if p.conf.Ping != nil {
		p.conf.Ping.WithContext(ctx) // answers 503 from the end of ctx on
	}
	p.tcp.Start()
	p.udp.Start()
	p.watcher.Start()
	p.startReports()
}

// stop ends the edge: not ready at once, no new request after the accept time, everything
// over within the grace time after that.
func (p *parts) stop() {
	p.edge.stopping.Store(true)
	accept, grace := p.times()
	<-time.After(accept) // load balancers still send while they take us out

	end := time.Now().Add(grace)
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	var wg sync.WaitGroup
	if onStop := p.edge.cfg.OnStop; onStop != nil {
		wg.Go(func() { onStop(ctx) })
	}
	p.edge.front.drain(ctx)
	p.setTimes(time.Until(end))
	wg.Go(p.udp.Stop)
	p.tcp.Stop()
	wg.Wait()
	p.release()
}

// times are the longest of all entry points: they stop together, so that readiness means
// one thing. Before the first configuration nothing is worth waiting for.
func (p *parts) times() (accept, grace time.Duration) {
	for _, ep := range p.conf.EntryPoints {
		accept = max(accept, time.Duration(ep.Transport.LifeCycle.RequestAcceptGraceTimeout))
		grace = max(grace, time.Duration(ep.Transport.LifeCycle.GraceTimeOut))
	}
	if !p.edge.live.Load() {
		return 0, min(grace, startingGrace)
	}
	return accept, grace
}

// setTimes tells Traefik's entry points what is left of the grace time. They read it in
// Stop only.
func (p *parts) setTimes(grace time.Duration) {
	for _, ep := range p.conf.EntryPoints {
		ep.Transport.LifeCycle.RequestAcceptGraceTimeout = 0
		ep.Transport.LifeCycle.GraceTimeOut = ptypes.Duration(max(grace, time.Millisecond))
	}
}

// drain waits for HTTP/3 requests in flight and takes no more of them. Traefik closes their
// connections at once when it stops, with whatever they have not sent yet.
func (f *front) drain(ctx context.Context) {
	f.closed.Store(true)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f.drained(time.Now()) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// drained tells whether every HTTP/3 answer had time to reach its client.
func (f *front) drained(now time.Time) bool {
	return f.streams.Load() == 0 && now.Sub(time.Unix(0, f.ended.Load())) >= linger
}

// release ends everything that does not serve requests.
func (p *parts) release() {
	tmetrics.StopDatadog()
	tmetrics.StopStatsd()
	tmetrics.StopInfluxDB2()
	tmetrics.StopOpenTelemetry()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		p.pool.Stop()
	}()
	select {
	case <-stopped:
	case <-time.After(releaseGrace):
		p.edge.cfg.Log.Warn("a provider of Traefik's did not stop in time")
	}
	p.observability.Close()
}
