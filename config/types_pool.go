package config

// PoolSpec is a named set of Odoo servers.
type PoolSpec struct {
	// Odoo says what runs on the servers.
	Odoo OdooSpec `json:"odoo,omitempty"`
	// Isolation says how a shared pool keeps databases apart. Default: header.
	Isolation string `json:"isolation,omitempty" jsonschema:"enum=header,enum=host,enum=single"`
	// Backends are the servers.
	Backends []BackendSpec `json:"backends,omitempty"`
	// Service names a Kubernetes service instead of backends.
	Service *ServiceSpec `json:"service,omitempty"`
	// Health says how the servers are probed.
	Health HealthSpec `json:"health,omitempty"`
	// Timeouts bound the wait for a server.
	Timeouts TimeoutsSpec `json:"timeouts,omitempty"`
	// Streams are paths whose answers pass through unbuffered: exact, or a prefix that ends in "/**".
	Streams []string `json:"streams,omitempty"`
	// Bodies bound the size of requests.
	Bodies BodiesSpec `json:"bodies,omitempty"`
	// Realtime bounds what reaches the realtime port of each server.
	Realtime RealtimeSpec `json:"realtime,omitempty"`
	// Balance says how the servers share new sessions.
	Balance BalanceSpec `json:"balance,omitempty"`
}

// OdooSpec says what runs on the servers.
type OdooSpec struct {
	// Version such as "18.0", or "auto" to ask the server. Default: auto.
	Version string `json:"version,omitempty"`
	// Sessions say who knows a session: "local" to the server (a move signs out) or "shared" by the pool. Default: local.
	Sessions string `json:"sessions,omitempty" jsonschema:"enum=local,enum=shared"`
}

// BackendSpec is one Odoo server.
type BackendSpec struct {
	// Name is unique within the pool.
	Name string `json:"name" jsonschema:"required"`
	// HTTP is the URL of the HTTP workers: scheme, host and port.
	HTTP string `json:"http" jsonschema:"required"`
	// Realtime is the URL of the gevent process (port 8072). The HTTP one by default (threaded Odoo).
	Realtime string `json:"realtime,omitempty"`
	// Workers is the number of HTTP workers; without it nothing is admitted or queued by count.
	Workers int `json:"workers,omitempty" jsonschema:"minimum=0,maximum=4096"`
	// Weight among the servers of the pool; 0 fences it: pinned sessions only. Default: 1.
	Weight *int `json:"weight,omitempty" jsonschema:"minimum=0,maximum=1000"`
	// TLS says how an https server is verified.
	TLS *ClientTLS `json:"tls,omitempty"`
}

// ServiceSpec names a Kubernetes service.
type ServiceSpec struct {
	// Name of the service.
	Name string `json:"name" jsonschema:"required"`
	// HTTPPort is the name or number of the port of the HTTP workers.
	HTTPPort string `json:"httpPort,omitempty"`
	// RealtimePort is the name or number of the port of the gevent process.
	RealtimePort string `json:"realtimePort,omitempty"`
}

// HealthSpec says how the servers are probed. A probe that times out marks a server saturated, not dead.
type HealthSpec struct {
	// Path that is asked. Default: /web/health where the version has it.
	Path string `json:"path,omitempty"`
	// Interval between probes. Default: 2s.
	Interval Duration `json:"interval,omitempty"`
	// Timeout of one probe. Default: 6s.
	Timeout Duration `json:"timeout,omitempty"`
	// Fall is how many failed probes in a row make a server down. Default: 3.
	Fall int `json:"fall,omitempty" jsonschema:"minimum=1,maximum=100"`
	// Rise is how many good probes in a row make it up again. Default: 2.
	Rise int `json:"rise,omitempty" jsonschema:"minimum=1,maximum=100"`
}

// TimeoutsSpec bounds the wait for a server.
type TimeoutsSpec struct {
	// Dial bounds the connect. Default: 3s.
	Dial Duration `json:"dial,omitempty"`
	// Response bounds the wait for the first byte of an answer; longer than Odoo's limit_time_real + 5s. Default: 130s.
	Response Duration `json:"response,omitempty"`
}

// BodiesSpec bounds the size of requests.
type BodiesSpec struct {
	// Request is the largest request body, if smaller than the gateway's own limit.
	Request Size `json:"request,omitempty"`
}

// RealtimeSpec bounds what reaches the realtime port of each server.
type RealtimeSpec struct {
	// Handshakes is how many WebSocket handshakes one server gets. Default: 50/s.
	Handshakes *Rate `json:"handshakes,omitempty"`
	// Concurrency is how many handshakes wait for their answer at once. Default: 32.
	Concurrency int `json:"concurrency,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// ColdDatabases is how many of them may be the first of their database, which Odoo has to load. Default: 4.
	ColdDatabases int `json:"coldDatabases,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// Wait is the longest that a handshake waits for its turn. Default: 15s.
	Wait Duration `json:"wait,omitempty"`
	// Drain is the longest over which the sockets of a removed server are closed. Default: 1m.
	Drain Duration `json:"drain,omitempty"`
}

// BalanceSpec says how the servers share new sessions.
type BalanceSpec struct {
	// FadeIn is how long a new or recovered server takes until it has its whole share; 0s switches it off. Default: 30s.
	FadeIn *Duration `json:"fadeIn,omitempty"`
	// Exponent of the fade-in: above 1 it begins more slowly. Default: 1.
	Exponent float64 `json:"exponent,omitempty" jsonschema:"minimum=0.1,maximum=10"`
	// WarmUp bounds the request that makes a new server load one busy database; 0s switches warm-up off. Default: 1m.
	WarmUp *Duration `json:"warmUp,omitempty"`
}
