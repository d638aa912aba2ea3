package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/go-viper/mapstructure/v2"

	"sluicegate.dev/sluice/gateway/edge"
	"sluicegate.dev/sluice/plugins/odoohygiene"
)

// natives are our plugins that ordinary routers may use by name. client says where a request
// comes from.
func (g *Gateway) natives(client func(*http.Request) netip.Addr) map[string]edge.Native {
	return map[string]edge.Native{"sluice-odoohygiene": hygiene, "sluice-limit": g.limitRoute(client)}
}

// hygiene adapts the plugin that also runs under Yaegi. Unlike Yaegi it refuses settings
// that do not exist.
func hygiene(next http.Handler, settings map[string]any, name string) (http.Handler, error) {
	config := odoohygiene.CreateConfig()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: config, ErrorUnused: true, WeaklyTypedInput: true,
	})
	if err != nil {
		return nil, err
	}
	if err := decoder.Decode(settings); err != nil {
		return nil, fmt.Errorf("settings of %s: %w", name, err)
	}
	return odoohygiene.New(context.Background(), next, config, name)
}
