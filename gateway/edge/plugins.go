package edge

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/traefik/traefik/v3/pkg/plugins"

	"sluicegate.dev/sluice/routing"
)

const nativePrefix = "sluice-"

// pluginBuilder answers our own plugins natively and leaves the rest to Traefik's Yaegi and
// WASM builders. Traefik asks for it by pointer (it calls reflect's IsNil).
type pluginBuilder struct {
	natives map[string]Native
	loaded  map[string]*plugins.Builder // one for each plugin, so that a bad one is alone
	failed  map[string]error
}

func (e *Edge) newPluginBuilder(l *loadedPlugins) *pluginBuilder {
	b := &pluginBuilder{natives: map[string]Native{}, loaded: l.builders, failed: l.failed}
	for name, native := range e.cfg.Natives {
		b.natives[name] = native
	}
	b.natives[tenantPlugin] = e.tenantStep
	b.natives[unknownPlugin] = e.unknownStep
	return b
}

// checkNatives keeps our names apart from those of other plugins.
func checkNatives(natives map[string]Native) error {
	for name := range natives {
		if !strings.HasPrefix(name, nativePrefix) || name == tenantPlugin || name == unknownPlugin {
			return fmt.Errorf("edge: native plugin %q: the name must begin with %s and be free", name, nativePrefix)
		}
	}
	return nil
}

// Build implements Traefik's PluginsBuilder.
func (b *pluginBuilder) Build(name string, config map[string]any, middleware string) (plugins.Constructor, error) {
	if native, ok := b.natives[name]; ok {
		return contained(func(_ context.Context, next http.Handler) (http.Handler, error) {
			return native(next, config, middleware)
		}), nil
	}
	if err, ok := b.failed[name]; ok {
		return nil, fmt.Errorf("plugin %q did not load: %w", name, err)
	}
	builder, ok := b.loaded[name]
	if !ok {
		return nil, fmt.Errorf("unknown plugin %q", name)
	}
	constructor, err := builder.Build(name, config, middleware)
	if err != nil {
		return nil, err
	}
	return contained(constructor), nil
}

// contained turns a panic of a constructor into an error: it would otherwise end the whole
// reload instead of the one router.
func contained(build plugins.Constructor) plugins.Constructor {
	return func(ctx context.Context, next http.Handler) (handler http.Handler, err error) {
		defer func() {
			if p := recover(); p != nil {
				handler, err = nil, fmt.Errorf("plugin panicked: %v", p)
			}
		}()
		return build(ctx, next)
	}
}

// tenantStep ends the chain of a tenant that has middlewares: the tenant's own path. On any
// other router it steps aside.
func (e *Edge) tenantStep(next http.Handler, _ map[string]any, _ string) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if routing.FromContext(r.Context()) == nil {
			next.ServeHTTP(w, r)
			return
		}
		r.Header.Del(tenantHeader)
		e.cfg.Path.ServeHTTP(w, r)
	}), nil
}

// unknownStep answers for hosts that nobody claims.
func (e *Edge) unknownStep(next http.Handler, _ map[string]any, _ string) (http.Handler, error) {
	if e.cfg.Unknown == nil {
		return next, nil
	}
	return e.cfg.Unknown, nil
}
