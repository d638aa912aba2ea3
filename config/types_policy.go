package config

// AccessPolicySpec says who may pass.
type AccessPolicySpec struct {
	// Entra is the Entra ID application that people sign in with.
	Entra *EntraSpec `json:"entra" jsonschema:"required"`
	// Require is what an identity must have.
	Require RequireSpec `json:"require,omitempty"`
}

// EntraSpec is an Entra ID application.
type EntraSpec struct {
	// TenantID of the directory.
	TenantID string `json:"tenantId" jsonschema:"required"`
	// ClientID of the application.
	ClientID string `json:"clientId" jsonschema:"required"`
	// Credential of the application. Exactly one is set.
	Credential CredentialSpec `json:"credential,omitempty"`
}

// CredentialSpec proves who the application is.
type CredentialSpec struct {
	// WorkloadIdentity uses the token that the platform projects.
	WorkloadIdentity bool `json:"workloadIdentity,omitempty"`
	// SecretFile holds a client secret.
	SecretFile Path `json:"secretFile,omitempty"`
	// CertificateFile holds a certificate with its key, as PEM.
	CertificateFile Path `json:"certificateFile,omitempty"`
}

// RequireSpec is what an identity must have: all that is named.
type RequireSpec struct {
	// AuthContext is the id of an authentication context, such as c1.
	AuthContext string `json:"authContext,omitempty"`
	// Roles, of which one is enough.
	Roles []string `json:"roles,omitempty"`
	// Groups by object id, of which one is enough.
	Groups []string `json:"groups,omitempty"`
	// Tenants are the directories that people may come from.
	Tenants []string `json:"tenants,omitempty"`
}

// CalendarSpec says when a cutover may run.
type CalendarSpec struct {
	// TimeZone of all times, such as Europe/Brussels.
	TimeZone string `json:"timeZone" jsonschema:"required"`
	// Freezes are spans in which nothing moves.
	Freezes []FreezeSpec `json:"freezes,omitempty"`
	// Windows are the hours in which moves may run; any hour when empty.
	Windows []WindowSpec `json:"windows,omitempty"`
}

// FreezeSpec is a span in which nothing moves.
type FreezeSpec struct {
	// Name says why.
	Name string `json:"name,omitempty"`
	// From is the first day (2026-12-24) or moment (2026-12-24T18:00).
	From string `json:"from" jsonschema:"required"`
	// To is the last day, which counts, or the moment.
	To string `json:"to" jsonschema:"required"`
}

// WindowSpec is a span of hours.
type WindowSpec struct {
	// Days of the week, mon to sun; all when empty.
	Days []string `json:"days,omitempty"`
	// From is the first minute, such as 22:00.
	From string `json:"from" jsonschema:"required"`
	// To is the last minute; before From it means the next day.
	To string `json:"to" jsonschema:"required"`
}
