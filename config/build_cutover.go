package config

import (
	"reflect"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/calendar"
	"sluicegate.dev/sluice/routing/cutover"
	"sluicegate.dev/sluice/routing/odoo"
)

// Defaults of moves that routing/cutover does not know.
const (
	defaultFailoverAfter = 30 * time.Second
	defaultMaxLag        = 10 * time.Second
	defaultCheckWait     = 2 * time.Minute
)

// moves is how a tenant moves: its spec.cutover, filled from its plan.
type moves struct {
	plan      cutover.Plan
	failover  Failover
	preflight Preflight
}

// Failover says when and how a tenant leaves a side that has failed for its standby.
type Failover struct {
	Declared  bool // spec.cutover.failover and spec.standby are there
	Automatic bool // without an operator
	After     time.Duration
	Check     *cutover.Check // nil: nobody can say whether the standby may be written to
}

// Preflight says how checks learn what only Odoo knows. Empty fields: they do not.
type Preflight struct {
	Webhook    string
	Login, Key string // of an Odoo user
}

// CutoverOf is how a tenant moves when nobody says otherwise: without a target, and with zero
// values for what routing/cutover has defaults of.
func (s *Snapshot) CutoverOf(tenant string) cutover.Plan { return s.CutoverAs(tenant, "") }

// CutoverAs is how a tenant moves by a strategy that somebody asks for; the declared one when
// that is empty. What is declared for another strategy is left out.
func (s *Snapshot) CutoverAs(tenant string, strategy cutover.Strategy) cutover.Plan {
	served := s.tenants[tenant]
	if served == nil {
		return cutover.Plan{}
	}
	p := served.moves.plan
	p.Strategy = or(strategy, p.Strategy)
	if p.Strategy != cutover.Shift {
		p.Shares, p.Mode = nil, ""
	}
	if p.Strategy != cutover.Switch {
		p.External, p.NoReturn = nil, false
	}
	return p
}

// FailoverOf says when a tenant leaves a side that has failed.
func (s *Snapshot) FailoverOf(tenant string) Failover {
	if served := s.tenants[tenant]; served != nil {
		return served.moves.failover
	}
	return Failover{}
}

// PreflightOf says how checks before a tenant's move learn what only Odoo knows.
func (s *Snapshot) PreflightOf(tenant string) Preflight {
	if served := s.tenants[tenant]; served != nil {
		return served.moves.preflight
	}
	return Preflight{}
}

// CalendarOf says when a planned move of a tenant may begin; nil: always.
func (s *Snapshot) CalendarOf(tenant string) *calendar.Calendar {
	if served := s.tenants[tenant]; served != nil && served.calendar != nil {
		return served.calendar.calendar
	}
	return nil
}

// moves compiles the tenant's spec.cutover.
func (b *tenantBuilder) moves(t *routing.Tenant) {
	s := b.shared.Cutover
	if s == nil {
		s = &CutoverSpec{}
	}
	b.knownClasses("spec.cutover.hold", t, s.Hold.Classes)
	b.calendarOf(s.Calendar)
	b.ownListeners(s)
	b.served.moves = moves{plan: planOf(s), failover: b.failover(s.Failover), preflight: b.preflight(s.Preflight)}
}

func (b *tenantBuilder) calendarOf(name string) {
	if name == "" {
		return
	}
	b.served.calendar = b.calendar(name)
	if b.served.calendar == nil {
		b.fail(b.cutoverField("calendar"), didYouMean(name, b.calendarNames), "there is no Calendar %q that can be served", name)
	}
}

// cutoverField is where a field of spec.cutover came from, for a report.
func (b *tenantBuilder) cutoverField(name string) string {
	if b.spec.Cutover == nil && b.served.plan != nil {
		return "spec.plan"
	}
	return "spec.cutover." + name
}

// ownListeners refuses URLs that lead back to the gateway.
func (b *tenantBuilder) ownListeners(s *CutoverSpec) {
	urls := append([]string{s.Preflight.Webhook}, s.Webhooks...)
	if s.External != nil {
		urls = append(urls, s.External.Webhook)
	}
	if s.Failover != nil && s.Failover.Check != nil {
		urls = append(urls, s.Failover.Check.URL)
	}
	for _, raw := range urls {
		e, message, _ := callEndpoint(raw)
		for _, listener := range b.listeners {
			if message == "" && e.isListener(listener) {
				b.fail(b.cutoverField("webhooks"), "", "%s is the gateway itself (it listens on %s)", raw, listener)
			}
		}
	}
}

func planOf(s *CutoverSpec) cutover.Plan {
	p := cutover.Plan{
		Strategy: cutover.Strategy(or(s.Strategy, string(cutover.Drain))),
		Deadline: time.Duration(s.Deadline),
		Idle:     time.Duration(s.Idle),
		Mode:     routing.Mode(s.Mode),
		Hold:     routing.Hold{Wait: time.Duration(s.Hold.Wait), Count: s.Hold.Count, Bytes: int64(s.Hold.Bytes)},
		Gates: cutover.Gates{
			Requests: s.Gates.Requests, Failures: s.Gates.Failures, MoreThan: s.Gates.MoreThan, Latency: s.Gates.Latency,
			Window: time.Duration(s.Gates.Window), Rollback: s.Gates.Rollback == nil || *s.Gates.Rollback,
		},
		Verify:        cutover.Verify{Paths: s.Verify.Paths, Deadline: time.Duration(s.Verify.Deadline)},
		Watch:         time.Duration(s.Watch),
		SkipPreflight: s.Preflight.Skip,
		Webhooks:      s.Webhooks,
	}
	for _, share := range s.Shares {
		p.Shares = append(p.Shares, cutover.Share{Percent: share.Percent, For: time.Duration(share.For)})
	}
	for _, class := range s.Hold.Classes {
		p.Hold.Classes = append(p.Hold.Classes, odoo.Class(class))
	}
	if s.External != nil {
		p.External = &cutover.External{Webhook: s.External.Webhook, Deadline: time.Duration(s.External.Deadline)}
		p.NoReturn = s.External.NoReturn
	}
	p.Check = checkOf(s.Failover)
	return p
}

func checkOf(s *FailoverSpec) *cutover.Check {
	if s == nil || s.Check == nil {
		return nil
	}
	return &cutover.Check{
		URL:    s.Check.URL,
		MaxLag: time.Duration(or(s.Check.MaxLag, Duration(defaultMaxLag))),
		Wait:   time.Duration(or(s.Check.Wait, Duration(defaultCheckWait))),
	}
}

func (b *tenantBuilder) failover(s *FailoverSpec) Failover {
	if s == nil {
		return Failover{}
	}
	out := Failover{
		Declared: b.spec.Standby != nil, Automatic: s.Automatic != nil && *s.Automatic,
		After: time.Duration(or(s.After, Duration(defaultFailoverAfter))), Check: checkOf(s),
	}
	if out.Declared && out.Automatic && out.Check == nil {
		b.fail(b.cutoverField("failover.automatic"), "add check: {url: ...}",
			"nobody could say whether the standby's database is writable; without a check a failover waits for an operator")
	}
	if b.spec.Standby == nil && b.spec.Cutover != nil && b.spec.Cutover.Failover != nil {
		b.warn("spec.cutover.failover", "add spec.standby: {pool: NAME}", "does nothing: %s has no standby", b.served.source.Name)
	}
	return out
}

func (b *tenantBuilder) preflight(s PreflightSpec) Preflight {
	out := Preflight{Webhook: s.Webhook, Login: s.Login}
	if s.KeyFile == "" {
		return out
	}
	data, ok := b.served.source.Files[string(s.KeyFile)]
	if own := b.spec.Cutover; own == nil || own.Preflight.KeyFile == "" {
		data, ok = b.served.plan.Files[string(s.KeyFile)] // it can only come from there
	}
	if out.Key = strings.TrimSpace(string(data)); !ok || out.Key == "" {
		b.fail(b.cutoverField("preflight.keyFile"), "paths are relative to the file that holds them", "cannot read a key from %s", s.KeyFile)
	}
	return out
}

// cutoverOver fills what a spec leaves out from another, field by field. Neither is changed.
func cutoverOver(s, from *CutoverSpec) *CutoverSpec {
	if s == nil || from == nil {
		return or(s, from)
	}
	out := *s
	fillDeep(reflect.ValueOf(&out).Elem(), reflect.ValueOf(*from))
	return &out
}

func fillDeep(to, from reflect.Value) {
	for i := range to.NumField() {
		field, value := to.Field(i), from.Field(i)
		switch {
		case field.IsZero():
			field.Set(value)
		case field.Kind() == reflect.Struct:
			fillDeep(field, value)
		case field.Kind() == reflect.Pointer && field.Elem().Kind() == reflect.Struct && !value.IsZero():
			own := reflect.New(field.Elem().Type())
			own.Elem().Set(field.Elem())
			fillDeep(own.Elem(), value.Elem())
			field.Set(own)
		}
	}
}
