package api

import "time"

// LimitClient is one client under limits, lately: what it asked of all replicas, and who it is
// and what it did through the one that answers. It is named by a
// fingerprint or an address; no credential has a place here.
type LimitClient struct {
	Client       string      `json:"client" doc:"What block and reset take" example:"client:4b0a1m2c9d3e8f7g"`
	Who          string      `json:"who,omitempty" doc:"User number or login that the client gave" example:"uid:7"`
	Key          string      `json:"key,omitempty" doc:"Fingerprint of the password or API key alone, whoever uses it"`
	From         string      `json:"from,omitempty" doc:"Last address" example:"192.0.2.7"`
	Allowed      uint64      `json:"allowed" doc:"Requests that passed in the last five to ten minutes"`
	Denied       uint64      `json:"denied" doc:"Requests that were refused in that time"`
	Limits       []string    `json:"limits,omitempty" doc:"Limits that refused"`
	BlockedUntil *time.Time  `json:"blockedUntil,omitempty" doc:"Until when an operator has blocked it"`
	Last         *time.Time  `json:"last,omitempty" doc:"When it was last served"`
	Calls        []LimitCall `json:"calls" doc:"What it did lately, the most frequent first"`
}

// LimitCall is one kind of request that a client made.
type LimitCall struct {
	Name    string    `json:"name" doc:"model.method of a call, page:CLASS of anything else" example:"res.partner.search_read"`
	Count   uint64    `json:"count"`
	Records uint64    `json:"records" doc:"Records that the calls named or asked for at most"`
	Failed  uint64    `json:"failed" doc:"Calls that did not end well"`
	Last    time.Time `json:"last"`
}

// LimitClients are the clients of a tenant, or of a route under sluice-limit.
type LimitClients struct {
	Clients []LimitClient `json:"clients" doc:"Those that asked most, first"`
}

// LimitBlock refuses a client for a while.
type LimitBlock struct {
	Client  string `json:"client" minLength:"3" maxLength:"128" doc:"As the list of clients names it"`
	Seconds int64  `json:"seconds" minimum:"0" maximum:"2592000" doc:"For how long; 0 lifts a block"`
	Reason  string `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the log"`
}

// LimitReset forgets what a client has spent.
type LimitReset struct {
	Client string `json:"client" minLength:"3" maxLength:"128" doc:"As the list of clients names it"`
	Reason string `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the log"`
}

// LimitDone answers a block or a reset. It holds on every replica within a second.
type LimitDone struct {
	Tenant       string     `json:"tenant"`
	Client       string     `json:"client"`
	BlockedUntil *time.Time `json:"blockedUntil,omitempty"`
}
