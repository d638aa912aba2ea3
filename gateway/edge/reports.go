package edge

import (
	"context"
	"time"

	"github.com/traefik/traefik/v3/pkg/collector"
	"github.com/traefik/traefik/v3/pkg/version"
)

// startReports does what Traefik does for operators who ask for it: look for new versions,
// and send usage data. Both are off by default here.
func (p *parts) startReports() {
	if p.conf.Global == nil {
		return
	}
	if p.conf.Global.CheckNewVersion {
		p.pool.GoCtx(func(ctx context.Context) { daily(ctx, version.CheckNewVersion) })
	}
	if p.conf.Global.SendAnonymousUsage {
		p.pool.GoCtx(func(ctx context.Context) { daily(ctx, p.sendUsage) })
	}
}

func (p *parts) sendUsage() {
	if err := collector.Collect(p.conf); err != nil {
		p.edge.cfg.Log.Debug("usage data not sent", "err", err)
	}
}

// daily runs report ten minutes after the start, as a process that restarts in a loop
// should not, and then once a day.
func daily(ctx context.Context, report func()) {
	next := time.NewTimer(10 * time.Minute)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			report()
			next.Reset(24 * time.Hour)
		}
	}
}
