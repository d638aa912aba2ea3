package api

import "time"

// CutoverRequest starts a cutover. What is left out is as the tenant declares, then the
// defaults.
type CutoverRequest struct {
	To       string `json:"to" doc:"Release to move to; standby is the one that spec.standby declares" example:"green"`
	Reason   string `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the audit log"`
	Strategy string `json:"strategy,omitempty" enum:"drain,shift,switch,failover" doc:"How; as the tenant declares when empty, else drain"`

	Classes  []string      `json:"classes,omitempty" doc:"Move these classes of programs alone"`
	Paths    []string      `json:"paths,omitempty" doc:"Move these paths alone: exact, or a prefix that ends in /**"`
	Deadline string        `json:"deadline,omitempty" doc:"Of a drain's sessions" example:"2h"`
	Idle     string        `json:"idle,omitempty" doc:"A session that is quiet for so long is not waited for" example:"15m"`
	Shares   []Share       `json:"shares,omitempty" doc:"Stages of a shift"`
	Mode     string        `json:"mode,omitempty" enum:"new-sessions,navigation,all" doc:"Which sessions a shift may move"`
	Hold     *HoldBounds   `json:"hold,omitempty" doc:"Bounds of a switch's hold"`
	Gates    *Gates        `json:"gates,omitempty" doc:"What must hold on the new side"`
	External *ExternalStep `json:"external,omitempty" doc:"Somebody else's step of a switch"`
	Watch    string        `json:"watch,omitempty" doc:"How long the way back stays open after the flip" example:"5m"`

	SkipPreflight    bool `json:"skipPreflight,omitempty" doc:"Start without the checks"`
	OverrideCalendar bool `json:"overrideCalendar,omitempty" doc:"Start although the calendar says no; the reason says why"`
}

// Share is one stage of a shift.
type Share struct {
	Percent float64 `json:"percent" minimum:"0" maximum:"100"`
	For     string  `json:"for,omitempty" doc:"Until the next stage; empty: until somebody promotes" example:"10m"`
}

// HoldBounds are those of a hold.
type HoldBounds struct {
	Classes []string `json:"classes,omitempty" doc:"Classes that wait; all but files and health when empty"`
	Wait    string   `json:"wait,omitempty" doc:"Of one request, at most; 25s by default" example:"25s"`
	Count   int      `json:"count,omitempty" doc:"Requests at once on one gateway; 2000 by default"`
	Bytes   int64    `json:"bytes,omitempty" doc:"Of their bodies, on one gateway"`
}

// Gates must hold for a shift or a watch to go on.
type Gates struct {
	Requests int     `json:"requests,omitempty" doc:"On the new side, before anything is judged"`
	Failures float64 `json:"failures,omitempty" doc:"Percent of requests that may fail, by outcome"`
	MoreThan float64 `json:"moreThan,omitempty" doc:"Percentage points that the new side may fail more than the old"`
	Latency  float64 `json:"latency,omitempty" doc:"The new side's p95 in the old side's, at most"`
	Window   string  `json:"window,omitempty" example:"1m"`
	Rollback bool    `json:"rollback,omitempty" doc:"Roll back by itself; else it pauses"`
}

// ExternalStep is somebody else's.
type ExternalStep struct {
	Webhook  string `json:"webhook,omitempty" doc:"Is told by POST; empty: an operator confirms"`
	Deadline string `json:"deadline,omitempty" example:"5m"`
	NoReturn bool   `json:"noReturn,omitempty" doc:"Once begun it cannot be undone"`
}

// Command is what an operator says to a running cutover.
type Command struct {
	Reason string `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the audit log"`
}

// Promotion goes on without waiting.
type Promotion struct {
	Reason  string   `json:"reason" minLength:"3" maxLength:"500" doc:"Why; kept in the audit log"`
	Percent *float64 `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"Of a shift: this share instead of the next stage's, up or down"`
}

// Cutover is a move of a tenant from one release to another.
type Cutover struct {
	ID       string    `json:"id"`
	Tenant   string    `json:"tenant"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Strategy string    `json:"strategy" enum:"drain,shift,switch,failover"`
	Mode     string    `json:"mode,omitempty"`
	Classes  []string  `json:"classes,omitempty"`
	Paths    []string  `json:"paths,omitempty"`
	Actor    string    `json:"actor" doc:"Who started it"`
	Reason   string    `json:"reason"`
	Started  time.Time `json:"started"`

	Phase   string     `json:"phase" doc:"preflight, holding, draining, external, verifying, shifting, flipping, releasing, watching, aborting, completed, aborted, failed"`
	Phases  []string   `json:"phases" doc:"Those that it passes when nothing goes wrong, in order"`
	Since   time.Time  `json:"since" doc:"When the phase began"`
	Until   *time.Time `json:"until,omitempty" doc:"The phase's deadline"`
	Waits   string     `json:"waits,omitempty" doc:"What it waits for"`
	Blocked string     `json:"blocked,omitempty" doc:"Why it does not go on, and what to do"`
	Paused  bool       `json:"paused,omitempty"`
	Percent float64    `json:"percent" doc:"Share of the sessions that goes to the new side"`
	Shares  []Share    `json:"shares,omitempty"`
	// NoReturn says that it cannot be aborted any more.
	NoReturn bool       `json:"noReturn,omitempty" doc:"The point of no return is behind"`
	Owner    string     `json:"owner,omitempty" doc:"Gateway that drives it"`
	Shared   bool       `json:"shared" doc:"Whether the store has it; without, each gateway goes on by itself"`
	Ended    *time.Time `json:"ended,omitempty"`
	Can      []string   `json:"can" doc:"What may be said to it now: promote, pause, resume, abort, confirm"`

	Remainder *Remainder     `json:"remainder,omitempty" doc:"What is left on the side that is left; only while it runs"`
	Timeline  []CutoverEvent `json:"timeline"`
}

// CutoverEvent is one line of a timeline.
type CutoverEvent struct {
	At    time.Time `json:"at"`
	Phase string    `json:"phase"`
	Actor string    `json:"actor"`
	Text  string    `json:"text"`
}

// CutoverList is some cutovers.
type CutoverList struct {
	Cutovers []Cutover `json:"cutovers"`
}

// CutoverChange answers a command to a cutover.
type CutoverChange struct {
	Change
	Cutover *Cutover `json:"cutover,omitempty"`
}

// Remainder is what is going on with a tenant, over all gateways.
type Remainder struct {
	Known    bool                        `json:"known" doc:"false: a gateway's numbers are missing, the real ones may be higher"`
	Unknown  []string                    `json:"unknown,omitempty" doc:"What is missing, and why"`
	Young    bool                        `json:"young,omitempty" doc:"A gateway has counted sessions for less than the idle time: there may be more"`
	Sentence string                      `json:"sentence" example:"7 sessions, 2 with sockets, 1 report running 4 min"`
	ETA      string                      `json:"eta,omitempty" doc:"Until nothing is left, at the pace of the last minutes" example:"12m"`
	Held     int                         `json:"held" doc:"Requests that wait at the edge"`
	Oldest   string                      `json:"heldOldest,omitempty" doc:"How long the first of them has waited"`
	Releases map[string]ReleaseRemainder `json:"releases"`
	Replicas []ReplicaRemainder          `json:"replicas,omitempty"`
}

// ReleaseRemainder is what is going on on one release.
type ReleaseRemainder struct {
	InFlight int           `json:"inFlight" doc:"Requests being served"`
	Sockets  int           `json:"sockets" doc:"Open websockets"`
	Sessions int           `json:"sessions" doc:"Sessions seen within the idle time, or with a socket"`
	Seen     []SeenBucket  `json:"seen,omitempty" doc:"Sessions by when they were last seen"`
	Longest  []LongRequest `json:"longest,omitempty"`
}

// SeenBucket counts sessions that were last seen within a time.
type SeenBucket struct {
	Within   string `json:"within" example:"5m"`
	Sessions int    `json:"sessions"`
}

// LongRequest has been on its way for long.
type LongRequest struct {
	Class string `json:"class"`
	For   string `json:"for" example:"4m0s"`
}

// ReplicaRemainder is one gateway's part.
type ReplicaRemainder struct {
	ID       string                      `json:"id"`
	Host     string                      `json:"host"`
	Silent   bool                        `json:"silent,omitempty"`
	Held     int                         `json:"held"`
	Releases map[string]ReleaseRemainder `json:"releases"`
}

// Waited answers a wait.
type Waited struct {
	Until     string     `json:"until"`
	Reached   bool       `json:"reached"`
	Remainder *Remainder `json:"remainder,omitempty"`
}
