package api

// Prefix is the path in front of every operation.
const Prefix = "/api/v1"

// Tenant is one tenant as declared.
type Tenant struct {
	Name        string             `json:"name" doc:"Name of the tenant" example:"acme"`
	Hosts       []string           `json:"hosts" doc:"Canonical hostnames; *.x matches exactly one label"`
	Active      string             `json:"active" doc:"Release that takes new sessions" example:"blue"`
	Declared    string             `json:"declared" doc:"Release that is declared to" example:"blue"`
	Drifted     bool               `json:"drifted,omitempty" doc:"A completed cutover is not declared yet"`
	Cutover     string             `json:"cutover,omitempty" doc:"Id of the cutover that is running"`
	Hold        bool               `json:"hold,omitempty" doc:"Whether requests are held"`
	Maintenance bool               `json:"maintenance,omitempty" doc:"Whether the maintenance page is up"`
	Releases    map[string]Release `json:"releases" doc:"Releases by name"`
	ClassPools  map[string]string  `json:"classPools,omitempty" doc:"Pool of a request class that has one of its own"`
	Classes     []string           `json:"classes,omitempty" doc:"Request classes of the operator's own, in the order they are tried"`
	Manager     bool               `json:"manager" doc:"Whether the database manager and the db service are open"`
	TLS         bool               `json:"tls" doc:"Whether the tenant has a certificate; plain HTTP is then redirected"`
	Middlewares []string           `json:"middlewares,omitempty" doc:"Traefik middlewares in front of the tenant"`
}

// Release is one side of a tenant's blue-green pair.
type Release struct {
	Pool     string `json:"pool" doc:"Pool that serves the release"`
	Database string `json:"database" doc:"Database of the release"`
}

// TenantList is every tenant, by name.
type TenantList struct {
	Tenants []Tenant `json:"tenants" doc:"Tenants in order of their names"`
}

// Pool is one pool as declared.
type Pool struct {
	Name      string    `json:"name" doc:"Name of the pool" example:"acme-blue"`
	Version   string    `json:"version" doc:"Odoo version whose rules apply" example:"18.0"`
	Sessions  string    `json:"sessions" doc:"Who knows a session: local (one server) or shared"`
	Isolation string    `json:"isolation" doc:"How databases are kept apart: header, host or single"`
	Backends  []Backend `json:"backends" doc:"Servers of the pool, as declared"`
	Health    Health    `json:"health" doc:"How the servers are probed"`
	Streams   []string  `json:"streams,omitempty" doc:"Paths whose answers pass through unbuffered"`
}

// PoolList is every pool, by name.
type PoolList struct {
	Pools []Pool `json:"pools" doc:"Pools in order of their names"`
}

// Backend is one Odoo server as declared.
type Backend struct {
	Name     string `json:"name" example:"b1"`
	HTTP     string `json:"http" doc:"Address of the HTTP workers, without credentials" example:"http://10.0.0.5:8069"`
	Realtime string `json:"realtime,omitempty" doc:"Address of the realtime process"`
	Workers  int    `json:"workers,omitempty" doc:"Number of workers; absent when unknown"`
	Weight   int    `json:"weight" doc:"Share of new sessions; 0 takes none"`
	TLS      bool   `json:"tls" doc:"Whether the server has TLS settings of its own"`
}

// Health says how servers are probed.
type Health struct {
	Path     string `json:"path" example:"/web/health"`
	Interval string `json:"interval" example:"2s"`
	Timeout  string `json:"timeout" example:"6s"`
	Fall     int    `json:"fall" doc:"Failed probes in a row until down"`
	Rise     int    `json:"rise" doc:"Good probes in a row until up"`
}
