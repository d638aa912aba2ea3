package report

import (
	"maps"
	"slices"
	"time"

	"sluicegate.dev/sluice/gateway/census"
	"sluicegate.dev/sluice/routing/odoo"
)

// Report is what one gateway says of itself. It holds tenants about which something was
// decided at runtime, and of them no more than fit.
type Report struct {
	// Sequences of the records whose decisions hold here: each request from now on obeys them.
	Sequences map[string]uint64 `json:"sequences,omitempty"`
	// Pools are the sequences of those of pools.
	Pools map[string]uint64 `json:"pools,omitempty"`
	// Tenants are what is going on there.
	Tenants map[string]Tenant `json:"tenants,omitempty"`
	// Down are pools none of whose backends serves, as seen from here.
	Down []string `json:"down,omitempty"`
	// Whole is for how long the books have been kept: a session that was quiet for longer
	// is not in them.
	Whole time.Duration `json:"whole"`
}

// Tenant is what goes on at one gateway with one tenant.
type Tenant struct {
	// Undecided are requests that no release was decided for: they are in the numbers of
	// each release, of those too that Releases does not name.
	Undecided int               `json:"undecided,omitempty"`
	Releases  map[string]Counts `json:"releases,omitempty"`

	Held        int           `json:"held,omitempty"` // requests that wait at the edge
	HeldOldest  time.Duration `json:"heldOldest,omitempty"`
	LongestWait time.Duration `json:"longestWait,omitempty"` // that any request has had, since the start
	Shed        uint64        `json:"shed,omitempty"`        // requests that waited and were refused, since the start
	Lapsed      string        `json:"lapsed,omitempty"`      // the last hold that ended here for want of news: requests went on
}

// Of is one release of it.
func (t Tenant) Of(release string) Counts {
	if c, ok := t.Releases[release]; ok {
		return c
	}
	return Counts{InFlight: t.Undecided}
}

// Counts are those of one release. Requests, Failures and Latency grow from the start of the
// gateway on.
type Counts struct {
	InFlight int                     `json:"inFlight,omitempty"` // requests, those for files and health apart
	Classes  map[odoo.Class]int      `json:"classes,omitempty"`  // of them, by route class
	Sockets  int                     `json:"sockets,omitempty"`
	Seen     [census.SeenBuckets]int `json:"seen"`           // sessions by when they were last seen, see census.SeenBounds
	Live     int                     `json:"live,omitempty"` // sessions with a socket
	Longest  []Running               `json:"longest,omitempty"`

	Requests uint64           `json:"requests,omitempty"`
	Failures uint64           `json:"failures,omitempty"`
	Latency  census.Histogram `json:"latency"`
}

// Running is a request that has been on its way for long.
type Running struct {
	Class string        `json:"class"`
	For   time.Duration `json:"for"`
}

// longest is how many of them a sum names.
const longest = 5

// InFlightOf are the requests in flight that keep a switch of those classes waiting; none
// means all. Long polls are left out: they change nothing, and are open all the time. What is
// not known by class counts.
func (c Counts) InFlightOf(classes []odoo.Class) int {
	n := c.InFlight
	for class, m := range c.Classes {
		if class == odoo.Realtime || len(classes) > 0 && !slices.Contains(classes, class) {
			n -= m
		}
	}
	return max(n, 0)
}

// Sessions are all of them.
func (c Counts) Sessions() int {
	n := 0
	for _, m := range c.Seen {
		n += m
	}
	return n
}

// SeenWithin are the sessions that were seen within a time. Where that is no end of a bucket
// the next one counts: rather too many than too few.
func (c Counts) SeenWithin(d time.Duration) int {
	n := 0
	for i, m := range c.Seen {
		n += m
		if bounds := census.SeenBounds(); i < len(bounds) && bounds[i] >= d {
			break
		}
	}
	return n
}

// add is the sum of two gateways' counts.
func (c Counts) add(o Counts) Counts {
	c.InFlight += o.InFlight
	c.Sockets += o.Sockets
	c.Live += o.Live
	c.Requests += o.Requests
	c.Failures += o.Failures
	for i := range c.Seen {
		c.Seen[i] += o.Seen[i]
	}
	for i := range c.Latency {
		c.Latency[i] += o.Latency[i]
	}
	c.Longest = merged(c.Longest, o.Longest)
	if len(o.Classes) > 0 {
		both := maps.Clone(c.Classes)
		if both == nil {
			both = map[odoo.Class]int{}
		}
		for class, m := range o.Classes {
			both[class] += m
		}
		c.Classes = both
	}
	return c
}

// since is what happened at one gateway after before.
func (c Counts) since(before Counts) Counts {
	c.Requests -= min(c.Requests, before.Requests)
	c.Failures -= min(c.Failures, before.Failures)
	c.Latency = c.Latency.Since(before.Latency)
	return c
}
