package archtest

const module = "sluicegate.dev/sluice"

// rule is one row of the package table.
type rule struct {
	// packages are paths inside the module; "/..." at the end takes the folders below too.
	// The longest row that fits a package is its row.
	packages []string
	// ours are the packages of this module that it may import, in the same form.
	ours []string
	// never are imports that it must not reach, directly or through others.
	never []ban
}

// ban forbids an import and says why, for the person whose build it fails.
type ban struct {
	prefix string
	why    string
	direct bool // only the package's own imports count
}

func noTraefik() ban {
	return ban{prefix: "github.com/traefik/traefik", why: "only gateway/edge knows Traefik: an upgrade must touch one package, and nobody else may pay its build"}
}

func noTraefikDirect() ban {
	b := noTraefik()
	b.direct = true
	return b
}

func noRedis() ban {
	return ban{prefix: "github.com/redis/", why: "state goes through the interfaces of internal/store, so that one node needs no Redis"}
}

func noKube() ban {
	return ban{prefix: "k8s.io/", why: "only config/kube talks to Kubernetes: a binary on a VM must not depend on it"}
}

func noHTTP() ban {
	return ban{prefix: "net/http", why: "decisions are pure values; HTTP stays at the edge"}
}

func noThirdParty() ban {
	return ban{prefix: "*.", why: "standard library only"}
}

// table is the package table of ARCHITECTURE.md. Third-party libraries are free but where a
// row bans them.
func table() []rule {
	outside := []ban{noTraefik(), noRedis(), noKube()}
	return []rule{
		// The core: pure, knows nobody.
		{packages: []string{"routing/odoo"}, never: []ban{noHTTP(), noThirdParty()}},
		{packages: []string{"routing", "routing/cutover", "routing/calendar"}, ours: []string{"routing/..."}, never: []ban{noHTTP(), noThirdParty()}},
		{packages: []string{"ratelimit/...", "auth/..."}, ours: []string{}, never: outside},

		// What everybody above may use.
		{packages: []string{"internal/spool", "internal/deadline", "internal/keyring"}, never: outside},
		{packages: []string{"internal/answer"}, ours: []string{"routing/...", "internal/spool"}, never: outside},
		{packages: []string{"internal/store"}, ours: []string{}, never: outside},
		{
			packages: []string{"internal/store/..."},
			ours:     []string{"routing/...", "ratelimit", "auth", "internal/store/..."},
			never:    []ban{noTraefik(), noKube()},
		},

		// Configuration.
		{
			packages: []string{"config", "config/file"},
			ours:     []string{"routing/...", "ratelimit", "auth", "config"},
			never:    outside,
		},
		{
			packages: []string{"config/kube/..."},
			ours:     []string{"routing/...", "ratelimit", "auth", "config/..."},
			never:    []ban{noTraefik(), noRedis()},
		},

		// The request path.
		{
			packages: []string{"plugins"},
			ours:     []string{"routing/...", "ratelimit", "auth", "config", "internal/answer", "internal/spool", "internal/deadline", "plugins/limits"},
			never:    outside,
		},
		{
			packages: []string{"plugins/limits"},
			ours:     []string{"routing/...", "ratelimit", "internal/answer"},
			never:    outside,
		},
		{packages: []string{"plugins/odoohygiene"}, ours: []string{"routing/odoo"}, never: []ban{noThirdParty()}},

		// The process.
		{
			packages: []string{"gateway"},
			ours:     []string{"routing/...", "ratelimit", "auth", "config/...", "plugins/...", "gateway/...", "internal/..."},
			never:    []ban{noTraefikDirect()},
		},
		{
			packages: []string{"gateway/edge"},
			ours:     []string{"routing/...", "config", "plugins/...", "internal/answer", "internal/deadline", "internal/spool"},
			never:    []ban{},
		},
		{
			packages: []string{"gateway/admission"},
			ours:     []string{"internal/store"},
			never:    outside,
		},
		{
			packages: []string{"gateway/pins"},
			ours:     []string{"routing/...", "internal/store"},
			never:    outside,
		},
		{
			packages: []string{"gateway/upstream"},
			ours:     []string{"routing/...", "gateway/admission", "internal/answer", "internal/spool", "internal/deadline"},
			never:    outside,
		},
		{
			packages: []string{"gateway/census", "gateway/shield"},
			ours:     []string{"routing/...", "internal/deadline"},
			never:    outside,
		},
		{
			packages: []string{"gateway/conduct"},
			ours:     []string{"routing/...", "gateway/control", "gateway/report", "gateway/upstream", "internal/store", "internal/keyring"},
			never:    outside,
		},
		{
			packages: []string{"gateway/admin/..."},
			ours:     []string{"routing/...", "auth", "gateway/admin/...", "gateway/console"},
			never:    outside,
		},
		{
			packages: []string{"gateway/hold", "gateway/cutover", "gateway/replicas", "gateway/certs"},
			ours:     []string{"routing/...", "ratelimit", "auth", "internal/answer", "internal/store"},
			never:    outside,
		},
		{
			packages: []string{"gateway/control"},
			ours:     []string{"routing/...", "internal/store"},
			never:    outside,
		},
		{
			packages: []string{"gateway/report"},
			ours:     []string{"routing/...", "gateway/census", "internal/store"},
			never:    outside,
		},
		{packages: []string{"gateway/service", "gateway/console", "gateway/audit"}, ours: []string{}, never: outside},

		// The command line and what it carries along.
		{packages: []string{"cmd/sluice"}, ours: []string{"gateway", "internal/..."}, never: []ban{noTraefikDirect()}},
		{
			packages: []string{"internal/cli/...", "internal/client/..."},
			ours:     []string{"config/...", "routing/...", "gateway/admin/api", "gateway/audit", "internal/..."},
			never:    outside,
		},
		{packages: []string{"internal/scaffold/..."}, ours: []string{"config"}, never: outside},
		{packages: []string{"internal/demo/..."}, ours: []string{"internal/standin/...", "internal/client", "config/..."}, never: outside},
		{packages: []string{"internal/standin/..."}, ours: []string{"internal/standin/..."}, never: []ban{noThirdParty()}},

		// Tools of the tree.
		{packages: []string{"internal/archtest", "internal/notice"}, never: []ban{noThirdParty()}},
		{packages: []string{"internal/deps"}},
	}
}
