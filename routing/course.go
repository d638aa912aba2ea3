package routing

import (
	"time"

	"sluicegate.dev/sluice/routing/odoo"
)

// Course is where a tenant's requests go at runtime: the declared tenant with what operators
// and cutovers have decided on top. It is immutable: each decision makes a new value. A
// tenant without decisions has none (nil), and its declared active release takes all.
type Course struct {
	Tenant string
	// Epoch of the latest decision; pins that are made now carry it in their high 32 bits.
	Epoch uint32
	// Legs decide in order: the first whose scope covers a request. The last covers all.
	Legs []Leg
	// Hold keeps requests waiting at the edge; nil: none.
	Hold *Hold
	// Page answers instead of Odoo; nil: none.
	Page *Page
}

// Leg is what holds for a part of a tenant's requests.
type Leg struct {
	Scope    Scope
	Active   string    // release that takes new sessions
	Closings []Closing // releases whose sessions go elsewhere
	Split    *Split    // while a part of the sessions goes to another release
}

// Scope is a part of a tenant's requests. The zero value covers all of them. A part is for
// programs, which bring no session: it may name no class that browsers use.
type Scope struct {
	Classes []odoo.Class `json:"classes,omitempty"`
	Paths   []string     `json:"paths,omitempty"` // exact, or a prefix that ends in "/**"
}

// Closing sends the sessions of a release elsewhere: those that were pinned to it before an
// epoch. Later ones were pinned on purpose.
type Closing struct {
	Release string `json:"release"`
	To      string `json:"to"`
	Before  uint32 `json:"before"` // cutover epoch of the pin
}

// Mode says which sessions a split may move.
type Mode string

// The modes of a split.
const (
	ModeNewSessions Mode = "new-sessions" // only those that begin
	ModeNavigation  Mode = "navigation"   // and known ones when a page is loaded and nothing is in flight
	ModeAll         Mode = "all"          // and all others with their next request
)

// Split sends a share of the sessions to another release. A session's lot does not change,
// so a growing share only ever moves sessions one way.
type Split struct {
	To    string
	Share uint32 // in thousandths of a percent: 100 000 is all
	Seed  string // of this cutover
	Mode  Mode
}

// Hold keeps a tenant's requests waiting at the edge. Static files, health and ACME pass.
type Hold struct {
	ID      string        `json:"id"`
	Classes []odoo.Class  `json:"classes,omitempty"` // empty: all that can wait
	Wait    time.Duration `json:"wait"`              // of one request, at most
	Count   int           `json:"count"`             // requests at once, on one replica
	Bytes   int64         `json:"bytes"`             // of bodies that wait, on one replica
	// Final is set past the point of no return: when the lease ends, the page follows, never
	// the release that is half moved.
	Final bool `json:"final,omitempty"`
}

// Page is the maintenance page: 503 with Retry-After for people, faults for programs.
type Page struct {
	Text       string        `json:"text,omitempty"` // what people read; plain text
	RetryAfter time.Duration `json:"retryAfter"`
	Allow      []string      `json:"allow,omitempty"` // client networks that pass; testers' passes pass too
}
