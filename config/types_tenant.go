package config

// TenantSpec is one customer's Odoo.
type TenantSpec struct {
	// Hosts of the tenant; "*.x" matches exactly one label in front of x.
	Hosts []string `json:"hosts" jsonschema:"required"`
	// Database of every release that names none of its own.
	Database string `json:"database,omitempty"`
	// Plan holds defaults and floors that many tenants share.
	Plan string `json:"plan,omitempty"`
	// Pool is short for one release, blue, which is active.
	Pool string `json:"pool,omitempty"`
	// Releases are the sides of the blue-green pair, by name.
	Releases map[string]ReleaseSpec `json:"releases,omitempty"`
	// Active is the release that takes new sessions.
	Active string `json:"active,omitempty"`
	// Standby is where the tenant goes when its pool fails.
	Standby *StandbySpec `json:"standby,omitempty"`
	// Classes give request classes a pool of their own, or make new ones. One of Odoo's classes takes a pool only.
	Classes map[string]ClassSpec `json:"classes,omitempty"`
	// TLS is where the certificate comes from. Plain HTTP is redirected when it is set.
	TLS *TenantTLS `json:"tls,omitempty"`

	Shared
}

// Shared are the settings that a plan may fill or bound.
type Shared struct {
	// DatabaseManager opens Odoo's database manager and db service. Default: closed.
	DatabaseManager string `json:"databaseManager,omitempty" jsonschema:"enum=closed,enum=open"`
	// Middlewares are ordinary Traefik middlewares, name@provider, that run first.
	Middlewares []string `json:"middlewares,omitempty"`
	// Access lists the policies that cover paths.
	Access []AccessRule `json:"access,omitempty"`
	// Limits lists the policies that bound rates and rights. All that match a request hold.
	Limits []LimitRule `json:"limits,omitempty"`
	// SignIn protects passwords and API keys from being guessed.
	SignIn *SignInSpec `json:"signIn,omitempty"`
	// Cutover is how this tenant moves when nobody says otherwise.
	Cutover *CutoverSpec `json:"cutover,omitempty"`
	// Weight of the tenant among those that share a pool. Default: 1.
	Weight *int `json:"weight,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// WorkersCeiling is how many workers of a pool the tenant may hold at once.
	WorkersCeiling *int `json:"workersCeiling,omitempty" jsonschema:"minimum=1,maximum=4096"`
	// Sockets is how many WebSockets the tenant may have open in one gateway process. Default: 10000.
	Sockets *int `json:"sockets,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	// Objectives are what the tenant was promised.
	Objectives *Objectives `json:"objectives,omitempty"`
}

// ReleaseSpec is one side of a blue-green pair.
type ReleaseSpec struct {
	// Pool that serves the release.
	Pool string `json:"pool" jsonschema:"required"`
	// Database of the release, when it is not the tenant's.
	Database string `json:"database,omitempty"`
}

// StandbySpec is where a tenant goes when its pool fails.
type StandbySpec struct {
	// Pool that takes over.
	Pool string `json:"pool" jsonschema:"required"`
	// Database there, when it is not the tenant's.
	Database string `json:"database,omitempty"`
}

// ClassSpec gives a request class a pool of its own. With paths, methods or clients it makes a class of the operator's own.
type ClassSpec struct {
	// Paths of the class: exact, or a prefix that ends in "/**".
	Paths []string `json:"paths,omitempty"`
	// Methods of the class.
	Methods []string `json:"methods,omitempty"`
	// Clients are the networks that requests of the class come from.
	Clients []Prefix `json:"clients,omitempty"`
	// Pool that serves the class; the release's when empty.
	Pool string `json:"pool,omitempty"`
}

// AccessRule puts paths under an access policy.
type AccessRule struct {
	// Paths that are covered: exact, or a prefix that ends in "/**".
	Paths []string `json:"paths" jsonschema:"required"`
	// Policy is the name of an AccessPolicy.
	Policy string `json:"policy" jsonschema:"required"`
}

// LimitRule puts requests under a limit policy: those that match all of what is given.
type LimitRule struct {
	// Classes that are covered.
	Classes []string `json:"classes,omitempty"`
	// Paths that are covered: exact, or a prefix that ends in "/**".
	Paths []string `json:"paths,omitempty"`
	// Calls that are covered, as patterns of model.method such as "*.unlink".
	Calls []string `json:"calls,omitempty"`
	// Clients that are covered, as "sluice limits top" names them, or uid:7, or login:edi@example.com.
	Clients []string `json:"clients,omitempty"`
	// Except leaves clients out.
	Except []string `json:"except,omitempty"`
	// Priority lets the requests use what policies reserve.
	Priority bool `json:"priority,omitempty"`
	// Policy is the name of a LimitPolicy.
	Policy string `json:"policy" jsonschema:"required"`
}

// TenantTLS is where the certificate of a tenant comes from. Exactly one is set.
type TenantTLS struct {
	// Issuer orders and renews the certificate.
	Issuer string `json:"issuer,omitempty"`
	// Certificate is a pair of files.
	Certificate *ServerTLS `json:"certificate,omitempty"`
	// SecretName is a Kubernetes secret.
	SecretName string `json:"secretName,omitempty"`
}

// PlanSpec holds what many tenants share.
type PlanSpec struct {
	// What stands directly in the spec fills what a tenant leaves out, like defaults.
	Shared
	// Defaults fill what a tenant leaves out.
	Defaults Shared `json:"defaults,omitempty"`
	// Floors may be tightened by a tenant, never loosened.
	Floors FloorsSpec `json:"floors,omitempty"`
}

// FloorsSpec are the bounds that the tenants of a plan stay within.
type FloorsSpec struct {
	// DatabaseManager "closed" keeps it closed.
	DatabaseManager string `json:"databaseManager,omitempty" jsonschema:"enum=closed"`
	// TLS true means that a tenant must have TLS.
	TLS bool `json:"tls,omitempty"`
	// Middlewares that every tenant has; they run before the tenant's own.
	Middlewares []string `json:"middlewares,omitempty"`
	// Access rules that every tenant has.
	Access []AccessRule `json:"access,omitempty"`
	// Limits that every tenant has.
	Limits []LimitRule `json:"limits,omitempty"`
	// SignIn "enforce" keeps sign-ins protected.
	SignIn string `json:"signIn,omitempty" jsonschema:"enum=enforce"`
	// Weight is the most that a tenant may take.
	Weight *int `json:"weight,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// WorkersCeiling is the most that a tenant may take.
	WorkersCeiling *int `json:"workersCeiling,omitempty" jsonschema:"minimum=1,maximum=4096"`
	// Sockets is the most that a tenant may have.
	Sockets *int `json:"sockets,omitempty" jsonschema:"minimum=1,maximum=1000000"`
}

// Objectives are what a tenant was promised.
type Objectives struct {
	// Availability in percent of requests, such as 99.9.
	Availability float64 `json:"availability,omitempty" jsonschema:"minimum=0,maximum=100"`
	// Latency that LatencyPercent of the interactive requests stay under.
	Latency Duration `json:"latency,omitempty"`
	// LatencyPercent of requests, such as 95.
	LatencyPercent float64 `json:"latencyPercent,omitempty" jsonschema:"minimum=0,maximum=100"`
	// Window over which they are judged. Default: 720h.
	Window Duration `json:"window,omitempty"`
}
