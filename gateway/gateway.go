package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/config/file"
	"sluicegate.dev/sluice/gateway/admin"
	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/gateway/census"
	"sluicegate.dev/sluice/gateway/conduct"
	"sluicegate.dev/sluice/gateway/control"
	"sluicegate.dev/sluice/gateway/edge"
	"sluicegate.dev/sluice/gateway/hold"
	"sluicegate.dev/sluice/gateway/pins"
	"sluicegate.dev/sluice/gateway/replicas"
	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/gateway/service"
	"sluicegate.dev/sluice/gateway/shield"
	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/internal/keyring"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/plugins"
	"sluicegate.dev/sluice/plugins/limits"
	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
)

// Gateway is the assembled process. New makes it, Run runs it once.
type Gateway struct {
	install  config.InstallSpec
	log      *slog.Logger
	registry *prometheus.Registry

	static   *edge.Static
	keys     *keyring.Ring
	live     *config.Live
	keeper   *file.Keeper
	space    *spool.Space
	store    runtimeStore
	redis    *redis.Store // the same, when it is Redis; else nil
	replicas *replicas.Replicas
	sealing  routing.PinKeys // sign pins
	pins     *pins.Pins
	limiter  *ratelimit.Limiter
	limits   *limits.Limits
	routes   routes // scopes of limits on routes that are no tenant's
	slots    *admission.Leases
	upstream *upstream.Upstream
	edge     *edge.Edge
	admin    *admin.Server
	source   *source
	service  *service.Service

	control    *control.Control
	census     *census.Census
	holds      *hold.Gates
	shield     *shield.Shield
	conduct    *conduct.Conductor
	reports    *conduct.Reports
	reportKeys report.Keys

	controlKeys control.Keys
	decline     paces
}

// New reads the install settings and makes every part. It opens no port.
func New(cfg Config) (*Gateway, error) {
	install, problems := config.LoadInstall(cfg.Install)
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("install settings are not usable:\n%w", err)
	}
	for _, p := range problems {
		cfg.Log.Warn("install settings", "problem", p.String())
	}
	g := &Gateway{install: install.Spec, log: cfg.Log, registry: newRegistry(cfg.Version)}
	for _, make := range []func(Config) error{
		g.makeDataDir, g.makeKeys, g.makeStatic, g.makeSpace, g.makeLive, g.makeStore, g.makeReplicas, g.makePins, g.makeLimits, g.makeUpstream,
		g.makeReports, g.makeControl, g.makeWays, g.makeConduct, g.makeEdge, g.makeSource, g.makeAdmin,
	} {
		if err := make(cfg); err != nil {
			return nil, err
		}
	}
	g.service = service.New(g.ready, g.log)
	g.live.Subscribe(g.changed)
	return g, nil
}

func (g *Gateway) makeDataDir(Config) error {
	dir := string(g.install.DataDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("spec.dataDir: %w; the gateway keeps its last good configuration there", err)
	}
	return nil
}

// makeKeys reads the key ring, or makes one: before any port opens, so that nothing is ever
// signed with a key that is not kept.
func (g *Gateway) makeKeys(Config) error {
	ring, err := keyring.Open(string(g.install.SecretsFile), time.Now())
	if err != nil {
		return fmt.Errorf("spec.secretsFile: %w", err)
	}
	g.keys = ring
	return nil
}

func (g *Gateway) makeStatic(cfg Config) error {
	static, warnings, err := edge.LoadStatic(g.install.Traefik, cfg.Environ, g.trustedProxies())
	if err != nil {
		return err
	}
	for _, w := range warnings {
		g.log.Warn("a safe default is relaxed", "setting", w)
	}
	g.static = static
	return nil
}

func (g *Gateway) trustedProxies() []netip.Prefix {
	trusted := make([]netip.Prefix, 0, len(g.install.TrustedProxies))
	for _, p := range g.install.TrustedProxies {
		trusted = append(trusted, p.Prefix)
	}
	return trusted
}

func (g *Gateway) makeSpace(Config) error {
	limits := g.install.Spool
	space, err := spool.New(spool.Config{
		Dir:       filepath.Join(string(g.install.DataDir), "spool"),
		MaxMemory: int64(limits.Memory), MaxDisk: int64(limits.Disk),
		MaxBody: int64(limits.Request), PipeDisk: int64(limits.Response),
		Metrics: g.registry,
	})
	g.space = space
	return err
}

func (g *Gateway) makeUpstream(Config) error {
	g.slots = admission.New(g.admission())
	g.upstream = upstream.New(upstream.Config{
		Space: g.space, Log: g.log, Metrics: g.registry,
		Admission: g.slots,
		Replicas:  g.replicas.Count,
		Shared:    func(pool string) bool { return g.live.Load().Users(pool) > 1 },
		Listeners: ownListeners(g.static.EntryPoints(), g.install.Admin.Address),
	})
	return nil
}

func (g *Gateway) makeEdge(Config) error {
	port, redirect := httpsPort(g.static.EntryPoints(), g.install.PublicPorts)
	path := plugins.New(plugins.Deps{
		Table:    func() *routing.Table { return g.live.Load().Table },
		Upstream: g.census.Settle(g.shield), Space: g.space, Log: g.log, Metrics: g.registry, Pins: g.sealing, Records: g.pins,
		Limits:  g.limits,
		Courses: g.control.Course, Holds: g.holds, Arrive: g.census.Arrive,
		TrustedProxies: g.trustedProxies(), PublicPorts: g.install.PublicPorts,
		RedirectHTTPS: redirect, HTTPSPort: port, TLSEntryPoints: tlsEntryPoints(g.static.EntryPoints()),
	})
	made, err := edge.New(edge.Config{
		Static: g.static, Path: path, Log: g.log, Registry: g.registry,
		Certificate: g.certificate, Unknown: path.Unknown(), Natives: g.natives(path.ClientOf),
		OnStop:     g.leave,
		PluginsDir: filepath.Join(string(g.install.DataDir), "plugins"),
	})
	g.edge = made
	return err
}

// behind are the parts that requests need; they stop after the edge.
func (g *Gateway) behind() map[string]part {
	return map[string]part{
		"replicas": g.replicas, "pins": g.pins, "limits": g.limiter,
		"upstream": g.upstream, "admission": g.slots, "configuration": g.live, "source": g.source,
		"last good configuration": g.keeper,
		"admin":                   g.admin,
		"service":                 g.service,
		"control":                 g.control, "census": g.census, "hold": g.holds, "conduct": g.conduct,
		"log rotation": rotation{g.edge, g.log},
		"versions":     &versions{live: g.live, upstream: g.upstream, log: g.log, asked: map[string]time.Time{}},
	}
}

// socketFarewell is the longest time over which a stop spreads the end of WebSockets where
// nobody says how much time there is.
const socketFarewell = 10 * time.Second

// closeSockets ends WebSockets on a stop, at the pace at which browsers can come back to
// whichever gateway takes over.
func (g *Gateway) closeSockets(ctx context.Context) {
	most := socketFarewell
	if end, ok := ctx.Deadline(); ok {
		most = time.Until(end) / 2
	}
	g.upstream.CloseSockets("restart", most)
}
