package cutover

import (
	"fmt"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Standby is the release that spec.standby declares.
const Standby = "standby"

// Defaults of a plan. Holds end before a balancer in front gives up (30 s where it is an
// Application Gateway).
const (
	defaultDeadline = 2 * time.Hour
	defaultIdle     = 15 * time.Minute
	defaultWait     = 25 * time.Second
	defaultCount    = 2000
	defaultBytes    = 256 << 20
	defaultWatch    = 5 * time.Minute
	defaultExternal = 5 * time.Minute
	defaultVerify   = time.Minute
	defaultWindow   = time.Minute
	defaultLag      = 10 * time.Second
)

// WithDefaults fills what a plan leaves out.
func (p Plan) WithDefaults() Plan {
	if p.Strategy == "" {
		p.Strategy = Drain
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&p.Deadline, defaultDeadline},
		{&p.Idle, defaultIdle},
		{&p.Hold.Wait, defaultWait},
		{&p.Watch, defaultWatch},
		{&p.Verify.Deadline, defaultVerify},
		{&p.Gates.Window, defaultWindow},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if p.Hold.Count == 0 {
		p.Hold.Count = defaultCount
	}
	if p.Hold.Bytes == 0 {
		p.Hold.Bytes = defaultBytes
	}
	if p.Strategy == Shift {
		if p.Mode == "" {
			p.Mode = routing.ModeNewSessions
		}
		if len(p.Shares) == 0 {
			p.Shares = []Share{{Percent: 10, For: 10 * time.Minute}, {Percent: 50, For: 10 * time.Minute}, {Percent: 100, For: 10 * time.Minute}}
		}
	}
	if p.External != nil && p.External.Deadline == 0 {
		external := *p.External
		external.Deadline = defaultExternal
		p.External = &external
	}
	if p.Check != nil && p.Check.MaxLag == 0 {
		check := *p.Check
		check.MaxLag = defaultLag
		p.Check = &check
	}
	return p
}

// Problem is one thing wrong with a plan.
type Problem struct{ Field, Text string }

func (p Problem) String() string { return p.Field + ": " + p.Text }

// forBrowsers are the classes that sessions use; a part of them would be on two releases.
func forBrowsers() []odoo.Class {
	return []odoo.Class{odoo.Web, odoo.Realtime, odoo.Portal, odoo.Static, odoo.Report, odoo.Health, odoo.Manager}
}

// Validate says what is wrong with a plan for a tenant with these releases, active on from.
func (p Plan) Validate(releases []string, from string) []Problem {
	var found []Problem
	add := func(field, format string, args ...any) {
		found = append(found, Problem{field, fmt.Sprintf(format, args...)})
	}
	if !slices.Contains([]Strategy{Drain, Shift, Switch, Failover}, p.Strategy) {
		add("strategy", "%q is none of drain, shift, switch, failover", p.Strategy)
	}
	switch {
	case p.To == "":
		add("to", "which release should the tenant move to? It has %q", releases)
	case !slices.Contains(releases, p.To):
		add("to", "the tenant has no release %q; it has %q", p.To, releases)
	case p.To == from:
		add("to", "the tenant is on %s already", p.To)
	}
	for _, class := range p.Scope.Classes {
		if slices.Contains(forBrowsers(), class) {
			add("scope.classes", "%s is for browsers, whose sessions cannot be on two releases: move the whole tenant, or classes of programs (rpc, or your own)", class)
		}
	}
	if !p.Scope.Same(routing.Scope{}) && p.Strategy == Drain {
		add("scope", "a part of a tenant has no sessions to drain: use shift, switch or failover")
	}
	p.validateShares(add)
	for field, d := range map[string]time.Duration{"deadline": p.Deadline, "idle": p.Idle, "watch": p.Watch, "hold.wait": p.Hold.Wait} {
		if d < 0 {
			add(field, "must not be negative")
		}
	}
	if p.Hold.Wait > 10*time.Minute {
		add("hold.wait", "nobody waits longer than 10m; use maintenance for that")
	}
	if p.NoReturn && p.External == nil {
		add("noReturn", "there is no external step that could be past returning from")
	}
	return found
}

func (p Plan) validateShares(add func(field, format string, args ...any)) {
	before := 0.0
	for i, s := range p.Shares {
		field := fmt.Sprintf("shares[%d].percent", i)
		switch {
		case s.Percent <= 0 || s.Percent > 100:
			add(field, "%g is not a share between 0 and 100", s.Percent)
		case s.Percent <= before:
			add(field, "%g does not follow %g: shares grow", s.Percent, before)
		}
		before = s.Percent
	}
	if p.Strategy != Shift && len(p.Shares) > 0 {
		add("shares", "only the strategy shift has shares")
	}
	if p.Mode != "" && !slices.Contains([]routing.Mode{routing.ModeNewSessions, routing.ModeNavigation, routing.ModeAll}, p.Mode) {
		add("mode", "%q is none of new-sessions, navigation, all", p.Mode)
	}
}
