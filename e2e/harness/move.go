package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// Object is a JSON object of the admin API.
type Object = map[string]any

// reason is what tests say when they are asked why.
const reason = "a test of the night"

// Move is a cutover of a tenant, as an operator sees it.
type Move struct {
	Site       *Site
	Tenant, ID string
	At         *Gateway // the replica that is asked; nil: any that runs
}

// View is what the API says of a cutover, as far as tests look at it.
type View struct {
	ID, Tenant, From, To, Strategy string
	Phase, Waits, Blocked, Owner   string
	Paused, NoReturn, Shared       bool
	Percent                        float64
	Can                            []string
	Timeline                       []struct {
		At                 time.Time
		Phase, Actor, Text string
	}
}

func (v View) Ended() bool {
	return slices.Contains([]string{"completed", "aborted", "failed"}, v.Phase)
}

func (v View) String() string {
	text := fmt.Sprintf("%s of %s from %s to %s is %s", v.Strategy, v.Tenant, v.From, v.To, v.Phase)
	for _, part := range []struct{ name, value string }{{"waits for", v.Waits}, {"blocked", v.Blocked}, {"owner", v.Owner}} {
		if part.value != "" {
			text += ", " + part.name + " " + part.value
		}
	}
	for _, e := range v.Timeline {
		text += fmt.Sprintf("\n\t%s %s %s: %s", e.At.Format("15:04:05.000"), e.Phase, e.Actor, e.Text)
	}
	return text
}

// Start begins a cutover. Fields of the plan come on top of what is declared.
func (s *Site) Start(t testing.TB, tenant, to string, plan Object) *Move {
	t.Helper()
	m := &Move{Site: s, Tenant: tenant}
	m.begin(t, to, plan)
	return m
}

func (m *Move) begin(t testing.TB, to string, plan Object) {
	t.Helper()
	body := Object{"to": to, "reason": reason}
	for name, value := range plan {
		body[name] = value
	}
	reply, err := m.api().Write(t.Context(), http.MethodPost, "/tenants/"+m.Tenant+"/cutovers", m.Tenant, body)
	if err != nil {
		t.Fatalf("start a cutover of %s: %v", m.Tenant, err)
	}
	var change struct{ Cutover View }
	if err := json.Unmarshal([]byte(reply.Body), &change); err != nil || reply.Status != http.StatusAccepted || change.Cutover.ID == "" {
		t.Fatalf("start a cutover of %s: %d %v %.500s", m.Tenant, reply.Status, err, reply.Body)
	}
	m.ID = change.Cutover.ID
}

func (m *Move) api() *API {
	if m.At != nil {
		return m.At.API()
	}
	return m.Site.API()
}

// Say sends a command and returns the status of the answer: 409 where it is not the time for it.
func (m *Move) Say(t testing.TB, command string) (int, string) {
	t.Helper()
	return m.Tell(t, command, Object{"reason": reason})
}

func (m *Move) Tell(t testing.TB, command string, body Object) (int, string) {
	t.Helper()
	reply, err := m.api().Write(t.Context(), http.MethodPost, "/cutovers/"+m.ID+"/"+command, m.Tenant, body)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if !slices.Contains([]int{http.StatusOK, http.StatusAccepted, http.StatusConflict}, reply.Status) {
		t.Fatalf("%s of %s: %d %.500s", command, m.Tenant, reply.Status, reply.Body)
	}
	return reply.Status, reply.Body
}

// Must sends a command until it is the time for it.
func (m *Move) Must(t testing.TB, command string) {
	t.Helper()
	Eventually(t, Patience, command+" of "+m.Tenant, func() error {
		if status, text := m.Say(t, command); status == http.StatusConflict {
			return fmt.Errorf("%d %.300s; %v", status, text, m.View(t))
		}
		return nil
	})
}

// View reads the cutover.
func (m *Move) View(t testing.TB) View {
	t.Helper()
	v, err := m.Look(t)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (m *Move) Look(t testing.TB) (v View, err error) {
	return v, m.api().Get(t.Context(), "/cutovers/"+m.ID, &v)
}

// Until waits until the cutover is as wanted.
func (m *Move) Until(t testing.TB, what string, ok func(View) bool) View {
	t.Helper()
	var last View
	Eventually(t, 3*Patience, fmt.Sprintf("the cutover of %s %s", m.Tenant, what), func() error {
		v, err := m.Look(t)
		if err != nil {
			return err
		}
		if last = v; !ok(v) {
			return fmt.Errorf("%v", v)
		}
		return nil
	})
	return last
}

// In waits for a phase.
func (m *Move) In(t testing.TB, phase string) View {
	t.Helper()
	return m.Until(t, "is "+phase, func(v View) bool { return v.Phase == phase })
}

// over says whether every replica says that it has ended, and how. One alone may not have heard
// of a decision that another has taken while the store was away.
func (m *Move) over(t testing.TB, v View) bool {
	t.Helper()
	for _, g := range m.Site.Running() {
		at := *m
		at.At = g
		if other, err := at.Look(t); err != nil || !other.Ended() || other.Phase != v.Phase || !other.Shared {
			return false
		}
	}
	return v.Ended()
}

// Over waits for the end.
func (m *Move) Over(t testing.TB) View {
	t.Helper()
	return m.Until(t, "ends", func(v View) bool { return m.over(t, v) })
}

// Ended waits for the end and wants it to be this one.
func (m *Move) Ended(t testing.TB, phase string) View {
	t.Helper()
	v := m.Over(t)
	if v.Phase != phase {
		t.Errorf("want it to be %s: %v", phase, v)
	}
	return v
}

// Push says all that an operator has to say until the cutover has ended.
func (m *Move) Push(t testing.TB) View {
	t.Helper()
	return m.Until(t, "ends", func(v View) bool {
		switch {
		case v.Ended():
			return m.over(t, v)
		case v.Phase == "external":
			m.Say(t, "confirm")
		case v.Phase == "shifting", v.Phase == "watching", v.Phase == "draining" && v.Strategy == "drain":
			m.Say(t, "promote")
		}
		return false
	})
}
