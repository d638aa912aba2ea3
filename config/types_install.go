package config

// InstallSpec is what is fixed at start.
type InstallSpec struct {
	// Sources say where tenants and pools are declared.
	Sources Sources `json:"sources,omitempty"`
	// Store keeps what must outlive a reload. Embedded by default.
	Store Store `json:"store,omitempty"`
	// Admin is the API for operators.
	Admin Admin `json:"admin,omitempty"`
	// TrustedProxies are the peers whose X-Forwarded-For and PROXY header count. None by default.
	TrustedProxies []Prefix `json:"trustedProxies,omitempty"`
	// PublicPorts gives the port that clients use on an entry point, when it is not the one that the gateway listens on.
	PublicPorts map[string]int `json:"publicPorts,omitempty"`
	// SecretsFile is the key ring for pins and sessions; made on first start when absent.
	SecretsFile Path `json:"secretsFile,omitempty"`
	// DataDir holds the last good snapshot, overrides and the spool. Default: ./data.
	DataDir Path `json:"dataDir,omitempty"`
	// Backends bound where Odoo servers may be.
	Backends BackendRules `json:"backends,omitempty"`
	// Spool bounds the memory and disk that requests and answers may take while they wait.
	Spool Spool `json:"spool,omitempty"`
	// Log says how much is logged, and how.
	Log Log `json:"log,omitempty"`
	// Traefik is Traefik's own install configuration, verbatim.
	Traefik Raw `json:"traefik,omitempty"`
}

// Sources say where tenants and pools are declared.
type Sources struct {
	// Directory is a folder of YAML files, read with its subfolders.
	Directory Path `json:"directory,omitempty"`
	// Kubernetes reads custom resources of the same shape.
	Kubernetes *KubernetesSource `json:"kubernetes,omitempty"`
}

// KubernetesSource reads custom resources.
type KubernetesSource struct {
	// Namespaces to watch; all when empty.
	Namespaces []string `json:"namespaces,omitempty"`
}

// Store keeps what must outlive a reload. At most one is set.
type Store struct {
	// Embedded is a folder on this machine: one node.
	Embedded *EmbeddedStore `json:"embedded,omitempty"`
	// Redis is shared by many replicas.
	Redis *RedisStore `json:"redis,omitempty"`
}

// EmbeddedStore is a folder on this machine.
type EmbeddedStore struct {
	// Path is the folder. Default: spec.dataDir.
	Path Path `json:"path,omitempty"`
}

// RedisStore is shared by many replicas.
type RedisStore struct {
	// Address of a single server, host:port. One of address, sentinel and cluster.
	Address string `json:"address,omitempty"`
	// Sentinel finds the primary through sentinels.
	Sentinel *RedisSentinel `json:"sentinel,omitempty"`
	// Cluster lists some nodes of a cluster, host:port.
	Cluster []string `json:"cluster,omitempty"`
	// TLS encrypts the connection, to sentinels too. Write {} for the system's authorities.
	TLS *ClientTLS `json:"tls,omitempty"`
	// Username of the access list entry. Redis's default user when empty.
	Username string `json:"username,omitempty"`
	// PasswordFile holds the password; blanks around it are cut. It is read again for each connection.
	PasswordFile Path `json:"passwordFile,omitempty"`
	// Entra signs in to Azure Managed Redis with the identity of the workload or the machine. Needs tls.
	Entra bool `json:"entra,omitempty"`
}

// RedisSentinel finds the primary through sentinels.
type RedisSentinel struct {
	// Master is the name that the sentinels know.
	Master string `json:"master" jsonschema:"required"`
	// Addresses of the sentinels, host:port.
	Addresses []string `json:"addresses" jsonschema:"required"`
}

// Admin is the API for operators.
type Admin struct {
	// Address to listen on, host:port. None by default: the unix socket in the data directory remains.
	Address string `json:"address,omitempty"`
	// Tokens that may call it.
	Tokens []AdminToken `json:"tokens,omitempty"`
	// Entra lets people and workloads call it with access tokens of Microsoft Entra ID.
	Entra *AdminEntra `json:"entra,omitempty"`
	// Hosts under which it may be called, besides the listen address and localhost.
	Hosts []string `json:"hosts,omitempty"`
	// TLS of the listener.
	TLS *ServerTLS `json:"tls,omitempty"`
}

// AdminEntra lets people and workloads call the admin API with access tokens (version 2.0) of Microsoft Entra ID.
type AdminEntra struct {
	// TenantID of the directory that signs the tokens.
	TenantID string `json:"tenantId" jsonschema:"required"`
	// Audience of the tokens: the client id of the app registration that stands for this API.
	Audience string `json:"audience" jsonschema:"required"`
	// Roles maps app roles of that registration to viewer, operator or admin. A token without any of them is refused.
	Roles map[string]string `json:"roles" jsonschema:"required"`
	// Authority that signs. Default: https://login.microsoftonline.com. Sovereign clouds have others.
	Authority string `json:"authority,omitempty"`
}

// AdminToken lets somebody call the admin API.
type AdminToken struct {
	// Name appears in the audit log.
	Name string `json:"name" jsonschema:"required"`
	// Role bounds what the token may do.
	Role string `json:"role" jsonschema:"required,enum=viewer,enum=operator,enum=admin"`
	// Tenants that it may see and change, by name or pattern such as acme-*. All when empty.
	Tenants []string `json:"tenants,omitempty"`
	// TokenFile holds the token; blanks around it are cut.
	TokenFile Path `json:"tokenFile" jsonschema:"required"`
}

// BackendRules bound where Odoo servers may be.
type BackendRules struct {
	// Allow lists the networks in which backends from Kubernetes and the admin API may be. The directory source may use any but the forbidden ones.
	Allow []Prefix `json:"allow,omitempty"`
}

// Spool bounds the memory and disk that requests and answers may take while they wait.
type Spool struct {
	// Memory of all bodies together. Default: 256MiB.
	Memory Size `json:"memory,omitempty"`
	// Disk of all bodies together. Default: 8GiB.
	Disk Size `json:"disk,omitempty"`
	// Request is the largest request body. Default: 128MiB, Odoo's own limit.
	Request Size `json:"request,omitempty"`
	// Response is how much of one answer is taken before its server has to wait. Default: 1GiB.
	Response Size `json:"response,omitempty"`
}

// Log says how much is logged, and how.
type Log struct {
	// Level is the least that is logged. Default: info.
	Level string `json:"level,omitempty" jsonschema:"enum=debug,enum=info,enum=warn,enum=error"`
	// Format of the lines. Default: json.
	Format string `json:"format,omitempty" jsonschema:"enum=json,enum=text"`
}
