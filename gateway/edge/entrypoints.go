package edge

import (
	"maps"
	"slices"
)

// EntryPoint is a port of ours as the rest of the gateway needs to know it.
type EntryPoint struct {
	Name    string
	Address string // as configured: ":8080", "127.0.0.1:443", ":53/udp"
	TLS     bool   // TLS by declaration: every router on it speaks TLS
	Status  bool   // carries ping, ready and metrics, and no tenant
}

// EntryPoints are all entry points, by name.
func (s *Static) EntryPoints() []EntryPoint {
	var all []EntryPoint
	for _, name := range slices.Sorted(maps.Keys(s.conf.EntryPoints)) {
		ep := s.conf.EntryPoints[name]
		all = append(all, EntryPoint{
			Name: name, Address: ep.Address, TLS: ep.HTTP.TLS != nil, Status: name == statusEntryPoint,
		})
	}
	return all
}
