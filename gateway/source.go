package gateway

import (
	"errors"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/config/file"
)

// source is where the declared resources come from, and whether it was read yet.
type source struct {
	*file.Source

	seen atomic.Bool
}

func (g *Gateway) makeSource(Config) error {
	sources := g.install.Sources
	if sources.Directory == "" {
		return errors.New("spec.sources.directory is empty: name the folder that declares tenants and pools")
	}
	s := &source{}
	s.Source = file.New(file.Config{Dir: string(sources.Directory), Known: g.live.Load().Resources(), Apply: func(doc config.Document) config.Problems {
		s.seen.Store(true)
		return g.live.Apply(doc)
	}})
	g.source = s
	return nil
}

// read tells whether the source was read since the start.
func (s *source) read() bool { return s.seen.Load() }

// loadFirst reads the configuration before any port opens, so that the first request finds
// its tenant.
func (g *Gateway) loadFirst() {
	g.upstream.Apply(g.live.Load().Pools)
	g.source.Sync()
	if len(g.live.Load().Tenants) == 0 {
		g.log.Warn("no tenant is served yet", "directory", string(g.install.Sources.Directory))
	}
}

// makeLive starts from what was served last, so that a broken or missing source cannot keep
// the gateway from serving.
func (g *Gateway) makeLive(Config) error {
	dir := string(g.install.DataDir)
	var own []string
	for _, ap := range ownListeners(g.static.EntryPoints(), g.install.Admin.Address) {
		own = append(own, ap.String())
	}
	last, err := file.LoadLastGood(dir, config.Options{Now: time.Now(), Listeners: own})
	if err != nil {
		g.log.Error("the last good snapshot is damaged", "err", err, "fallback", last != nil)
	}
	if last != nil {
		g.log.Warn("starting from the last good snapshot until the source is read", "revision", last.Revision,
			"applied", last.AppliedAt.UTC().Format(time.RFC3339), "tenants", len(last.Tenants))
	}
	g.live = config.NewLive(config.LiveConfig{Listeners: own, Start: last, Metrics: g.registry, Moved: g.movedTo})
	g.keeper = file.NewKeeper(dir, g.reportKeeper)
	return nil
}

func (g *Gateway) reportKeeper(err error) {
	if err != nil {
		g.log.Error("the configuration in use could not be saved: a restart would serve an older one", "err", err)
		return
	}
	g.log.Info("the configuration in use is saved again")
}
