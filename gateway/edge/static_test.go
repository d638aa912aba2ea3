package edge

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/traefik/traefik/v3/pkg/config/static"
)

func TestDefaults(t *testing.T) {
	s, warnings, err := LoadStatic(nil, nil, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	web, status := s.conf.EntryPoints["web"], s.conf.EntryPoints["traefik"]
	for name, tc := range map[string]struct{ got, want any }{
		"tenants listen on 8080":               {web.Address, ":8080"},
		"status is on 8082":                    {status.Address, ":8082"},
		"aliases of headers are refused":       {web.HTTP.AliasHeadersStrategy, "reject"},
		"headers end at 64 KiB":                {web.HTTP.MaxHeaderBytes, 64 << 10},
		"paths are cleaned":                    {*web.HTTP.SanitizePath, true},
		"encoded separators are refused":       {*web.HTTP.EncodedCharacters, static.EncodedCharacters{}},
		"a connection has 100 streams":         {web.HTTP2.MaxConcurrentStreams, int32(100)},
		"a header has 30 s":                    {time.Duration(web.Transport.RespondingTimeouts.ReadTimeout), 30 * time.Second},
		"an idle connection has 60 s":          {time.Duration(web.Transport.RespondingTimeouts.IdleTimeout), time.Minute},
		"a stop waits for Odoo's reports":      {time.Duration(web.Transport.LifeCycle.GraceTimeOut), 130 * time.Second},
		"conflicting TLS options are an error": {s.conf.Core.StrictTLSOptions, true},
		"nothing is asked of Traefik's maker":  {s.conf.Global.CheckNewVersion, false},
		"nothing is sent to Traefik's maker":   {s.conf.Global.SendAnonymousUsage, false},
		"ping is on":                           {s.conf.Ping.EntryPoint, "traefik"},
		"metrics are on":                       {s.conf.Metrics.Prometheus.EntryPoint, "traefik"},
		"a tenant's request is counted once":   {s.conf.Metrics.Prometheus.AddEntryPointsLabels, false},
		"trusted proxies are trusted":          {web.ForwardedHeaders.TrustedIPs, []string{"10.0.0.0/8"}},
		"PROXY protocol is not read unasked":   {web.ProxyProtocol == nil, true},
	} {
		if !reflect.DeepEqual(tc.got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, tc.got, tc.want)
		}
	}
}

func TestWhatTheOperatorWroteStands(t *testing.T) {
	for name, tc := range map[string]struct {
		yaml    string
		environ []string
		is      func(*static.Configuration) bool
		warns   string // a part of the one warning; none when empty
	}{
		"Traefik's metrics are Traefik's where they are configured": {
			yaml: `metrics: {prometheus: {}}`,
			is:   func(c *static.Configuration) bool { return c.Metrics.Prometheus.AddEntryPointsLabels },
		},
		"a stricter value is no relaxation": {
			yaml: `entryPoints: {web: {address: ":80", http: {maxHeaderBytes: 1024}}}`,
			is:   func(c *static.Configuration) bool { return c.EntryPoints["web"].HTTP.MaxHeaderBytes == 1024 },
		},
		"a laxer value stands and warns": {
			yaml:  `entryPoints: {web: {address: ":80", http: {maxHeaderBytes: 1048576}}}`,
			is:    func(c *static.Configuration) bool { return c.EntryPoints["web"].HTTP.MaxHeaderBytes == 1<<20 },
			warns: "entryPoints.web.http.maxHeaderBytes",
		},
		"names match without regard to case": {
			yaml:  `entrypoints: {web: {address: ":80", http: {SanitizePath: false}}}`,
			is:    func(c *static.Configuration) bool { return !*c.EntryPoints["web"].HTTP.SanitizePath },
			warns: "sanitizePath",
		},
		"one encoded character allowed leaves the others refused": {
			yaml: `entryPoints: {web: {address: ":80", http: {encodedCharacters: {allowEncodedPercent: true}}}}`,
			is: func(c *static.Configuration) bool {
				return *c.EntryPoints["web"].HTTP.EncodedCharacters == static.EncodedCharacters{AllowEncodedPercent: true}
			},
			warns: "allowEncodedPercent",
		},
		"aliases may be kept, with a warning": {
			yaml:  `entryPoints: {web: {address: ":80", http: {aliasHeadersStrategy: keep}}}`,
			is:    func(c *static.Configuration) bool { return c.EntryPoints["web"].HTTP.AliasHeadersStrategy == "keep" },
			warns: "aliasHeadersStrategy",
		},
		"the deprecated name is left alone": {
			yaml:  `entryPoints: {web: {address: ":80", http: {underscoreHeadersStrategy: reject}}}`,
			is:    func(c *static.Configuration) bool { return c.EntryPoints["web"].HTTP.AliasHeadersStrategy == "" },
			warns: "underscoreHeadersStrategy",
		},
		"no read time-out at all warns": {
			yaml: `entryPoints: {web: {address: ":80", transport: {respondingTimeouts: {readTimeout: 0}}}}`,
			is: func(c *static.Configuration) bool {
				return c.EntryPoints["web"].Transport.RespondingTimeouts.ReadTimeout == 0
			},
			warns: "readTimeout",
		},
		"a grace time below Odoo's longest request warns": {
			yaml: `entryPoints: {web: {address: ":80", transport: {lifeCycle: {graceTimeOut: 10s}}}}`,
			is: func(c *static.Configuration) bool {
				return time.Duration(c.EntryPoints["web"].Transport.LifeCycle.GraceTimeOut) == 10*time.Second
			},
			warns: "graceTimeOut",
		},
		"PROXY protocol is read from trusted proxies where declared": {
			yaml: `entryPoints: {web: {address: ":80", proxyProtocol: {}}}`,
			is: func(c *static.Configuration) bool {
				return slices.Equal(c.EntryPoints["web"].ProxyProtocol.TrustedIPs, []string{"10.0.0.0/8"})
			},
		},
		"middlewares of an entry point are not the tenants'": {
			yaml:  `entryPoints: {web: {address: ":80", http: {middlewares: [a@file]}}}`,
			is:    func(c *static.Configuration) bool { return len(c.EntryPoints["web"].HTTP.Middlewares) == 1 },
			warns: "a tenant names its middlewares itself",
		},
		"forwarded headers from anywhere warn": {
			yaml:  `entryPoints: {web: {address: ":80", forwardedHeaders: {insecure: true}}}`,
			is:    func(c *static.Configuration) bool { return c.EntryPoints["web"].ForwardedHeaders.Insecure },
			warns: "trustedProxies only",
		},
		"metrics of one's own switch ours off": {
			yaml: `metrics: {statsD: {address: "127.0.0.1:8125"}}`,
			is:   func(c *static.Configuration) bool { return c.Metrics.Prometheus == nil && c.Metrics.StatsD != nil },
		},
		"query strings stay out of access logs": {
			yaml: `accessLog: {format: json}`,
			is:   func(c *static.Configuration) bool { return !c.AccessLog.Fields.KeepQueryParameters() },
		},
		"query strings may be logged, with a warning": {
			yaml:  `accessLog: {fields: {queryParameters: {defaultMode: keep}}}`,
			is:    func(c *static.Configuration) bool { return c.AccessLog.Fields.KeepQueryParameters() },
			warns: "access tokens",
		},
		"names of Kubernetes resources do not collide": {
			yaml: `providers: {kubernetesCRD: {}}`,
			is:   func(c *static.Configuration) bool { return *c.Providers.KubernetesCRD.SafeNaming },
		},
		"an open API warns": {
			yaml:  `api: {insecure: true}`,
			is:    func(c *static.Configuration) bool { return c.API.Insecure },
			warns: "api.insecure",
		},
		"the environment lies on top": {
			yaml:    `entryPoints: {webSecure: {address: ":443", http: {maxHeaderBytes: 1}}}`,
			environ: []string{"TRAEFIK_ENTRYPOINTS_WEBSECURE_ADDRESS=:8443", "TRAEFIK_PING_MANUALROUTING=true", "HOME=/"},
			is: func(c *static.Configuration) bool {
				ep := c.EntryPoints["webSecure"]
				return ep.Address == ":8443" && ep.HTTP.MaxHeaderBytes == 1 && c.Ping.ManualRouting
			},
		},
		"the environment holds lists": {
			environ: []string{"TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80", "TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_MAIN=a.test", "TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_SANS=b.test,c.test"},
			is: func(c *static.Configuration) bool {
				domains := c.EntryPoints["web"].HTTP.TLS.Domains
				return len(domains) == 1 && domains[0].Main == "a.test" && len(domains[0].SANs) == 2
			},
		},
		"variables of a Kubernetes service named traefik are none": {
			environ: []string{"TRAEFIK_PORT=tcp://10.0.0.1:80", "TRAEFIK_SERVICE_HOST=10.0.0.1"},
			is:      func(c *static.Configuration) bool { return c.EntryPoints["web"].Address == ":8080" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, warnings, err := LoadStatic(parseYAML(t, tc.yaml), tc.environ, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
			if err != nil {
				t.Fatal(err)
			}
			if !tc.is(&s.conf) {
				t.Error("the configuration is not what was written")
			}
			switch {
			case tc.warns == "" && len(warnings) > 0:
				t.Errorf("unexpected warnings %q", warnings)
			case tc.warns != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], tc.warns)):
				t.Errorf("got warnings %q, want one with %q", warnings, tc.warns)
			}
		})
	}
}

func TestMistakesAreErrors(t *testing.T) {
	for name, yaml := range map[string]string{
		"an unknown field":                    `entryPoints: {web: {adress: ":80"}}`,
		"an unknown field at the root":        `entrypoint: {web: {address: ":80"}}`,
		"a word for a number":                 `entryPoints: {web: {address: ":80", http: {maxHeaderBytes: big}}}`,
		"an unknown protocol":                 `entryPoints: {web: {address: ":80/sctp"}}`,
		"what Traefik itself refuses":         `certificatesResolvers: {le: {acme: {email: a@b.test, storage: ""}}}`,
		"a rule syntax that does not exist":   `core: {defaultRuleSyntax: v9}`,
		"a provider that does not exist":      `providers: {precedence: [nobody]}`,
		"a provider that is not a mapping":    `providers: [file]`,
		"a mapping where a text is wanted":    `log: {level: {a: b}}`,
		"two strategies that contradict each": `entryPoints: {web: {address: ":80", http: {underscoreHeadersStrategy: keep, aliasHeadersStrategy: reject}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := LoadStatic(parseYAML(t, yaml), nil, nil)
			if err == nil || !strings.Contains(err.Error(), "spec.traefik") {
				t.Errorf("got %v, want an error that names spec.traefik", err)
			}
		})
	}
}

func TestLoadStaticKeepsTheCallersDocument(t *testing.T) {
	raw := parseYAML(t, `entryPoints: {web: {address: ":80"}}`)
	if _, _, err := LoadStatic(raw, []string{"TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:81"}, nil); err != nil {
		t.Fatal(err)
	}
	if got := raw["entryPoints"].(map[string]any)["web"].(map[string]any)["address"]; got != ":80" {
		t.Errorf("the document now says %v", got)
	}
}

func TestEntryPointsAreKnownOutside(t *testing.T) {
	s, _, err := LoadStatic(parseYAML(t, `entryPoints: {tls: {address: ":8443", http: {tls: {}}}, dns: {address: ":53/udp"}}`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []EntryPoint{
		{Name: "dns", Address: ":53/udp"},
		{Name: "tls", Address: ":8443", TLS: true},
		{Name: "traefik", Address: ":8082", Status: true},
	}
	if got := s.EntryPoints(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
