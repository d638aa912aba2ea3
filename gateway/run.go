package gateway

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// part is something that runs as long as the gateway does.
type part interface {
	Run(ctx context.Context) error
}

// Run serves until ctx ends or a part fails. The edge stops first and waits for requests
// in flight (entry point grace time); the parts that those requests need stop after it, and
// the store after those, which may have something left to say to it.
func (g *Gateway) Run(ctx context.Context) error {
	g.loadFirst()
	beneath, stopBeneath := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBeneath()
	behind, stopBehind := context.WithCancel(beneath)
	defer stopBehind()
	front, stopFront := context.WithCancel(ctx)
	defer stopFront()

	group, failed := errgroup.WithContext(behind)
	context.AfterFunc(failed, stopFront)
	for name, p := range g.behind() {
		group.Go(func() error { return named(name, p.Run(failed)) })
	}
	group.Go(func() error {
		defer stopBehind()
		if err := g.replicas.Join(front); err != nil {
			return err
		}
		g.control.Join(front)
		return named("edge", g.edge.Run(front))
	})
	store := make(chan error, 1)
	go func() {
		defer stopBehind()
		store <- named("store", g.store.Run(beneath))
	}()
	err := group.Wait()
	stopBeneath()
	return errors.Join(err, <-store)
}

// named says which part failed. Being told to stop is no failure.
func named(name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}
