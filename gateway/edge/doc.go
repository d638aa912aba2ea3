// Package edge is the only package that imports Traefik.
package edge

import (
	_ "github.com/traefik/traefik/v3/pkg/config/static"
	_ "github.com/traefik/traefik/v3/pkg/plugins"
	_ "github.com/traefik/traefik/v3/pkg/provider/acme"
	_ "github.com/traefik/traefik/v3/pkg/provider/aggregator"
	_ "github.com/traefik/traefik/v3/pkg/proxy"
	_ "github.com/traefik/traefik/v3/pkg/proxy/httputil"
	_ "github.com/traefik/traefik/v3/pkg/server"
	_ "github.com/traefik/traefik/v3/pkg/server/service"
	_ "github.com/traefik/traefik/v3/webui"
)
