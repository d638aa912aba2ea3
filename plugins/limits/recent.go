package limits

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// recent keeps what clients did lately: for each the calls with how often, how many records,
// and how they ended. It is for operators, and bounded: the clients that were longest silent
// are forgotten, and of one client the calls that were longest not made.
type recent struct {
	most int

	mu      sync.Mutex
	clients map[recentKey]*activity
}

type recentKey struct{ scope, client string }

const (
	mostRecent = 2000 // clients of all tenants together
	mostCalls  = 32   // of one client
	forgetting = 8    // the oldest of so many is forgotten
)

// activity is what one client did.
type activity struct {
	last  time.Time
	who   string // uid:7, login:name
	key   string
	from  string
	calls map[string]*Call
}

// Call is one kind of request that a client made.
type Call struct {
	Name    string // model.method, or the class of the request
	Count   uint64
	Records uint64 // that the calls named or asked for
	Failed  uint64
	Last    time.Time
}

func newRecent(most int) *recent {
	return &recent{most: most, clients: map[recentKey]*activity{}}
}

// note adds a request. Clients that nobody has vouched for leave no trace of their own.
func (r *recent) note(scope string, c *caller, x *routing.Exchange, name string, now time.Time) {
	client := c.client
	if c.claim && !c.proven {
		client = c.address
	}
	if name == "" {
		name = "page:" + string(x.Class)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.client(recentKey{scope, client})
	a.last, a.from = now, c.address
	if client == c.client && len(c.names) > 2 {
		a.who = c.names[2]
	}
	if client == c.client {
		a.key = c.key
	}
	one := a.call(name)
	one.Count++
	one.Records += uint64(max(x.RPC.Records, x.RPC.Rows, x.RPC.Limit))
	one.Last = now
	if x.Outcome != odoo.OK {
		one.Failed++
	}
}

func (r *recent) client(key recentKey) *activity {
	if a := r.clients[key]; a != nil {
		return a
	}
	if len(r.clients) >= r.most {
		delete(r.clients, oldest(r.clients, func(a *activity) time.Time { return a.last }))
	}
	a := &activity{calls: map[string]*Call{}}
	r.clients[key] = a
	return a
}

func (a *activity) call(name string) *Call {
	if c := a.calls[name]; c != nil {
		return c
	}
	if len(a.calls) >= mostCalls {
		delete(a.calls, oldest(a.calls, func(c *Call) time.Time { return c.Last }))
	}
	c := &Call{Name: name}
	a.calls[name] = c
	return c
}

// oldest is the oldest of a few: maps come in no order, so over time all are looked at.
func oldest[K comparable, V any](all map[K]V, at func(V) time.Time) K {
	var key K
	var first time.Time
	n := 0
	for k, v := range all {
		if t := at(v); n == 0 || t.Before(first) {
			key, first = k, t
		}
		if n++; n == forgetting {
			break
		}
	}
	return key
}

// Activity is what a client did lately, through this replica.
type Activity struct {
	Who   string // uid:7 or login:name, where the client said so
	Key   string // fingerprint of the credential
	From  string // the last address
	Last  time.Time
	Calls []Call // the most frequent first
}

func (r *recent) of(scope, client string) (Activity, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.clients[recentKey{scope, client}]
	if a == nil {
		return Activity{}, false
	}
	out := Activity{Who: a.who, Key: a.key, From: a.from, Last: a.last}
	for _, c := range a.calls {
		out.Calls = append(out.Calls, *c)
	}
	slices.SortFunc(out.Calls, func(a, b Call) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return out, true
}
