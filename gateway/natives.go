package gateway

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-viper/mapstructure/v2"

	"sluicegate.dev/sluice/gateway/edge"
	"sluicegate.dev/sluice/plugins/odoohygiene"
)

// natives are our plugins that ordinary routers may use by name. sluice-limit and
// sluice-access will stand here beside the first.
func natives() map[string]edge.Native {
	return map[string]edge.Native{"sluice-odoohygiene": hygiene}
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
