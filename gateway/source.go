package gateway

import (
	"context"
	"errors"
	"sync/atomic"

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
	s.Source = file.New(file.Config{Dir: string(sources.Directory), Apply: func(doc config.Document) config.Problems {
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
func (g *Gateway) loadFirst(context.Context) {
	g.source.Sync()
	if len(g.live.Load().Tenants) == 0 {
		g.log.Warn("no tenant is served yet", "directory", string(g.install.Sources.Directory))
	}
}

func (g *Gateway) makeLive(Config) error {
	var own []string
	for _, ap := range ownListeners(g.static.EntryPoints(), g.install.Admin.Address) {
		own = append(own, ap.String())
	}
	g.live = config.NewLive(config.LiveConfig{Listeners: own, Metrics: g.registry})
	return nil
}
