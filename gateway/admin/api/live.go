package api

import "time"

// Status says how the gateway is doing.
type Status struct {
	Version       string          `json:"version" doc:"Version of the running gateway"`
	Started       time.Time       `json:"started" doc:"When the process started"`
	UptimeSeconds int64           `json:"uptimeSeconds"`
	Ready         bool            `json:"ready" doc:"Whether the gateway takes requests"`
	NotReady      string          `json:"notReady,omitempty" doc:"Why it does not"`
	Configuration Configuration   `json:"configuration"`
	Pending       *PendingRemoval `json:"pendingRemoval,omitempty" doc:"A removal of tenants that waits for a confirmation"`
	Problems      []Problem       `json:"problems" doc:"What is wrong with the configuration on disk, all of it"`
	Tenants       int             `json:"tenants" doc:"Number of tenants served"`
	Pools         int             `json:"pools" doc:"Number of pools served"`
	Backends      BackendCounts   `json:"backends" doc:"Servers by state"`
	Unwell        []PoolStatus    `json:"unwell" doc:"Pools with a server that is not up; only those servers"`
	Store         StoreStatus     `json:"store" doc:"What keeps pins and shares state among replicas"`
	Replicas      ReplicaList     `json:"replicas" doc:"Gateways that share the store"`
}

// Kinds of store.
const (
	StoreEmbedded = "embedded"
	StoreRedis    = "redis"
)

// StoreStatus is the store as this gateway sees it now.
type StoreStatus struct {
	Kind    string `json:"kind" enum:"embedded,redis"`
	Healthy bool   `json:"healthy" doc:"Whether it answers; without it requests are served all the same"`
}

// ReplicaList is the gateways that share the store.
type ReplicaList struct {
	Known    bool       `json:"known" doc:"Whether the store says so now; if not, the list is what it said last"`
	AsOf     *time.Time `json:"asOf,omitempty" doc:"When the store said so"`
	Replicas []Replica  `json:"replicas"`
}

// Replica is one gateway.
type Replica struct {
	ID      string    `json:"id" doc:"Random, new at each start"`
	Host    string    `json:"host" doc:"Name of the machine or pod"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Self    bool      `json:"self,omitempty" doc:"Whether it is the one that answers"`
}

// Where the configuration in use came from.
const (
	OriginLive     = "live"     // read from its source
	OriginLastGood = "lastGood" // the copy on disk: the source could not be read
	OriginNone     = "none"     // nothing has been read yet
)

// Configuration says what is in use.
type Configuration struct {
	Revision string     `json:"revision" doc:"Digest of the configuration in use"`
	Origin   string     `json:"origin" enum:"live,lastGood,none" doc:"live: read from its source; lastGood: the copy on disk, because the source could not be read"`
	Since    *time.Time `json:"since,omitempty" doc:"When it came into use"`
}

// PendingRemoval is a change that would remove more tenants than may go at once.
type PendingRemoval struct {
	Digest  string    `json:"digest" doc:"What to confirm"`
	Tenants []string  `json:"tenants" doc:"Tenants that would go"`
	Of      int       `json:"of" doc:"How many tenants there are"`
	Since   time.Time `json:"since"`
}

// Problem is one thing wrong with the configuration.
type Problem struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Resource string `json:"resource,omitempty" example:"Tenant acme"`
	Field    string `json:"field,omitempty" example:"spec.releases.blue.pool"`
	Message  string `json:"message" doc:"What is wrong"`
	Hint     string `json:"hint,omitempty" doc:"What to do"`
	Warning  bool   `json:"warning,omitempty" doc:"Whether the document is used all the same"`
}

// BackendCounts counts servers by state.
type BackendCounts struct {
	Up        int `json:"up"`
	Saturated int `json:"saturated"`
	Down      int `json:"down"`
	Unknown   int `json:"unknown" doc:"Not probed yet; treated as up"`
}

// States of a backend.
const (
	StateUp        = "up"
	StateSaturated = "saturated"
	StateDown      = "down"
	StateUnknown   = "unknown"
)

// BackendStatus is one Odoo server as the gateway sees it now.
type BackendStatus struct {
	Name     string     `json:"name"`
	State    string     `json:"state" enum:"up,saturated,down,unknown"`
	Operator string     `json:"operator,omitempty" enum:"drain,maintenance" doc:"What an operator said of it"`
	Reason   string     `json:"reason,omitempty" doc:"Why it is not up"`
	Since    *time.Time `json:"since,omitempty" doc:"Since when it is in this state"`
	InFlight int        `json:"inFlight" doc:"Requests at the server now"`
	Waiting  int        `json:"waiting" doc:"Requests that wait for a worker"`
	Slots    int        `json:"slots,omitempty" doc:"Workers that this gateway may use now; fewer than declared where replicas share them, none while nobody asks"`
	Sockets  int        `json:"sockets" doc:"Open websockets"`
	Workers  int        `json:"workers,omitempty" doc:"Declared number of workers"`
}

// PoolStatus is one pool as the gateway sees it now.
type PoolStatus struct {
	Name     string          `json:"name"`
	Tenants  []string        `json:"tenants,omitempty" doc:"Tenants that the pool serves"`
	Backends []BackendStatus `json:"backends"`
}

// PoolStatusList is the live state of every pool, by name.
type PoolStatusList struct {
	Pools []PoolStatus `json:"pools"`
}

// TenantStatus is one tenant as the gateway sees it now.
type TenantStatus struct {
	Name     string                   `json:"name"`
	Source   string                   `json:"source,omitempty" doc:"Document that it is served from, file:line"`
	State    string                   `json:"state,omitempty" enum:"current,stale,vanished" doc:"current: as declared; stale: the declared version is broken, the last good one is served; vanished: not declared any more, served for a while"`
	Active   string                   `json:"active" doc:"Release that takes new sessions"`
	Declared string                   `json:"declared" doc:"Release that is declared to"`
	Drifted  bool                     `json:"drifted,omitempty" doc:"A completed cutover is not declared yet"`
	Releases map[string]ReleaseStatus `json:"releases"`
	Classes  map[string]PoolStatus    `json:"classes,omitempty" doc:"Pools of request classes that have one of their own"`
	Problems []Problem                `json:"problems" doc:"What is wrong with the tenant's documents; the last good version is served"`

	Remainder *Remainder `json:"remainder,omitempty" doc:"What is going on, over all gateways"`
	Runtime   []Override `json:"runtime,omitempty" doc:"What was decided at runtime"`
}

// ReleaseStatus is one release of a tenant as the gateway sees it now.
type ReleaseStatus struct {
	Shared bool       `json:"shared" doc:"Whether other tenants use the pool: its counts are theirs too"`
	Pool   PoolStatus `json:"pool"`
}

// Confirmation releases a pending removal.
type Confirmation struct {
	Digest string `json:"digest" minLength:"8" maxLength:"128" doc:"Digest of the pending removal, from GET /status"`
	Reason string `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the log"`
}

// Confirmed answers a confirmation.
type Confirmed struct {
	Digest  string   `json:"digest"`
	Removed []string `json:"removed" doc:"Tenants that are no longer served"`
}

// ErrorDetail is one particular of a Problem Details answer.
type ErrorDetail struct {
	Message  string `json:"message,omitempty"`
	Location string `json:"location,omitempty"`
}

// ProblemDetails is an error answer (RFC 9457).
type ProblemDetails struct {
	Type   string        `json:"type,omitempty"`
	Title  string        `json:"title,omitempty"`
	Status int           `json:"status"`
	Detail string        `json:"detail,omitempty"`
	Errors []ErrorDetail `json:"errors,omitempty"`
}
