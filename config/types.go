package config

// APIVersion is what every document starts with.
const APIVersion = "sluicegate.dev/v1alpha1"

// Kind is what a document declares.
type Kind string

// The kinds.
const (
	KindInstall      Kind = "Install"
	KindPool         Kind = "Pool"
	KindTenant       Kind = "Tenant"
	KindPlan         Kind = "Plan"
	KindLimitPolicy  Kind = "LimitPolicy"
	KindAccessPolicy Kind = "AccessPolicy"
	KindCalendar     Kind = "Calendar"
)

// newSpec returns an empty spec of a kind, nil for a kind that does not exist.
func newSpec(kind Kind) any {
	switch kind {
	case KindInstall:
		return new(InstallSpec)
	case KindPool:
		return new(PoolSpec)
	case KindTenant:
		return new(TenantSpec)
	case KindPlan:
		return new(PlanSpec)
	case KindLimitPolicy:
		return new(LimitPolicySpec)
	case KindAccessPolicy:
		return new(AccessPolicySpec)
	case KindCalendar:
		return new(CalendarSpec)
	default:
		return nil
	}
}

// Kinds lists every kind, the declared resources after the install settings.
func Kinds() []Kind {
	return []Kind{KindInstall, KindPool, KindTenant, KindPlan, KindLimitPolicy, KindAccessPolicy, KindCalendar}
}

// Header is the part that all documents share.
type Header struct {
	// APIVersion is the version of the format: sluicegate.dev/v1alpha1.
	APIVersion string `json:"apiVersion" jsonschema:"required,enum=sluicegate.dev/v1alpha1"`
	// Kind says what the document declares.
	Kind string `json:"kind" jsonschema:"required"`
	// Metadata names the resource.
	Metadata Metadata `json:"metadata,omitempty"`
}

// Metadata names a resource.
type Metadata struct {
	// Name is unique among the resources of its kind: lower case letters, digits and hyphens.
	Name string `json:"name,omitempty" jsonschema:"maxLength=63,pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"`
	// Labels are for people and their tools; the gateway does not read them.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are for people and their tools; the gateway does not read them.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// ClientTLS is how a TLS server is verified, and how we show who we are.
type ClientTLS struct {
	// CAFile holds the authorities that are trusted instead of the system's, as PEM.
	CAFile Path `json:"caFile,omitempty"`
	// ServerName is the name that the certificate must carry, when it is not the host's.
	ServerName string `json:"serverName,omitempty"`
	// CertFile is the client certificate, as PEM.
	CertFile Path `json:"certFile,omitempty"`
	// KeyFile is the key of the client certificate, as PEM.
	KeyFile Path `json:"keyFile,omitempty"`
}

// ServerTLS is a certificate with its key.
type ServerTLS struct {
	// CertFile is the certificate with its chain, as PEM.
	CertFile Path `json:"certFile" jsonschema:"required"`
	// KeyFile is the key, as PEM.
	KeyFile Path `json:"keyFile" jsonschema:"required"`
}
