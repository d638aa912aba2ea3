package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/gateway/audit"
	"sluicegate.dev/sluice/gateway/census"
	"sluicegate.dev/sluice/gateway/control"
	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/routing/cutover"
)

// runtime is what was decided and goes on at runtime, as the admin API sees it.
type runtime struct{ g *Gateway }

// Tenant implements admin.Runtime, as do those that follow.
func (r runtime) Tenant(name string) (cutover.Record, string) { return r.g.control.Tenant(name) }

func (r runtime) Pool(name string) (cutover.Pool, string) { return r.g.control.Pool(name) }

func (r runtime) Version(rec cutover.Record) string { return control.Digest(rec) }

func (r runtime) PoolVersion(rec cutover.Pool) string { return control.PoolDigest(rec) }

func (r runtime) All() []cutover.Record { return r.g.control.All() }

func (r runtime) Pools() []cutover.Pool { return r.g.control.Pools() }

func (r runtime) Shared(tenant string) bool { return r.g.control.Shared(tenant) }

func (r runtime) Subscribe() (changed <-chan struct{}, stop func()) { return r.g.control.Subscribe() }

func (r runtime) Change(ctx context.Context, tenant string, decide func(cutover.Record) (cutover.Record, error)) (cutover.Record, bool, error) {
	result, err := r.g.control.Change(ctx, tenant, decide)
	return result.Record, result.Shared, err
}

func (r runtime) ChangePool(ctx context.Context, pool string, decide func(cutover.Pool) (cutover.Pool, error)) (cutover.Pool, bool, error) {
	result, err := r.g.control.ChangePool(ctx, pool, decide)
	r.g.upstream.StatesChanged()
	r.g.replicas.Nudge()
	return result.Pool, result.Shared, err
}

func (r runtime) Laggards(tenant string, sequence uint64) []string {
	rec, _ := r.g.control.Tenant(tenant)
	v := r.g.view()
	laggards := append(v.Behind(tenant, sequence, rec.Evicted), v.Gone(rec.Evicted)...)
	if !v.Known {
		laggards = append(laggards, "every other gateway (the store is away)")
	}
	return laggards
}

func (r runtime) PoolLaggards(pool string, sequence uint64) []string {
	v := r.g.view()
	laggards := append(v.BehindPool(pool, sequence), v.Gone(nil)...)
	if !v.Known {
		laggards = append(laggards, "every other gateway (the store is away)")
	}
	return laggards
}

func (r runtime) Plan(tenant string, strategy cutover.Strategy) cutover.Plan {
	return r.g.live.Load().CutoverAs(tenant, strategy)
}

func (r runtime) Calendar(tenant string, now time.Time) (ok bool, why string, next time.Time) {
	c := r.g.live.Load().CalendarOf(tenant)
	if c == nil {
		return true, "", time.Time{}
	}
	return c.Allowed(now)
}

func (r runtime) Calendars(now time.Time) []api.Calendar {
	var all []api.Calendar
	for name, c := range r.g.live.Load().Calendars() {
		one := api.Calendar{Name: name}
		var next time.Time
		if one.Allowed, one.Why, next = c.Allowed(now); !next.IsZero() {
			one.Next = &next
		}
		all = append(all, one)
	}
	return all
}

func (r runtime) Outgoing(text string) error {
	at, err := url.Parse(text)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" {
		return fmt.Errorf("%q is no http or https address", text)
	}
	return upstream.NewOutgoing(ownListeners(r.g.static.EntryPoints(), r.g.install.Admin.Address), nil).Check(text)
}

func (r runtime) Report(tenant, id string, markdown bool) ([]byte, bool) {
	if tenant == "" {
		var ok bool
		if tenant, ok = r.g.reports.Find(id); !ok {
			return nil, false
		}
	}
	signed, err := r.g.reports.Get(tenant, id)
	if err != nil {
		return nil, false
	}
	if !markdown {
		text, err := json.MarshalIndent(signed, "", "  ")
		return text, err == nil
	}
	var made cutover.Report
	if json.Unmarshal(signed.Report, &made) != nil {
		return nil, false
	}
	return []byte(made.Markdown() + "\nSigned with key " + signed.Key + ": `" + signed.Signature + "`\n"), true
}

// Export implements admin.Runtime.
func (r runtime) Export(tenant, active string) (string, error) {
	return r.g.live.Load().Export(tenant, active) //nolint:wrapcheck // it says which tenant
}

// usualIdle is how long a session may be quiet and still count where nobody says otherwise.
const usualIdle = 15 * time.Minute

// Remainder sums up what is going on with a tenant.
func (r runtime) Remainder(tenant string, idle time.Duration) api.Remainder {
	if idle <= 0 {
		idle = usualIdle
	}
	rec, _ := r.g.control.Tenant(tenant)
	totals := r.g.view().Sum(tenant, rec.Evicted)
	if rec.Sequence == 0 { // nobody reports on a tenant about which nothing was decided
		totals = r.g.here(tenant)
	}
	young := false
	if c := rec.Cutover; c != nil && c.Plan.Strategy == cutover.Drain && totals.Whole < idle {
		young = true
		totals.Unknown = append(totals.Unknown, fmt.Sprintf("a gateway has kept its books for %s only: sessions that were quiet since before are not counted until it has done so for %s", totals.Whole.Round(time.Second), idle))
	}
	out := api.Remainder{
		Known: totals.Known, Young: young, Unknown: totals.Unknown, Held: totals.Held, Releases: viewReleases(totals.Tenant, idle),
	}
	if totals.HeldOldest > 0 {
		out.Oldest = totals.HeldOldest.Round(time.Millisecond).String()
	}
	for _, p := range totals.Parts {
		out.Replicas = append(out.Replicas, api.ReplicaRemainder{ID: p.ID, Host: p.Host, Silent: p.Silent, Held: p.Held, Releases: viewReleases(p.Tenant, idle)})
	}
	side := ""
	if c := rec.Cutover; c != nil {
		side = c.Leaving()
		out.ETA = r.g.decline.eta(tenant, side, left(totals.Of(side), idle), time.Now())
	} else if t := r.g.live.Load().Tenants[tenant]; t != nil {
		side = rec.Active(t.Active.Name)
	}
	out.Sentence = inWords(totals, side, idle)
	if young || !totals.Known {
		out.Sentence = "at least " + out.Sentence
	}
	return out
}

// here is what this gateway alone knows.
func (g *Gateway) here(tenant string) report.Totals {
	own := g.goingOn(tenant)
	others := g.replicas.Count() > 1
	t := report.Totals{Known: !others, Tenant: own, Parts: []report.Part{{ID: g.replicas.Me().ID, Host: g.replicas.Me().Host, Tenant: own}}}
	if others {
		t.Unknown = []string{"the other gateways report on a tenant once something was decided about it"}
	}
	return t
}

func viewReleases(t report.Tenant, idle time.Duration) map[string]api.ReleaseRemainder {
	out := map[string]api.ReleaseRemainder{}
	for name, c := range t.Releases {
		one := api.ReleaseRemainder{InFlight: t.Of(name).InFlight, Sockets: c.Sockets, Sessions: c.SeenWithin(idle)}
		bounds := census.SeenBounds()
		for i, n := range c.Seen {
			within := "ever"
			if i < len(bounds) {
				within = bounds[i].String()
			}
			one.Seen = append(one.Seen, api.SeenBucket{Within: within, Sessions: n})
		}
		for _, run := range c.Longest {
			one.Longest = append(one.Longest, api.LongRequest{Class: run.Class, For: run.For.Round(time.Second).String()})
		}
		out[name] = one
	}
	return out
}

// left is how much there is to leave: sessions and requests.
func left(c report.Counts, idle time.Duration) int {
	return c.SeenWithin(idle) + c.InFlight + c.Sockets
}

// longRunning is what people are told of.
const longRunning = 10 * time.Second

// inWords says what is left in Odoo's terms.
func inWords(t report.Totals, side string, idle time.Duration) string {
	c := t.Of(side)
	parts := []string{plural(c.SeenWithin(idle), "session")}
	if c.Sockets > 0 {
		parts = append(parts, fmt.Sprintf("%d with sockets", c.Live))
	}
	if c.InFlight > 0 {
		parts = append(parts, plural(c.InFlight, "request")+" in flight")
	}
	for _, run := range c.Longest {
		if run.For >= longRunning {
			parts = append(parts, fmt.Sprintf("1 %s running %s", run.Class, run.For.Round(time.Second)))
		}
	}
	if t.Held > 0 {
		parts = append(parts, plural(t.Held, "request")+" held")
	}
	text := strings.Join(parts, ", ")
	if side != "" {
		text += " on " + side
	}
	return text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// auditor writes the audit log.
type auditor struct{ log *audit.Log }

// Append implements admin.Auditor, as does Read.
func (a auditor) Append(r api.AuditRecord) (api.AuditRecord, error) {
	done, err := a.log.Append(audit.Record{
		Actor: r.Actor, Role: r.Role, Client: r.Client, Operation: r.Operation, Tenant: r.Tenant, Target: r.Target, Reason: r.Reason, Body: r.Body,
	})
	return viewAudit(done), err
}

func (a auditor) Read(wanted func(api.AuditRecord) bool, since time.Time, limit int) ([]api.AuditRecord, error) {
	found, err := a.log.Read(audit.Query{Since: since, Limit: limit, Wanted: func(r audit.Record) bool { return wanted(viewAudit(r)) }})
	all := make([]api.AuditRecord, 0, len(found))
	for _, r := range found {
		all = append(all, viewAudit(r))
	}
	return all, err
}

func viewAudit(r audit.Record) api.AuditRecord {
	return api.AuditRecord{
		Sequence: r.Sequence, At: r.At, Actor: r.Actor, Role: r.Role, Client: r.Client, Operation: r.Operation,
		Tenant: r.Tenant, Target: r.Target, Reason: r.Reason, Body: r.Body, Previous: r.Previous, Hash: r.Hash,
	}
}
