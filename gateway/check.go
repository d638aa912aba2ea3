package gateway

import (
	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/gateway/edge"
)

// CheckTraefik says what is wrong with Traefik's part of install settings, read as a start
// would read it, without the environment of whoever asks. It opens nothing.
func CheckTraefik(install *config.Install) error {
	_, _, err := edge.LoadStatic(install.Spec.Traefik, nil, nil)
	return err
}
