package gateway

import (
	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/gateway/pins"
	"sluicegate.dev/sluice/plugins"
	"sluicegate.dev/sluice/routing"
)

// pinKeys derives the keys that sign pins.
func (g *Gateway) pinKeys() (routing.PinKeys, error) {
	derived, err := g.keys.For("pins")
	keys := make(routing.PinKeys, 0, len(derived))
	for _, k := range derived {
		keys = append(keys, k.Secret)
	}
	return keys, err
}

// makePins makes the records of where sessions live.
func (g *Gateway) makePins(Config) error {
	keys, err := g.pinKeys()
	if err != nil {
		return err
	}
	g.sealing = keys
	g.pins, err = pins.New(pins.Config{Store: g.store, Keys: keys, Log: g.log, Metrics: g.registry})
	return err
}

// TesterPass implements admin.Gateway.
func (s state) TesterPass(tenant string, pass routing.Tester) api.TesterPass {
	return api.TesterPass{
		Tenant: tenant, Release: pass.Release, Backend: pass.Backend, Until: pass.Until,
		Header: plugins.TesterHeader, Cookie: plugins.TesterCookie, Pass: s.g.sealing.SealTester(tenant, pass),
	}
}
