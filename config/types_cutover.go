package config

// CutoverSpec is how a tenant moves from one release to another when nobody says otherwise.
type CutoverSpec struct {
	// Strategy of the move: drain sends new sessions at once and lets known ones end, shift sends a growing share, switch holds everybody for the moment of the change. Default: drain.
	Strategy string `json:"strategy,omitempty" jsonschema:"enum=drain,enum=shift,enum=switch"`
	// Deadline of the whole move; of a drain, of the sessions that stay. Default: 2h.
	Deadline Duration `json:"deadline,omitempty"`
	// Idle is how long a session is quiet before a drain waits for it no longer. Default: 15m.
	Idle Duration `json:"idle,omitempty"`
	// Shares are the stages of a shift, each larger than the one before. Default: 10, 50 and 100 percent, 10m each.
	Shares []ShareSpec `json:"shares,omitempty"`
	// Mode says which sessions a shift moves: those that begin, those that load a page too, or all. Default: new-sessions.
	Mode string `json:"mode,omitempty" jsonschema:"enum=new-sessions,enum=navigation,enum=all"`
	// Hold bounds how requests wait at the edge during a switch.
	Hold HoldSpec `json:"hold,omitempty"`
	// Gates must hold for the move to go on.
	Gates GatesSpec `json:"gates,omitempty"`
	// External is somebody else's step of a switch, between the hold and the change. Write {} for an operator's word.
	External *ExternalSpec `json:"external,omitempty"`
	// Verify is what the new side must answer before it gets traffic.
	Verify VerifySpec `json:"verify,omitempty"`
	// Watch is how long the gates are judged after the change, with the way back open. Default: 5m.
	Watch Duration `json:"watch,omitempty"`
	// Preflight says how the checks before a move learn what only Odoo knows.
	Preflight PreflightSpec `json:"preflight,omitempty"`
	// Failover says when and how the tenant leaves a side that has failed for its standby.
	Failover *FailoverSpec `json:"failover,omitempty"`
	// Webhooks are URLs that are told of each phase.
	Webhooks []string `json:"webhooks,omitempty"`
	// Calendar is the name of the Calendar that says when a move may begin. It never binds a failover.
	Calendar string `json:"calendar,omitempty"`
}

// ShareSpec is one stage of a shift.
type ShareSpec struct {
	// Percent of the sessions that go to the new side.
	Percent float64 `json:"percent" jsonschema:"required,minimum=0.001,maximum=100"`
	// For is how long the stage lasts; until somebody promotes when it is left out.
	For Duration `json:"for,omitempty"`
}

// HoldSpec bounds how requests wait at the edge.
type HoldSpec struct {
	// Wait of one request, at most. Default: 25s.
	Wait Duration `json:"wait,omitempty"`
	// Count of the requests that wait at once at one gateway. Default: 2000.
	Count int `json:"count,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	// Bytes of the bodies that wait at one gateway. Default: 256MiB.
	Bytes Size `json:"bytes,omitempty"`
	// Classes of the requests that wait; all that can when empty.
	Classes []string `json:"classes,omitempty"`
}

// GatesSpec are what the new side must hold against the old one. Outcomes count, not the status: Odoo's failures are often HTTP 200.
type GatesSpec struct {
	// Requests on the new side before anything is judged.
	Requests int `json:"requests,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	// Failures is the percentage of outcomes that may fail on the new side.
	Failures float64 `json:"failures,omitempty" jsonschema:"minimum=0,maximum=100"`
	// MoreThan is how many percentage points more than the old side the new one may fail.
	MoreThan float64 `json:"moreThan,omitempty" jsonschema:"minimum=0,maximum=100"`
	// Latency is the largest p95 of the new side, as a multiple of the old side's.
	Latency float64 `json:"latency,omitempty" jsonschema:"minimum=0.1,maximum=100"`
	// Window over which the two sides are compared. Default: 1m.
	Window Duration `json:"window,omitempty"`
	// Rollback says whether a gate that does not hold moves everybody back; otherwise the move pauses. Default: true.
	Rollback *bool `json:"rollback,omitempty"`
}

// ExternalSpec is a step that somebody else does while the tenant is held.
type ExternalSpec struct {
	// Webhook is called by POST: 200 means done, 202 that it will call back. Without it an operator confirms.
	Webhook string `json:"webhook,omitempty"`
	// Deadline of the step. Default: 5m.
	Deadline Duration `json:"deadline,omitempty"`
	// NoReturn says that the step cannot be undone: from then on the move only goes forward.
	NoReturn bool `json:"noReturn,omitempty"`
}

// VerifySpec is what the new side must answer before it gets traffic.
type VerifySpec struct {
	// Paths that every server of the new side must answer with a status below 400. Default: its health path and /web/login.
	Paths []string `json:"paths,omitempty"`
	// Deadline of the answers. Default: 1m.
	Deadline Duration `json:"deadline,omitempty"`
}

// PreflightSpec says how the checks before a move learn what only Odoo knows: scheduled actions on both sides, modules that wait for an upgrade, the version of the base module.
type PreflightSpec struct {
	// Webhook is called by POST and answers with the results of checks.
	Webhook string `json:"webhook,omitempty"`
	// Login of an Odoo user that may read modules and scheduled actions.
	Login string `json:"login,omitempty"`
	// KeyFile holds an API key of that user; blanks around it are cut.
	KeyFile Path `json:"keyFile,omitempty"`
	// Skip leaves the checks out.
	Skip bool `json:"skip,omitempty"`
}

// FailoverSpec says when and how the tenant leaves a side that has failed for its standby.
type FailoverSpec struct {
	// Automatic lets the gateway do it without an operator. It needs a check.
	Automatic *bool `json:"automatic,omitempty"`
	// After is how long all servers of the active side must be down, as two gateways see it. Default: 30s.
	After Duration `json:"after,omitempty"`
	// Check asks whether the standby's database may be written to.
	Check *CheckSpec `json:"check,omitempty"`
}

// CheckSpec asks a URL by GET; it answers {"writable": true, "lagSeconds": 1.5}.
type CheckSpec struct {
	// URL that is asked.
	URL string `json:"url" jsonschema:"required"`
	// MaxLag is how far the standby's database may be behind. Default: 10s.
	MaxLag Duration `json:"maxLag,omitempty"`
	// Wait is how long the database is given to become writable. Default: 2m.
	Wait Duration `json:"wait,omitempty"`
}
