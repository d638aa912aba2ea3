package edge

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	ptypes "github.com/traefik/paerser/types"
	"github.com/traefik/traefik/v3/pkg/config/static"
	otypes "github.com/traefik/traefik/v3/pkg/observability/types"
	"github.com/traefik/traefik/v3/pkg/ping"
)

// statusEntryPoint carries ping, ready and metrics, and no tenant.
const statusEntryPoint = static.DefaultInternalEntryPointName

// rule is one default of ours. It applies where the operator wrote nothing under path, and
// warns where what was written is laxer.
type rule[T any] struct {
	path    string
	apply   func(T)
	relaxed func(T) bool // nil: any value is as good
	why     string
}

// enforce applies the rules to what stands under prefix.
func enforce[T any](said tree, prefix string, conf T, rules []rule[T]) []string {
	var warnings []string
	for _, r := range rules {
		path := prefix + r.path
		if !said.said(path) {
			r.apply(conf)
		} else if r.relaxed != nil && r.relaxed(conf) {
			warnings = append(warnings, fmt.Sprintf("spec.traefik.%s: %s", path, r.why))
		}
	}
	return warnings
}

// harden applies our defaults and returns the warnings.
func (s *Static) harden(said tree) ([]string, error) {
	s.addEntryPoints()
	s.addStatus(said)
	warnings := enforce(said, "", &s.conf, installRules())
	for _, name := range slices.Sorted(maps.Keys(s.conf.EntryPoints)) {
		ep := s.conf.EntryPoints[name]
		protocol, err := ep.GetProtocol()
		if err != nil {
			return nil, fmt.Errorf("spec.traefik.entryPoints.%s.address: %w", name, err)
		}
		if protocol == "udp" {
			continue
		}
		prefix := "entryPoints." + name + "."
		warnings = append(warnings, enforce(said, prefix, ep, entryPointRules(said, prefix))...)
		warnings = append(warnings, encodedCharacters(said, prefix, ep)...)
	}
	return warnings, nil
}

// addEntryPoints adds what a gateway without any entry point of its own listens on.
func (s *Static) addEntryPoints() {
	if s.conf.EntryPoints == nil {
		s.conf.EntryPoints = static.EntryPoints{}
	}
	add := func(name, address string) {
		ep := &static.EntryPoint{Address: address}
		ep.SetDefaults()
		s.conf.EntryPoints[name] = ep
	}
	_, status := s.conf.EntryPoints[statusEntryPoint]
	if len(s.conf.EntryPoints) == 0 || status && len(s.conf.EntryPoints) == 1 {
		add("web", ":8080")
	}
	if !status {
		add(statusEntryPoint, ":8082")
	} else if s.conf.EntryPoints[statusEntryPoint].Address == "" {
		s.conf.EntryPoints[statusEntryPoint].Address = ":8082"
	}
}

// addStatus switches ping and Traefik's own metrics on unless the operator wrote of them.
// Those of the entry points stay off: they would count each tenant's request a second time,
// for a tenth of what it costs. Requests of ordinary routers count by their services.
func (s *Static) addStatus(said tree) {
	if !said.said("ping") {
		s.conf.Ping = &ping.Handler{}
		s.conf.Ping.SetDefaults()
	}
	if !said.said("metrics") {
		s.conf.Metrics = &otypes.Metrics{Prometheus: &otypes.Prometheus{}}
		s.conf.Metrics.Prometheus.SetDefaults()
		s.conf.Metrics.Prometheus.AddEntryPointsLabels = false
	}
}

// trust writes the proxies whose forwarding headers count into every entry point. PROXY
// protocol is only ever read where the operator declared it: a proxy that is trusted with
// headers passes its clients' bytes on as they are, so that reading their first line as a
// PROXY header unasked would let each of them choose an address.
func (s *Static) trust(trusted []netip.Prefix) []string {
	var warnings []string
	networks := make([]string, len(trusted))
	for i, prefix := range trusted {
		networks[i] = prefix.String()
	}
	for _, name := range slices.Sorted(maps.Keys(s.conf.EntryPoints)) {
		ep := s.conf.EntryPoints[name]
		if ep.ForwardedHeaders == nil {
			ep.ForwardedHeaders = &static.ForwardedHeaders{}
		}
		if ep.ForwardedHeaders.Insecure || len(ep.ForwardedHeaders.TrustedIPs) > 0 {
			warnings = append(warnings, fmt.Sprintf("spec.traefik.entryPoints.%s.forwardedHeaders: "+
				"counts for Traefik's own routers; tenants trust spec.trustedProxies only", name))
		}
		ep.ForwardedHeaders.TrustedIPs = union(ep.ForwardedHeaders.TrustedIPs, networks)
		if ep.ProxyProtocol != nil {
			ep.ProxyProtocol.TrustedIPs = union(ep.ProxyProtocol.TrustedIPs, networks)
		}
	}
	return warnings
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func seconds(n int) ptypes.Duration { return ptypes.Duration(time.Duration(n) * time.Second) }
