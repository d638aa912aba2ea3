package config

// LimitPolicySpec bounds how much somebody may ask of Odoo, and what at all.
type LimitPolicySpec struct {
	// Rate such as 600/m.
	Rate *Rate `json:"rate,omitempty"`
	// Burst is how much may come at once. Default: ten seconds of the rate, at least 10.
	Burst int `json:"burst,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	// By says whose budget it is. Default: client.
	By string `json:"by,omitempty" jsonschema:"enum=client,enum=user,enum=key,enum=address,enum=method,enum=tenant"`
	// Units says what is counted: requests, or their cost by model and method. Default: requests.
	Units string `json:"units,omitempty" jsonschema:"enum=requests,enum=cost"`
	// Costs of calls by pattern of model.method, instead of the usual ones. The most particular pattern counts.
	Costs map[string]int `json:"costs,omitempty"`
	// Quotas bound what may be spent in a window of the calendar.
	Quotas QuotaSpec `json:"quotas,omitempty"`
	// Concurrency bounds the requests in flight, over all replicas.
	Concurrency int `json:"concurrency,omitempty" jsonschema:"minimum=1,maximum=100000"`
	// Reserve is the percentage of each limit that only requests of rules with priority may use.
	Reserve int `json:"reserve,omitempty" jsonschema:"minimum=0,maximum=90"`
	// Strict asks the store for each request instead of leasing ahead.
	Strict bool `json:"strict,omitempty"`
	// Lease is how far ahead a replica leases budget. Default: 1s from a burst of 100 on, else 250ms.
	Lease Duration `json:"lease,omitempty"`
	// OnStoreLoss says what holds while the store is away. Default: localShare.
	OnStoreLoss string `json:"onStoreLoss,omitempty" jsonschema:"enum=localShare,enum=open,enum=closed"`
	// Shadow counts what would be refused and refuses nothing.
	Shadow bool `json:"shadow,omitempty"`
	// Percent of the clients that are held to the limits; the rest is treated as in shadow. Default: 100.
	Percent int `json:"percent,omitempty" jsonschema:"minimum=1,maximum=100"`
	// Headers says when answers show how the limit stands: auto is when less than half is left. Default: auto.
	Headers string `json:"headers,omitempty" jsonschema:"enum=auto,enum=always,enum=never"`
	// Allow lists what may be called, as patterns of model.method; anything when empty.
	Allow []string `json:"allow,omitempty"`
	// Sources are the networks that requests may come from; any when empty.
	Sources []Prefix `json:"sources,omitempty"`
	// Caps bound what one call may do.
	Caps CapsSpec `json:"caps,omitempty"`
	// Unverified bounds credentials that Odoo has not accepted yet, by address. Default: 60/m, 30 at once.
	Unverified UnverifiedSpec `json:"unverified,omitempty"`
	// IPv6Prefix is how many bits of an IPv6 address say who somebody is. Default: 64.
	IPv6Prefix int `json:"ipv6Prefix,omitempty" jsonschema:"minimum=48,maximum=128"`
}

// QuotaSpec bounds what may be spent in a window of the calendar.
type QuotaSpec struct {
	// Hour is the most for each hour.
	Hour int `json:"hour,omitempty" jsonschema:"minimum=1"`
	// Day is the most for each day.
	Day int `json:"day,omitempty" jsonschema:"minimum=1"`
	// Month is the most for each month.
	Month int `json:"month,omitempty" jsonschema:"minimum=1"`
	// TimeZone in which days begin, such as Europe/Brussels. Default: UTC.
	TimeZone string `json:"timeZone,omitempty"`
}

// CapsSpec bounds what one call may do. What is left out is not bounded.
type CapsSpec struct {
	// Unlink is how many records one call may delete; 0 forbids it.
	Unlink *int `json:"unlink,omitempty" jsonschema:"minimum=0"`
	// Read is how many records one call may read. A search that names no limit is refused.
	Read *int `json:"read,omitempty" jsonschema:"minimum=0"`
}

// UnverifiedSpec bounds credentials that Odoo has not accepted yet. All of a tenant together have ten times as much.
type UnverifiedSpec struct {
	// Rate for each address. Default: 60/m.
	Rate *Rate `json:"rate,omitempty"`
	// Burst for each address. Default: 30.
	Burst int `json:"burst,omitempty" jsonschema:"minimum=1,maximum=100000"`
}

// SignInSpec protects passwords and API keys from being guessed. What counts are failures; users who signed in before from where they are are not held to the address's bound.
type SignInSpec struct {
	// Mode says whether guesses are refused, or only counted. Default: enforce.
	Mode string `json:"mode,omitempty" jsonschema:"enum=enforce,enum=shadow,enum=disabled"`
	// PerLogin is how often a login may fail. Default: 6/m.
	PerLogin *Rate `json:"perLogin,omitempty"`
	// LoginBurst is how many failures of a login may come at once. Default: 10.
	LoginBurst int `json:"loginBurst,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// PerAddress is how often sign-ins from an address may fail. Default: 30/m.
	PerAddress *Rate `json:"perAddress,omitempty"`
	// AddressBurst is how many failures of an address may come at once. Default: 100.
	AddressBurst int `json:"addressBurst,omitempty" jsonschema:"minimum=1,maximum=10000"`
}
