package demo

import "sluicegate.dev/sluice/internal/standin"

// tenant is one sample tenant.
type tenant struct {
	Name, Host, Database string
	Pool                 string
	Classes              []class // pools and classes of its own
}

// class gives a request class of the tenant a pool of its own; with a path it is a class of
// the operator's own.
type class struct{ Name, Path, Pool string }

// pool is one sample pool with its servers.
type pool struct {
	Name, Version       string
	Sessions, Isolation string
	Servers             []*standin.Server
}

// server is what a stand-in of a pool is started with. dir is shared by the servers that
// know each other's sessions and databases.
type server struct {
	pool, name, dir string
	config          standin.Config
}

// tenants are the four ways in which tenants usually live: a dedicated pool, two tenants
// that share servers, and one with servers for its reports.
func tenants() []tenant {
	return []tenant{
		{Name: "acme", Host: "acme.localhost", Database: "acme", Pool: "acme"},
		{Name: "globex", Host: "globex.localhost", Database: "globex", Pool: "shared"},
		{Name: "initech", Host: "initech.localhost", Database: "initech", Pool: "shared"},
		{
			Name: "umbrella", Host: "umbrella.localhost", Database: "umbrella", Pool: "umbrella",
			Classes: []class{
				{Name: "report", Pool: "umbrella-reports"},
				{Name: "webhook", Path: "/webhook/**", Pool: "umbrella-reports"},
			},
		},
	}
}

func pools() []*pool {
	return []*pool{
		{Name: "acme", Version: "18.0", Sessions: "shared", Isolation: "single"},
		{Name: "shared", Version: "17.0", Sessions: "local", Isolation: "header"},
		{Name: "umbrella", Version: "19.0", Sessions: "shared", Isolation: "single"},
		{Name: "umbrella-reports", Version: "19.0", Sessions: "shared", Isolation: "single"},
	}
}

// servers are the stand-ins of the pools. Workers block, as Odoo's do: two each are enough
// to see a queue.
func servers() []server {
	shared := standin.Config{HeaderFilter: true, Databases: []string{"globex", "initech"}}
	return []server{
		{pool: "acme", name: "acme-1", dir: "acme", config: single("acme")},
		{pool: "acme", name: "acme-2", dir: "acme", config: single("acme")},
		{pool: "shared", name: "shared-1", dir: "shared", config: shared},
		{pool: "umbrella", name: "umbrella-1", dir: "umbrella", config: single("umbrella")},
		{pool: "umbrella-reports", name: "umbrella-reports-1", dir: "umbrella", config: single("umbrella")},
	}
}

func single(database string) standin.Config {
	return standin.Config{Databases: []string{database}, DBNames: []string{database}}
}

// workers of each stand-in.
const workers = 2
