package edge

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/traefik/traefik/v3/pkg/config/static"
	"github.com/traefik/traefik/v3/pkg/plugins"
)

// loadedPlugins are the operator's own plugins. Each has a builder of its own: Traefik
// builds all with one and lets the first bad plugin disable every other.
type loadedPlugins struct {
	builders map[string]*plugins.Builder
	failed   map[string]error
}

func (e *Edge) loadPlugins() (*loadedPlugins, error) {
	l := &loadedPlugins{builders: map[string]*plugins.Builder{}, failed: map[string]error{}}
	experimental := e.cfg.Static.conf.Experimental
	if experimental == nil {
		return l, nil
	}
	for name := range experimental.LocalPlugins {
		if _, twice := experimental.Plugins[name]; twice {
			return nil, fmt.Errorf("plugin %q is both a local and a catalogue plugin", name)
		}
	}
	l.loadLocal(experimental.LocalPlugins)
	l.loadCatalogue(experimental.Plugins, e.cfg.PluginsDir)
	for name, err := range l.failed {
		e.cfg.Log.Error("plugin did not load", "plugin", name, "err", err)
	}
	return l, l.abort(experimental)
}

// abort is for operators who would rather not start than run without a plugin.
func (l *loadedPlugins) abort(experimental *static.Experimental) error {
	if !experimental.AbortOnPluginFailure {
		return nil
	}
	var all error
	for name, err := range l.failed {
		all = errors.Join(all, fmt.Errorf("plugin %q: %w", name, err))
	}
	return all
}

func (l *loadedPlugins) loadLocal(local map[string]plugins.LocalDescriptor) {
	for name, descriptor := range local {
		one := map[string]plugins.LocalDescriptor{name: descriptor}
		err := plugins.SetupLocalPlugins(one)
		if err == nil {
			l.builders[name], err = plugins.NewBuilder(nil, nil, one)
		}
		l.note(name, err)
	}
}

func (l *loadedPlugins) loadCatalogue(catalogue map[string]plugins.Descriptor, dir string) {
	if len(catalogue) == 0 {
		return
	}
	manager, err := newPluginManager(catalogue, dir)
	for name, descriptor := range catalogue {
		failure := err
		if failure == nil {
			l.builders[name], failure = plugins.NewBuilder(manager, map[string]plugins.Descriptor{name: descriptor}, nil)
		}
		l.note(name, failure)
	}
}

func (l *loadedPlugins) note(name string, err error) {
	if err != nil {
		delete(l.builders, name)
		l.failed[name] = err
	}
}

// newPluginManager downloads and checks the catalogue's plugins into dir.
func newPluginManager(catalogue map[string]plugins.Descriptor, dir string) (*plugins.Manager, error) {
	downloader, err := plugins.NewRegistryDownloader(plugins.RegistryDownloaderOptions{
		HTTPClient:   &http.Client{Timeout: 10 * time.Second},
		ArchivesPath: filepath.Join(dir, "archives"),
	})
	if err != nil {
		return nil, fmt.Errorf("plugin downloader: %w", err)
	}
	manager, err := plugins.NewManager(downloader, plugins.ManagerOptions{Output: dir})
	if err != nil {
		return nil, fmt.Errorf("plugin manager: %w", err)
	}
	if err := plugins.SetupRemotePlugins(manager, catalogue); err != nil {
		return nil, fmt.Errorf("set up plugins: %w", err)
	}
	return manager, nil
}
