package edge

import (
	"fmt"
	"maps"
	"slices"

	"github.com/traefik/traefik/v3/pkg/config/static"
	otypes "github.com/traefik/traefik/v3/pkg/observability/types"
)

// The defaults of Sluice where they differ from Traefik's. With Traefik's own, a client
// reached another tenant's database through X_Odoo_Dbfilter, and the database manager
// through /web%2fdatabase/manager.

const (
	maxHeaderBytes = 64 << 10
	maxStreams     = 100
	// headerSeconds bounds reading a request's header. Traefik's read time-out covers the
	// whole request; the front moves the deadline on while a body makes progress.
	headerSeconds = 30
	idleSeconds   = 60
	// graceSeconds is longer than Odoo's longest request (limit_time_real: 120 s).
	graceSeconds = 130
)

// entryPointRules are the defaults of one entry point.
func entryPointRules(said tree, prefix string) []rule[*static.EntryPoint] {
	rules := append(aliasRules(said, prefix), sizeRules()...)
	return append(append(rules, routerRules()...), timeoutRule(), idleRule(), graceRule())
}

// aliasRules refuse header names that a WSGI server reads as another's.
func aliasRules(said tree, prefix string) []rule[*static.EntryPoint] {
	return []rule[*static.EntryPoint]{
		{
			path: "http.aliasHeadersStrategy",
			apply: func(ep *static.EntryPoint) {
				// Traefik refuses both names with different values.
				if !said.said(prefix + "http.underscoreHeadersStrategy") {
					ep.HTTP.AliasHeadersStrategy = static.AliasHeadersStrategyReject
				}
			},
			relaxed: func(ep *static.EntryPoint) bool {
				return ep.HTTP.AliasHeadersStrategy == static.AliasHeadersStrategyKeep
			},
			why: "a WSGI server reads X_Forwarded_For as X-Forwarded-For; clients can forge what the gateway sets",
		},
		{
			path:  "http.underscoreHeadersStrategy",
			apply: func(*static.EntryPoint) {},
			relaxed: func(ep *static.EntryPoint) bool {
				return ep.HTTP.AliasHeadersStrategy == ""
			},
			why: "is deprecated and leaves aliases without an underscore; use aliasHeadersStrategy",
		},
	}
}

// sizeRules bound what one client can take.
func sizeRules() []rule[*static.EntryPoint] {
	return []rule[*static.EntryPoint]{
		{
			path:    "http.maxHeaderBytes",
			apply:   func(ep *static.EntryPoint) { ep.HTTP.MaxHeaderBytes = maxHeaderBytes },
			relaxed: func(ep *static.EntryPoint) bool { return ep.HTTP.MaxHeaderBytes > maxHeaderBytes },
			why:     "headers above 64 KiB cost memory on every connection",
		},
		{
			path:    "http2.maxConcurrentStreams",
			apply:   func(ep *static.EntryPoint) { ep.HTTP2.MaxConcurrentStreams = maxStreams },
			relaxed: func(ep *static.EntryPoint) bool { return ep.HTTP2.MaxConcurrentStreams > maxStreams },
			why:     "one connection may open more than 100 requests at once",
		},
	}
}

// routerRules concern what Traefik's own routers match and run.
func routerRules() []rule[*static.EntryPoint] {
	return []rule[*static.EntryPoint]{
		{
			path:    "http.sanitizePath",
			apply:   func(ep *static.EntryPoint) { ep.HTTP.SanitizePath = new(true) },
			relaxed: func(ep *static.EntryPoint) bool { return ep.HTTP.SanitizePath != nil && !*ep.HTTP.SanitizePath },
			why:     "rules on paths can be walked around with /../",
		},
		{
			path:    "http.middlewares",
			apply:   func(*static.EntryPoint) {},
			relaxed: func(ep *static.EntryPoint) bool { return len(ep.HTTP.Middlewares) > 0 },
			why:     "run for Traefik's own routers; a tenant names its middlewares itself",
		},
		{
			path:    "http.redirections",
			apply:   func(*static.EntryPoint) {},
			relaxed: func(ep *static.EntryPoint) bool { return ep.HTTP.Redirections != nil },
			why:     "concern Traefik's own routers; a tenant is redirected to https when it has tls",
		},
	}
}

func timeoutRule() rule[*static.EntryPoint] {
	return rule[*static.EntryPoint]{
		path:  "transport.respondingTimeouts.readTimeout",
		apply: func(ep *static.EntryPoint) { ep.Transport.RespondingTimeouts.ReadTimeout = seconds(headerSeconds) },
		relaxed: func(ep *static.EntryPoint) bool {
			t := ep.Transport.RespondingTimeouts.ReadTimeout
			return t == 0 || t > seconds(headerSeconds)
		},
		why: "is the time a client may take for a request's header (bodies last while they make progress); above 30 s it favours slow attacks",
	}
}

func idleRule() rule[*static.EntryPoint] {
	return rule[*static.EntryPoint]{
		path:  "transport.respondingTimeouts.idleTimeout",
		apply: func(ep *static.EntryPoint) { ep.Transport.RespondingTimeouts.IdleTimeout = seconds(idleSeconds) },
		relaxed: func(ep *static.EntryPoint) bool {
			t := ep.Transport.RespondingTimeouts.IdleTimeout
			return t == 0 || t > seconds(3*idleSeconds)
		},
		why: "idle connections above three minutes hold memory",
	}
}

func graceRule() rule[*static.EntryPoint] {
	return rule[*static.EntryPoint]{
		path:    "transport.lifeCycle.graceTimeOut",
		apply:   func(ep *static.EntryPoint) { ep.Transport.LifeCycle.GraceTimeOut = seconds(graceSeconds) },
		relaxed: func(ep *static.EntryPoint) bool { return ep.Transport.LifeCycle.GraceTimeOut < seconds(120) },
		why:     "a stop cuts requests that take longer; Odoo's reports may run 120 s",
	}
}

// encodedCharacters refuses encoded separators in paths of ordinary routers. Traefik allows
// each by default, also the ones that are left out of a list. Tenants are not concerned:
// the guard knows which of their routes need them.
func encodedCharacters(said tree, prefix string, ep *static.EntryPoint) []string {
	path := prefix + "http.encodedCharacters."
	if ep.HTTP.EncodedCharacters == nil {
		ep.HTTP.EncodedCharacters = &static.EncodedCharacters{}
	}
	var warnings []string
	switches := encodedSwitches(ep.HTTP.EncodedCharacters)
	for _, name := range slices.Sorted(maps.Keys(switches)) {
		allowed := switches[name]
		if !said.said(path + name) {
			*allowed = false
		} else if *allowed {
			warnings = append(warnings, fmt.Sprintf("spec.traefik.%s%s: rules on paths of Traefik's own routers can be walked around with it", path, name))
		}
	}
	return warnings
}

func encodedSwitches(ec *static.EncodedCharacters) map[string]*bool {
	return map[string]*bool{
		"allowEncodedSlash":         &ec.AllowEncodedSlash,
		"allowEncodedBackSlash":     &ec.AllowEncodedBackSlash,
		"allowEncodedNullCharacter": &ec.AllowEncodedNullCharacter,
		"allowEncodedSemicolon":     &ec.AllowEncodedSemicolon,
		"allowEncodedPercent":       &ec.AllowEncodedPercent,
		"allowEncodedQuestionMark":  &ec.AllowEncodedQuestionMark,
		"allowEncodedHash":          &ec.AllowEncodedHash,
	}
}

// installRules are the defaults outside entry points.
func installRules() []rule[*static.Configuration] {
	return append(append(reportRules(), strictRules()...), exposureRules()...)
}

// reportRules keep the gateway from calling Traefik's maker.
func reportRules() []rule[*static.Configuration] {
	return []rule[*static.Configuration]{
		{
			path:    "global.checkNewVersion",
			apply:   func(c *static.Configuration) { global(c).CheckNewVersion = false },
			relaxed: func(c *static.Configuration) bool { return global(c).CheckNewVersion },
			why:     "asks a server of Traefik's maker once a day",
		},
		{
			path:    "global.sendAnonymousUsage",
			apply:   func(c *static.Configuration) { global(c).SendAnonymousUsage = false },
			relaxed: func(c *static.Configuration) bool { return global(c).SendAnonymousUsage },
			why:     "sends the configuration, without secrets, to Traefik's maker once a day",
		},
	}
}

// strictRules settle ambiguities on the safe side.
func strictRules() []rule[*static.Configuration] {
	return []rule[*static.Configuration]{
		{
			path:    "core.strictTLSOptions",
			apply:   func(c *static.Configuration) { core(c).StrictTLSOptions = true },
			relaxed: func(c *static.Configuration) bool { return !core(c).StrictTLSOptions },
			why:     "a host with two TLS options falls back to the default ones, which may ask for no client certificate",
		},
		{
			path: "providers.kubernetesCRD.safeNaming",
			apply: func(c *static.Configuration) {
				if c.Providers.KubernetesCRD != nil {
					c.Providers.KubernetesCRD.SafeNaming = new(true)
				}
			},
			relaxed: func(c *static.Configuration) bool {
				crd := c.Providers.KubernetesCRD
				return crd != nil && crd.SafeNaming != nil && !*crd.SafeNaming
			},
			why: "resources of two namespaces can get one name, and one of them the other's traffic",
		},
		{
			path: "accessLog.fields.queryParameters.defaultMode",
			apply: func(c *static.Configuration) {
				if c.AccessLog != nil {
					c.AccessLog.Fields.QueryParameters = &otypes.FieldQueryParameters{DefaultMode: otypes.AccessLogDrop}
				}
			},
			relaxed: func(c *static.Configuration) bool {
				return c.AccessLog != nil && c.AccessLog.Fields.KeepQueryParameters()
			},
			why: "query strings of Odoo carry access tokens; the access log will hold them",
		},
	}
}

// exposureRules have no default of ours: Traefik's is right, and leaving it is worth a word.
func exposureRules() []rule[*static.Configuration] {
	keep := func(*static.Configuration) {}
	return []rule[*static.Configuration]{
		{
			path: "providers.kubernetesCRD.allowCrossNamespace", apply: keep,
			relaxed: func(c *static.Configuration) bool {
				return c.Providers.KubernetesCRD != nil && c.Providers.KubernetesCRD.AllowCrossNamespace
			},
			why: "routes of one namespace may use services and middlewares of another",
		},
		{
			path: "api.insecure", apply: keep,
			relaxed: func(c *static.Configuration) bool { return c.API != nil && c.API.Insecure },
			why:     "everyone who reaches the entry point traefik can read the whole configuration",
		},
		{
			path: "providers.rest.insecure", apply: keep,
			relaxed: func(c *static.Configuration) bool {
				return c.Providers.Rest != nil && c.Providers.Rest.Insecure
			},
			why: "everyone who reaches the entry point traefik can replace the configuration",
		},
		{
			path: "serversTransport.insecureSkipVerify", apply: keep,
			relaxed: func(c *static.Configuration) bool { return c.ServersTransport.InsecureSkipVerify },
			why:     "the certificates of Traefik's own backends are not checked",
		},
		{
			path: "log.filePath", apply: keep,
			relaxed: func(c *static.Configuration) bool { return c.Log != nil && c.Log.FilePath != "" },
			why:     "is not used: Traefik's log joins Sluice's stream",
		},
	}
}

func global(c *static.Configuration) *static.Global {
	if c.Global == nil {
		c.Global = &static.Global{}
	}
	return c.Global
}

func core(c *static.Configuration) *static.Core {
	if c.Core == nil {
		c.Core = &static.Core{}
		c.Core.SetDefaults()
	}
	return c.Core
}
