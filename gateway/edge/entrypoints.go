package edge

import (
	"maps"
	"slices"
	"time"
)

// EntryPoint is a port of Traefik's that tenants are served on.
type EntryPoint struct {
	Name    string
	Address string // as Traefik takes it: ":8443", "127.0.0.1:80/tcp"
	TLS     bool   // declared with http.tls; the front serves TLS on every entry point
	Status  bool   // carries ping, ready and metrics instead of tenants
}

// EntryPoints lists the entry points by name.
func (s *Static) EntryPoints() []EntryPoint {
	list := make([]EntryPoint, 0, len(s.conf.EntryPoints))
	for _, name := range slices.Sorted(maps.Keys(s.conf.EntryPoints)) {
		ep := s.conf.EntryPoints[name]
		list = append(list, EntryPoint{
			Name: name, Address: ep.GetAddress(), TLS: ep.HTTP.TLS != nil, Status: name == statusEntryPoint,
		})
	}
	return list
}

// Grace is the longest time that a stop may take.
func (s *Static) Grace() time.Duration {
	var longest time.Duration
	for _, ep := range s.conf.EntryPoints {
		life := ep.Transport.LifeCycle
		longest = max(longest, time.Duration(life.RequestAcceptGraceTimeout+life.GraceTimeOut))
	}
	return longest
}
