package routing

import (
	"net/netip"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing/odoo"
)

// LimitRule puts requests under a limit policy: those that match every list that is not empty.
type LimitRule struct {
	Classes []odoo.Class
	Paths   []string // exact, or a prefix that ends in "/**"
	Calls   []string // patterns of model.method, see odoo.MatchCall
	Clients []string // as Caller names them
	Except  []string // clients that the rule leaves out
	// Priority requests may use what policies reserve.
	Priority bool
	Policy   *LimitPolicy
}

// LimitPolicy bounds how much of a tenant's Odoo somebody may use. It is immutable: a change of
// configuration makes a new value of the same name, which takes over the counters.
type LimitPolicy struct {
	Name string
	By   LimitBy
	// Costs counts what calls cost instead of requests; Weights say it otherwise than
	// odoo.Call.Cost, the most particular pattern first.
	Costs   bool
	Weights []CallWeight

	Rate        float64       // a second; 0: no rate
	Period      time.Duration // in which the rate was declared
	Burst       int
	Quotas      []LimitQuota
	Zone        *time.Location // of the quotas' days
	Concurrency int
	Reserve     int // percent of each limit that only priority requests may use

	Strict  bool
	Lease   time.Duration
	OnLoss  LimitLoss
	Shadow  bool
	Percent int // of the keys that are held to the limits; 0: all
	Headers LimitHeaders

	// Unverified bounds credentials that Odoo has not accepted yet, by address.
	Unverified UnverifiedLimit

	// What the clients may do at all. Empty lists and negative numbers allow everything.
	Allow     []string // patterns of model.method
	Sources   []netip.Prefix
	MaxUnlink int // records that one call may delete
	MaxRead   int // records that one call may read

	// IPv6Prefix is how many bits of an IPv6 address say who somebody is.
	IPv6Prefix int
	Digest     string
}

// UnverifiedLimit is a rate for those whose credential nobody has vouched for.
type UnverifiedLimit struct {
	Rate  float64 // a second
	Burst int
}

// CallWeight is what calls of a pattern cost.
type CallWeight struct {
	Pattern string
	Cost    int
}

// LimitQuota bounds what may be spent in a window of the calendar.
type LimitQuota struct {
	Window string // hour, day, month
	Limit  int
}

// LimitBy says whose budget a policy bounds.
type LimitBy string

// The kinds of budget.
const (
	ByClient  LimitBy = "client"  // a credential with its user, or a session, or an address
	ByUser    LimitBy = "user"    // an Odoo user, whatever the credential
	ByKey     LimitBy = "key"     // a credential, whatever the user
	ByAddress LimitBy = "address" // an address, or a network of IPv6
	ByMethod  LimitBy = "method"  // all calls of one model and method
	ByTenant  LimitBy = "tenant"  // everybody together
)

// LimitLoss says what holds while the store is away.
type LimitLoss string

// The ways to go on.
const (
	LossLocalShare LimitLoss = "localShare"
	LossOpen       LimitLoss = "open"
	LossClosed     LimitLoss = "closed"
)

// LimitHeaders says when answers show how a limit stands.
type LimitHeaders string

// When they do. A refusal always does, unless it is never.
const (
	HeadersAuto   LimitHeaders = "auto"   // when less than half is left
	HeadersAlways LimitHeaders = "always" // on each answer
	HeadersNever  LimitHeaders = "never"
)

// SignInLimit protects passwords from being guessed. Only failures count for much.
type SignInLimit struct {
	Mode SignInMode
	// PerLogin and PerAddress are failures a second, with how many may come at once.
	PerLogin, PerAddress   float64
	LoginBurst, PlaceBurst int
}

// SignInMode says whether guesses are refused.
type SignInMode string

// The modes.
const (
	SignInEnforce SignInMode = "enforce"
	SignInShadow  SignInMode = "shadow"
	SignInOff     SignInMode = "disabled"
)

// Matches tells whether a request falls under the rule. call is the name of the RPC call, empty
// for other requests; names are those that the client goes by.
func (r *LimitRule) Matches(class odoo.Class, path, call string, names []string) bool {
	switch {
	case len(r.Classes) > 0 && !slices.Contains(r.Classes, class):
		return false
	case len(r.Paths) > 0 && !PathMatchAny(r.Paths, path):
		return false
	case len(r.Calls) > 0 && (call == "" || !odoo.MatchAnyCall(r.Calls, call)):
		return false
	case len(r.Clients) > 0 && !anyOf(r.Clients, names):
		return false
	}
	return len(r.Except) == 0 || !anyOf(r.Except, names)
}

func anyOf(list, names []string) bool {
	for _, name := range names {
		if slices.Contains(list, name) {
			return true
		}
	}
	return false
}

// Cost is what a request costs under the policy.
func (p *LimitPolicy) Cost(call odoo.Call, name string, class odoo.Class) int {
	if !p.Costs {
		return 1
	}
	if name != "" {
		for _, w := range p.Weights {
			if odoo.MatchCall(w.Pattern, name) {
				return w.Cost
			}
		}
	}
	if name == "" && class == odoo.Report {
		return reportCost
	}
	return call.Cost()
}

// reportCost is that of a page that Odoo renders as a report.
const reportCost = 20

// NotAllowed says why the policy does not let a call pass at all, "" when it does.
func (p *LimitPolicy) NotAllowed(call odoo.Call, name string, class odoo.Class, client netip.Addr) LimitRefusal {
	if len(p.Sources) > 0 && !contains(p.Sources, client) {
		return RefusedSource
	}
	if len(p.Allow) > 0 && class == odoo.RPC && call.Service != "common" && !odoo.MatchAnyCall(p.Allow, name) {
		return RefusedCall
	}
	if n, ok := call.Deletes(); ok && p.MaxUnlink >= 0 && (n < 0 || n > p.MaxUnlink) {
		return RefusedUnlink
	}
	if n, ok := call.Reads(); ok && p.MaxRead >= 0 && (n < 0 || n > p.MaxRead) {
		return RefusedRead
	}
	return ""
}

// LimitRefusal is a stable word for why a request was not allowed at all.
type LimitRefusal string

// The reasons.
const (
	RefusedSource LimitRefusal = "source_not_allowed"
	RefusedCall   LimitRefusal = "call_not_allowed"
	RefusedUnlink LimitRefusal = "too_many_deletions"
	RefusedRead   LimitRefusal = "too_many_records"
)

// Network is the part of an address that says who somebody is: an IPv4 address as it is, an
// IPv6 address up to its network, since one line has as many addresses as it likes.
func Network(a netip.Addr, ipv6 int) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = ipv6
	}
	prefix, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
