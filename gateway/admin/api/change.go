package api

import "time"

// Change answers a write: what it did, or with dryRun what it would do.
type Change struct {
	DryRun   bool          `json:"dryRun,omitempty" doc:"Nothing was done"`
	Changes  []FieldChange `json:"changes" doc:"What is different afterwards"`
	Impact   *Impact       `json:"impact,omitempty" doc:"Whom it concerns now"`
	Warnings []string      `json:"warnings,omitempty"`
	Laggards []string      `json:"laggards,omitempty" doc:"Gateways that have not followed within two seconds; they do so when they hear of it"`
	Shared   bool          `json:"shared" doc:"false: the store is away, so this gateway alone has followed"`
}

// FieldChange is one difference.
type FieldChange struct {
	Field string `json:"field" example:"active"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Impact is whom a change concerns, as of now.
type Impact struct {
	Known    bool     `json:"known" doc:"false: a gateway's numbers are missing, the real ones may be higher"`
	Sessions int      `json:"sessions"`
	Sockets  int      `json:"sockets"`
	InFlight int      `json:"inFlight"`
	Tenants  []string `json:"tenants" doc:"Tenants that are concerned"`
}

// BackendStateRequest says what an operator wants of a backend.
type BackendStateRequest struct {
	State   string `json:"state" enum:"ready,drain,maintenance" doc:"drain: its sessions stay, new ones go elsewhere; maintenance: nothing goes there; ready: as declared"`
	Reason  string `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the audit log"`
	Expires string `json:"expires,omitempty" doc:"Until it is ready again by itself: a time span or a moment" example:"2h"`
}

// HoldRequest holds a tenant's requests at the edge.
type HoldRequest struct {
	HoldBounds
	Reason  string `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the audit log"`
	Expires string `json:"expires,omitempty" doc:"Until it ends by itself; 1m by default, 10m at most" example:"1m"`
}

// MaintenanceRequest puts the maintenance page up.
type MaintenanceRequest struct {
	Reason     string   `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the audit log"`
	Text       string   `json:"text,omitempty" maxLength:"2000" doc:"What people read"`
	RetryAfter string   `json:"retryAfter,omitempty" doc:"When they may come back; 5m by default" example:"30m"`
	Allow      []string `json:"allow,omitempty" doc:"Networks of clients that pass"`
	Expires    string   `json:"expires,omitempty" doc:"Until it goes by itself" example:"4h"`
}

// ReasonOnly is the body of writes that need nothing else.
type ReasonOnly struct {
	Reason string `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the audit log"`
}

// Override is one runtime change on top of what is declared.
type Override struct {
	Kind    string     `json:"kind" enum:"hold,maintenance,backend,cutover,settled,evicted"`
	Target  string     `json:"target" example:"acme-blue/b1"`
	Value   string     `json:"value" example:"drain"`
	Actor   string     `json:"actor"`
	Reason  string     `json:"reason"`
	Since   time.Time  `json:"since"`
	Expires *time.Time `json:"expires,omitempty" doc:"Absent: until somebody ends it, or the declared state agrees"`
}

// OverrideList is every runtime change that is in force.
type OverrideList struct {
	Overrides []Override `json:"overrides"`
}

// AuditRecord is one change in the audit log. Each names the hash of the one before.
type AuditRecord struct {
	Sequence  uint64    `json:"sequence"`
	At        time.Time `json:"at"`
	Actor     string    `json:"actor"`
	Role      string    `json:"role"`
	Client    string    `json:"client,omitempty" doc:"Address of who asked; the socket has none"`
	Operation string    `json:"operation" example:"startCutover"`
	Tenant    string    `json:"tenant,omitempty"`
	Target    string    `json:"target" example:"acme"`
	Reason    string    `json:"reason"`
	Body      string    `json:"body,omitempty" doc:"What was asked for"`
	Previous  string    `json:"previous" doc:"Hash of the record before"`
	Hash      string    `json:"hash"`
}

// AuditList is part of the audit log, newest first.
type AuditList struct {
	Records []AuditRecord `json:"records"`
}

// Effective is what holds for a tenant: declared and runtime.
type Effective struct {
	Tenant   string     `json:"tenant"`
	Declared string     `json:"declared" doc:"Release that is declared to take new sessions"`
	Active   string     `json:"active" doc:"Release that does"`
	Drifted  bool       `json:"drifted" doc:"A completed cutover is not declared yet: commit it"`
	Epoch    uint32     `json:"epoch"`
	Held     bool       `json:"held,omitempty"`
	Page     bool       `json:"maintenance,omitempty"`
	Runtime  []Override `json:"runtime,omitempty"`
}

// Calendar says when cutovers may run.
type Calendar struct {
	Name    string     `json:"name"`
	Allowed bool       `json:"allowed" doc:"Whether one may start now"`
	Why     string     `json:"why,omitempty" doc:"Why not"`
	Next    *time.Time `json:"next,omitempty" doc:"When one may"`
}

// CalendarList is every calendar.
type CalendarList struct {
	Calendars []Calendar `json:"calendars"`
}
