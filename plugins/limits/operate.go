package limits

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Client is one client of a tenant, for operators.
type Client struct {
	Name     string // what Block and Reset take
	Allowed  uint64 // in the last five to ten minutes, over all replicas
	Denied   uint64
	Limits   []string  // policies that refused it in that time
	Blocked  time.Time // until when; zero when it is not
	Activity           // zero when nothing is known
}

// lookedAt bounds how many buckets Top looks through.
const lookedAt = 10_000

// Top lists the clients of a tenant or route that asked most lately. Other replicas are asked
// too, which takes up to a second.
func (l *Limits) Top(scope string, n int) []Client {
	byName := map[string]*Client{}
	for _, u := range l.limiter.Top(scope, lookedAt) {
		c := byName[u.Key]
		if c == nil {
			c = &Client{Name: u.Key}
			byName[u.Key] = c
		}
		if u.Policy == clientsName || u.Policy == addressesName || u.Policy == keysName {
			c.Allowed = max(c.Allowed, u.Allowed)
		}
		if u.Denied > 0 {
			c.Denied = max(c.Denied, u.Denied)
			c.Limits = append(c.Limits, u.Policy)
		}
		if u.Blocked.After(c.Blocked) {
			c.Blocked = u.Blocked
		}
	}
	all := make([]Client, 0, len(byName))
	for _, c := range byName {
		if !Names(c.Name) {
			continue // a budget that is no client's: a tenant's, a method's
		}
		c.Activity, _ = l.recent.of(scope, c.Name)
		slices.Sort(c.Limits)
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Client) int {
		return cmp.Or(cmp.Compare(b.Allowed+b.Denied, a.Allowed+a.Denied), cmp.Compare(a.Name, b.Name))
	})
	return all[:min(n, len(all))]
}

// Names tells whether a word can be the name of a client.
func Names(client string) bool {
	kind, name, ok := strings.Cut(client, ":")
	return ok && name != "" && len(client) <= 128 && slices.Contains([]string{"client", "key", "user", "session", "address"}, kind)
}

// Activity is what a client did lately, through this replica.
func (l *Limits) Activity(scope, client string) (Activity, bool) { return l.recent.of(scope, client) }

// Block refuses a client until a time; one that has passed lifts the block.
func (l *Limits) Block(ctx context.Context, scope, client string, until time.Time) error {
	if err := l.limiter.Block(ctx, scope, client, until); err != nil {
		return fmt.Errorf("client %s: %w", client, err)
	}
	return nil
}

// Reset forgets what a client has spent.
func (l *Limits) Reset(ctx context.Context, scope, client string) error {
	if err := l.limiter.Reset(ctx, scope, client); err != nil {
		return fmt.Errorf("client %s: %w", client, err)
	}
	return nil
}
