package main

import (
	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/gateway/edge"
)

// checkTraefik reads Traefik's part of install settings as a start would, without the
// environment of whoever validates.
func checkTraefik(install *config.Install) error {
	_, _, err := edge.LoadStatic(install.Spec.Traefik, nil, nil)
	return err
}
