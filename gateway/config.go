package gateway

import "log/slog"

// Config is what the process hands the gateway. Install and Log are required.
type Config struct {
	Install string   // path of the install settings, sluice.yaml
	Environ []string // TRAEFIK_ variables lie on top of spec.traefik
	Version string
	Log     *slog.Logger
}
