package gateway

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"sluicegate.dev/sluice/gateway/edge"
)

// rotation reopens the access log's file on SIGUSR1, as Traefik does: logrotate moves the
// file away first.
type rotation struct {
	edge *edge.Edge
	log  *slog.Logger
}

// Run implements part.
func (r rotation) Run(ctx context.Context) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	defer signal.Stop(asked)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
			if err := r.edge.RotateLogs(); err != nil {
				r.log.ErrorContext(ctx, "access log not reopened", "err", err)
			}
		}
	}
}
