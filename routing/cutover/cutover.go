package cutover

import (
	"time"

	"sluicegate.dev/sluice/routing"
)

// Strategy is how a cutover moves sessions.
type Strategy string

// The strategies.
const (
	Drain    Strategy = "drain"    // new sessions to the new side at once; known ones stay until promote, deadline or idle
	Shift    Strategy = "shift"    // a growing share of sessions
	Switch   Strategy = "switch"   // hold, drain, an external step, verify, flip, release
	Failover Strategy = "failover" // away from a side that has failed
)

// Alone says whether gateways that cannot talk go on one by one: a failover must not wait for
// a store that may have died with the side that is left, and in a drain it harms nobody when
// one is ahead. Otherwise one would be on another side than the others.
func (s Strategy) Alone() bool { return s == Drain || s == Failover }

// Phase is where a cutover stands.
type Phase string

// The phases, in order. A cutover passes those that its strategy has.
const (
	Preflight Phase = "preflight" // checks run against both sides
	Holding   Phase = "holding"   // until every replica holds
	Drained   Phase = "draining"  // until nothing is in flight on the old side (switch), or its sessions are gone (drain)
	Stepping  Phase = "external"  // somebody else's step: a webhook's or an operator's word
	Verifying Phase = "verifying" // the new side is asked whether it serves
	Shifting  Phase = "shifting"  // the share grows
	Flipping  Phase = "flipping"  // the new side becomes active, until every replica says so
	Releasing Phase = "releasing" // what was held goes on, paced
	Watching  Phase = "watching"  // gates are judged for a while; the way back is open
	Aborting  Phase = "aborting"  // steps are undone, until every replica says so
	Completed Phase = "completed"
	Aborted   Phase = "aborted"
	Failed    Phase = "failed" // past the point of no return: needs an operator
)

// Ended says whether nothing follows. Failed is no end: it waits for an operator.
func (p Phase) Ended() bool { return p == Completed || p == Aborted }

// Plan is what was asked for: the tenant's declared way, and what the operator said on top.
// Zero durations take the defaults of Plan.WithDefaults.
type Plan struct {
	Strategy      Strategy      `json:"strategy"`
	To            string        `json:"to"` // release, or "standby"
	Scope         routing.Scope `json:"scope"`
	Deadline      time.Duration `json:"deadline"` // of the whole cutover (drain: of the sessions)
	Idle          time.Duration `json:"idle"`     // drain: a session that is quiet for so long is not waited for
	Shares        []Share       `json:"shares,omitempty"`
	Mode          routing.Mode  `json:"mode,omitempty"`
	Hold          routing.Hold  `json:"hold"`
	Gates         Gates         `json:"gates"`
	External      *External     `json:"external,omitempty"`
	Verify        Verify        `json:"verify"`
	Watch         time.Duration `json:"watch"`    // after the flip
	NoReturn      bool          `json:"noReturn"` // the external step cannot be undone
	SkipPreflight bool          `json:"skipPreflight,omitempty"`
	Check         *Check        `json:"check,omitempty"`    // failover: is the standby's database writable
	Webhooks      []string      `json:"webhooks,omitempty"` // told of each phase
}

// Share is one stage of a shift.
type Share struct {
	Percent float64       `json:"percent"`
	For     time.Duration `json:"for"` // until the next stage; 0: until somebody says so
}

// Gates must hold for a shift or a watch to go on; what fails them rolls it back.
type Gates struct {
	Requests int           `json:"requests"` // on the new side, before anything is judged
	Failures float64       `json:"failures"` // percent of outcomes that failed, at most
	MoreThan float64       `json:"moreThan"` // percentage points that the new side may fail more than the old
	Latency  float64       `json:"latency"`  // the new side's p95, in old side's p95, at most
	Window   time.Duration `json:"window"`
	Rollback bool          `json:"rollback"` // else it pauses and says so
}

// External is the step between draining and verifying that somebody else does.
type External struct {
	Webhook  string        `json:"webhook,omitempty"` // POST; 200 done, 202 it will call back; empty: an operator confirms
	Deadline time.Duration `json:"deadline"`
}

// Verify is what the new side must answer before it gets traffic.
type Verify struct {
	Paths    []string      `json:"paths,omitempty"` // GET on every backend of the new side; default: the health path and /web/login
	Deadline time.Duration `json:"deadline"`
}

// Check asks whether a failover's target may be written to: GET of a URL that answers
// {"writable": bool, "lagSeconds": number}.
type Check struct {
	URL    string        `json:"url"`
	MaxLag time.Duration `json:"maxLag"`
	Wait   time.Duration `json:"wait"`
}

// Cutover is a planned, persisted, undoable move of a tenant from one release to another.
type Cutover struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	From   string `json:"from"`
	Plan   Plan   `json:"plan"`
	Grant         // who started it, why

	Phase   Phase      `json:"phase"`
	Since   time.Time  `json:"since"`           // of the phase
	Until   *time.Time `json:"until,omitempty"` // the phase's deadline
	Paused  bool       `json:"paused,omitempty"`
	Waits   string     `json:"waits,omitempty"`   // what it waits for, a sentence
	Blocked string     `json:"blocked,omitempty"` // why it does not go on, a sentence; what to do

	Seed    string  `json:"seed"`
	Stage   int     `json:"stage"`   // of Plan.Shares
	Percent float64 `json:"percent"` // that a shift sends to the new side now
	// Passed is set once the point of no return is behind: from there it only goes forward.
	Passed bool `json:"passed,omitempty"`
	// Held says that the tenant's requests wait at the edge; Final that a gateway whose hold
	// ends for want of news must not release them to the old side; Ready that every gateway
	// knows that, before what needs it begins.
	Held  bool `json:"held,omitempty"`
	Final bool `json:"final,omitempty"`
	Ready bool `json:"ready,omitempty"`
	// Flipped says that the new side has the tenant.
	Flipped bool `json:"flipped,omitempty"`
	// Before is what abort restores.
	Before Before `json:"before"`

	// Fence grows each time another replica takes over; Owner is who drives it; Beat grows
	// while it is driven. A driver that is not heard of is replaced.
	Fence uint64 `json:"fence"`
	Owner string `json:"owner"`
	Beat  uint64 `json:"beat"`

	Timeline []Event    `json:"timeline"`
	Dropped  int        `json:"dropped,omitempty"` // events from its beginning that were too many
	Counts   Counts     `json:"counts"`
	Ended    *time.Time `json:"ended,omitempty"`
}

// Before is where a tenant stood when a cutover began.
type Before struct {
	Active   string            `json:"active"`
	Settled  []Settled         `json:"settled,omitempty"`
	Closings []routing.Closing `json:"closings,omitempty"`
}

// Event is one line of a cutover's timeline.
type Event struct {
	At    time.Time `json:"at"`
	Phase Phase     `json:"phase"`
	Actor string    `json:"actor"` // an operator, a replica, or "gates"
	Text  string    `json:"text"`
}

// Observation is what the driver saw when it ticks.
type Observation struct {
	Now time.Time
	// Behind are live replicas that do not yet apply the record's newest sequence; Silent
	// those that are not heard of and not evicted.
	Behind, Silent []string
	// Lapsed are those whose hold of this cutover has ended for want of news: they sent
	// requests to the old side for a while.
	Lapsed    []string
	InFlight  int // requests on the side that is left (Cutover.Leaving), over all replicas
	Sessions  int // seen on the old side within the plan's Idle
	Sockets   int
	Held      int
	Known     bool    // false: a replica is silent, the numbers above are too low
	Preflight *Result // nil: not yet
	External  *Result
	Verify    *Result
	Check     *Result
	Gates     *Result
}

// Result is how a step of the driver ended.
type Result struct {
	OK   bool
	Text string // a sentence, for people
}
