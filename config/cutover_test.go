package config

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
	"sluicegate.dev/sluice/routing/odoo"
)

const movable = `
apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: p}
spec: {odoo: {version: "18.0"}, backends: [{name: b1, http: "http://127.0.0.1:8069"}]}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Calendar
metadata: {name: fiscal}
spec:
  timeZone: Europe/Brussels
  windows: [{days: [mon, tue, wed, thu], from: "22:00", to: "05:00"}]
  freezes:
    - {name: stock count, every: year, from: 12-30, to: 01-02}
    - {name: financial close, every: month, days: [-1, 1, 2]}
    - {name: fair, from: 2026-09-01T18:00, to: 2026-09-03}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Plan
metadata: {name: standard}
spec:
  cutover:
    strategy: shift
    shares: [{percent: 10, for: 15m}, {percent: 100}]
    gates: {requests: 100, failures: 2, rollback: false}
    failover: {automatic: true, after: 1m, check: {url: "https://dr.example/writable", maxLag: 5s}}
    preflight: {login: audit, keyFile: audit.key}
    calendar: fiscal
---
apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: own}
spec:
  hosts: [own.example]
  pool: p
  database: own
  plan: standard
  standby: {pool: p}
  cutover:
    strategy: switch
    deadline: 2h
    idle: 10m
    mode: navigation
    hold: {wait: 20s, count: 500, bytes: 64MiB, classes: [web, rpc]}
    gates: {failures: 1, window: 5m, latency: 1.5, moreThan: 0.5}
    external: {webhook: "https://deploy.example/upgrade", deadline: 30m, noReturn: true}
    verify: {paths: [/web/login], deadline: 1m}
    failover: {automatic: false}
    watch: 15m
    webhooks: ["https://chat.example/hook"]
---
apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: planned}
spec: {hosts: [planned.example], pool: p, database: planned, plan: standard}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: plain}
spec: {hosts: [plain.example], pool: p, database: plain}
`

// withKey reads documents with the API key that the plan names.
func withKey(text string) Document {
	var doc Document
	for _, r := range Parse("a.yaml", text) {
		if len(r.Paths()) > 0 {
			r = r.With(map[string][]byte{"audit.key": []byte(" k3y\n")})
		}
		doc.Resources = append(doc.Resources, r)
	}
	return doc
}

func compileMovable(t *testing.T) *Snapshot {
	t.Helper()
	s := Compile(withKey(movable), nil, Options{Now: time.Now()})
	if s.Problems.Failed() {
		t.Fatal(s.Problems)
	}
	return s
}

func TestHowATenantMoves(t *testing.T) {
	check := &cutover.Check{URL: "https://dr.example/writable", MaxLag: 5 * time.Second, Wait: 2 * time.Minute}
	want := map[string]cutover.Plan{
		"own": {
			Strategy: cutover.Switch, Deadline: 2 * time.Hour, Idle: 10 * time.Minute,
			Hold:     routing.Hold{Wait: 20 * time.Second, Count: 500, Bytes: 64 << 20, Classes: []odoo.Class{odoo.Web, odoo.RPC}},
			Gates:    cutover.Gates{Requests: 100, Failures: 1, MoreThan: 0.5, Latency: 1.5, Window: 5 * time.Minute},
			External: &cutover.External{Webhook: "https://deploy.example/upgrade", Deadline: 30 * time.Minute}, NoReturn: true,
			Verify: cutover.Verify{Paths: []string{"/web/login"}, Deadline: time.Minute}, Watch: 15 * time.Minute,
			Check: check, Webhooks: []string{"https://chat.example/hook"},
		},
		"planned": {
			Strategy: cutover.Shift, Shares: []cutover.Share{{Percent: 10, For: 15 * time.Minute}, {Percent: 100}},
			Gates: cutover.Gates{Requests: 100, Failures: 2}, Check: check,
		},
		"plain":  {Strategy: cutover.Drain, Gates: cutover.Gates{Rollback: true}},
		"nobody": {},
	}
	s := compileMovable(t)
	for tenant, plan := range want {
		if got := s.CutoverOf(tenant); !reflect.DeepEqual(got, plan) {
			t.Errorf("%s:\n%+v, want\n%+v", tenant, got, plan)
		}
	}
	shift := s.CutoverAs("own", cutover.Shift) // the shares are the plan's
	if len(shift.Shares) != 2 || shift.Mode != routing.ModeNavigation || shift.External != nil || shift.NoReturn {
		t.Errorf("own, asked to shift: %+v", shift)
	}
	failovers := map[string]Failover{
		"own":     {Declared: true, After: time.Minute, Check: check},
		"planned": {Automatic: true, After: time.Minute, Check: check}, // it has no standby
		"plain":   {},
	}
	for tenant, want := range failovers {
		if got := s.FailoverOf(tenant); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", tenant, got, want)
		}
	}
	if got, want := s.PreflightOf("own"), (Preflight{Login: "audit", Key: "k3y"}); got != want {
		t.Errorf("preflight: %+v, want %+v", got, want)
	}
}

func TestAStandbyIsARelease(t *testing.T) {
	own := compileMovable(t).Tenants["own"]
	standby := own.Releases["standby"]
	if standby == nil || standby.Name != "standby" || standby.Pool.Name != "p" || standby.Database != "own" {
		t.Errorf("standby: %+v", standby)
	}
	if own.Active.Name != "blue" {
		t.Errorf("active is %s", own.Active.Name)
	}
}

func TestCalendarOfATenant(t *testing.T) {
	s := compileMovable(t)
	cases := map[string]bool{ // whether a move may begin
		"2026-11-23T22:00:00+01:00": true,  // a Monday
		"2026-11-24T05:00:00+01:00": false, // the window is over
		"2026-11-30T23:00:00+01:00": false, // the last of a month
		"2026-12-01T23:00:00+01:00": false,
		"2026-12-03T00:00:00+01:00": true,
		"2026-12-29T23:59:00+01:00": true,
		"2026-12-30T00:00:00+01:00": false,
		"2029-01-02T23:59:00+01:00": false,
		"2026-09-03T23:59:00+02:00": false, // the last day of a freeze counts
		"2026-09-04T00:00:00+02:00": true,
	}
	for text, allowed := range cases {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, tenant := range []string{"own", "planned"} { // by the plan
			if ok, why, _ := s.CalendarOf(tenant).Allowed(at); ok != allowed {
				t.Errorf("%s at %s: %v %s", tenant, text, ok, why)
			}
		}
	}
	if s.CalendarOf("plain") != nil || s.CalendarOf("nobody") != nil {
		t.Error("a tenant without a calendar has one")
	}
	if len(s.Calendars()) != 1 || s.Calendars()["fiscal"] != s.CalendarOf("own") {
		t.Errorf("calendars: %v", s.Calendars())
	}
}

// A tenant never loses its freezes because a document was broken or went: it keeps the
// calendar that it was built on, over restarts too.
func TestACalendarIsKept(t *testing.T) {
	first := compileMovable(t)
	without := Document{Resources: withKey(movable).Resources[:1]}
	for _, r := range withKey(movable).Resources {
		if r.Kind != KindCalendar && r.Kind != KindPool {
			without.Resources = append(without.Resources, r)
		}
	}
	gone := Compile(without, first, Options{Now: time.Now()})
	if gone.State("own") != StateStale || gone.CalendarOf("own") != first.CalendarOf("own") {
		t.Errorf("state %s, calendar %v", gone.State("own"), gone.CalendarOf("own"))
	}
	var saved bytes.Buffer
	if err := gone.Save(&saved); err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(saved.Bytes(), Options{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"own", "planned"} {
		kept := restored.CalendarOf(tenant)
		if kept == nil || kept.Digest != first.CalendarOf(tenant).Digest {
			t.Errorf("%s: restored with %v", tenant, kept)
		}
		if got := restored.CutoverOf(tenant); !reflect.DeepEqual(got, first.CutoverOf(tenant)) {
			t.Errorf("%s: restored %+v", tenant, got)
		}
	}
	back := Compile(withKey(movable), restored, Options{Now: time.Now()})
	if back.State("own") != StateCurrent || back.Revision != first.Revision {
		t.Errorf("state %s, revision %s, want %s", back.State("own"), back.Revision, first.Revision)
	}
}

func TestACalendarThatChangesReachesItsTenants(t *testing.T) {
	first := compileMovable(t)
	changed := Compile(withKey(string(bytes.Replace([]byte(movable), []byte(`"22:00"`), []byte(`"21:00"`), 1))), first, Options{Now: time.Now()})
	at := time.Date(2026, 11, 23, 20, 30, 0, 0, time.UTC)
	if ok, why, _ := changed.CalendarOf("own").Allowed(at); !ok {
		t.Error(why)
	}
	if changed.Revision == first.Revision {
		t.Error("replicas with different calendars say the same revision")
	}
	if changed.Tenants["own"] != first.Tenants["own"] {
		t.Error("the tenant was replaced, and requests with it")
	}
}

// movedTo is the sample with another active release of tenant own.
func movedTo(active string) Document {
	return withKey(strings.Replace(movable, "  standby: {pool: p}\n", "  standby: {pool: p}\n  active: "+active+"\n", 1))
}

// What Git says moves people as much as a command does: the calendar binds both.
func TestADeclaredMoveWaitsForTheCalendar(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) // a Monday
	night := time.Date(2026, 11, 23, 21, 0, 0, 0, time.UTC)
	first := Compile(movedTo("blue"), nil, Options{Now: noon})
	waits := Compile(movedTo("standby"), first, Options{Now: noon})
	if got := waits.Tenants["own"].Active.Name; got != "blue" {
		t.Fatalf("at noon own is at %s", got)
	}
	if !waits.Due.Equal(night) {
		t.Errorf("looks again at %v, want %v", waits.Due, night)
	}
	if text := waits.Problems.String(); waits.Problems.Failed() || !strings.Contains(text, "spec.active: own stays at blue; calendar fiscal: moves may begin") ||
		!strings.Contains(text, "it follows at Mon 23 Nov 2026 22:00 CET; to move now: sluice cutover start own --to standby --override-calendar") {
		t.Errorf("problems: %s", text)
	}
	var saved bytes.Buffer
	if err := waits.Save(&saved); err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(saved.Bytes(), Options{Now: noon})
	if err != nil || restored.Tenants["own"].Active.Name != "blue" {
		t.Fatalf("after a restart: %v", err)
	}
	for name, before := range map[string]*Snapshot{"running": waits, "restarted": restored} {
		still := Compile(movedTo("standby"), before, Options{Now: night.Add(-time.Second)})
		if got := still.Tenants["own"].Active.Name; got != "blue" {
			t.Errorf("%s: a second before the window own is at %s", name, got)
		}
		moved := Compile(movedTo("standby"), still, Options{Now: night})
		if got := moved.Tenants["own"].Active.Name; got != "standby" || len(moved.Problems) > 0 {
			t.Errorf("%s: in the window own is at %s: %s", name, got, moved.Problems)
		}
		if moved.Revision == still.Revision {
			t.Errorf("%s: the move does not show in the revision", name)
		}
	}
	// Git that catches up with a cutover or a failover moves nobody.
	follows := Compile(movedTo("standby"), first, Options{Now: noon, Moved: func(string) string { return "standby" }})
	if got := follows.Tenants["own"].Active.Name; got != "standby" {
		t.Errorf("where it was moved to already: own is at %s", got)
	}
}

// A document that drops the release where people are cannot be served in a freeze.
func TestADeclaredMoveThatCannotWait(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	sides := func(text string) Document {
		return withKey(strings.Replace(movable, "  pool: p\n  database: own\n", "  database: own\n"+text, 1))
	}
	first := Compile(sides("  releases: {blue: {pool: p}, green: {pool: p}}\n  active: blue\n"), nil, Options{Now: noon})
	next := Compile(sides("  releases: {green: {pool: p}}\n"), first, Options{Now: noon})
	if next.State("own") != StateStale || next.Tenants["own"].Active.Name != "blue" || next.Due.IsZero() {
		t.Errorf("state %s at %s, due %v", next.State("own"), next.Tenants["own"].Active.Name, next.Due)
	}
	if text := next.Problems.String(); !strings.Contains(text, "keep release blue in the document until then") {
		t.Errorf("problems: %s", text)
	}
}

// A cutover that moves a tenant to where its document waits to have it ends the wait.
func TestADeclaredMoveIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins at midnight of a Saturday: outside the windows
		at := "blue"
		live := NewLive(LiveConfig{Moved: func(string) string { return at }})
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- live.Run(ctx) }()
		live.Apply(movedTo("blue"))
		live.Apply(movedTo("standby"))
		live.Follow("own") // something else was decided
		synctest.Wait()
		if got := live.Load().Tenants["own"].Active.Name; got != "blue" {
			t.Errorf("own is at %s in a time without windows", got)
		}
		at = "standby"
		live.Follow("own")
		synctest.Wait()
		if now := live.Load(); now.Tenants["own"].Active.Name != "standby" || len(now.Problems) > 0 {
			t.Errorf("own is at %s: %s", now.Tenants["own"].Active.Name, now.Problems)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
