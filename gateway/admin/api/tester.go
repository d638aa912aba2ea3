package api

import "time"

// TesterRequest asks for a pass to one release of a tenant.
type TesterRequest struct {
	Release string `json:"release" minLength:"1" maxLength:"253" doc:"Release that the pass leads to"`
	Backend string `json:"backend,omitempty" maxLength:"253" doc:"Server of that release; any when empty"`
	Seconds int64  `json:"seconds" minimum:"1" maximum:"604800" doc:"How long the pass is good for"`
	Reason  string `json:"reason" minLength:"1" maxLength:"1000" doc:"Why; kept in the log"`
}

// TesterPass leads its holder to one release of a tenant, whatever the pins say.
type TesterPass struct {
	Tenant  string    `json:"tenant"`
	Release string    `json:"release"`
	Backend string    `json:"backend,omitempty"`
	Until   time.Time `json:"until"`
	Header  string    `json:"header" doc:"Name of the request header that carries the pass"`
	Cookie  string    `json:"cookie" doc:"Name of the cookie that may carry it instead"`
	Pass    string    `json:"pass"`
}
