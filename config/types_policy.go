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
