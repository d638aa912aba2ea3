package gateway

import (
	"context"
	"log/slog"
	"time"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/gateway/upstream"
)

// How often servers are asked for their version: soon while it is unknown, rarely after,
// to notice an upgrade in place.
const (
	askSoon   = 2 * time.Second
	askRarely = 10 * time.Minute
)

// versions learns the Odoo version of pools that are declared with version auto.
type versions struct {
	live     *config.Live
	upstream *upstream.Upstream
	log      *slog.Logger
	asked    map[string]time.Time // when a pool last told its version
}

// Run implements part.
func (v *versions) Run(ctx context.Context) error {
	tick := time.NewTicker(askSoon)
	defer tick.Stop()
	for {
		v.ask(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (v *versions) ask(ctx context.Context) {
	for name, pool := range v.live.Load().Pools {
		if !pool.Auto || time.Since(v.asked[name]) < askRarely {
			continue
		}
		version, err := v.upstream.Version(ctx, name)
		if err != nil {
			v.log.DebugContext(ctx, "version of a pool is not known yet", "pool", name, "err", err)
			continue
		}
		v.asked[name] = time.Now()
		if v.live.Learn(name, version) {
			v.log.InfoContext(ctx, "learnt the version of a pool", "pool", name, "version", version)
		}
	}
}
