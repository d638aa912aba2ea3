package gateway

import (
	"sluicegate.dev/sluice/gateway/pins"
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
	g.pins, err = pins.New(pins.Config{Store: g.store, Keys: keys, Log: g.log, Metrics: g.registry})
	return err
}
