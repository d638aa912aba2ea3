package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// object is a JSON object of the admin API.
type object = map[string]any

// move is a cutover of a tenant, as an operator sees it.
type move struct {
	s          *site
	tenant, id string
	at         *harness.Gateway // the replica that is asked; nil: any that runs
}

// view is what the API says of a cutover, as far as tests look at it.
type view struct {
	ID, Tenant, From, To, Strategy string
	Phase, Waits, Blocked, Owner   string
	Paused, NoReturn, Shared       bool
	Percent                        float64
	Can                            []string
	Timeline                       []struct{ Phase, Actor, Text string }
}

func (v view) ended() bool {
	return slices.Contains([]string{"completed", "aborted", "failed"}, v.Phase)
}

func (v view) String() string {
	text := fmt.Sprintf("%s of %s from %s to %s is %s", v.Strategy, v.Tenant, v.From, v.To, v.Phase)
	for _, part := range []struct{ name, value string }{{"waits for", v.Waits}, {"blocked", v.Blocked}, {"owner", v.Owner}} {
		if part.value != "" {
			text += ", " + part.name + " " + part.value
		}
	}
	for _, e := range v.Timeline {
		text += fmt.Sprintf("\n\t%s %s: %s", e.Phase, e.Actor, e.Text)
	}
	return text
}

// api is that of any replica which runs.
func (s *site) api() *harness.API { return s.running()[rand.IntN(len(s.running()))].API() }

// running are the replicas that are neither dead nor frozen.
func (s *site) running() []*harness.Gateway {
	var all []*harness.Gateway
	for _, g := range s.all {
		if g.Running() && !s.frozen[g] {
			all = append(all, g)
		}
	}
	return all
}

// start begins a cutover. Fields of the plan come on top of what is declared.
func (s *site) start(t testing.TB, tenant, to string, plan object) *move {
	t.Helper()
	m := &move{s: s, tenant: tenant}
	m.begin(t, to, plan)
	return m
}

func (m *move) begin(t testing.TB, to string, plan object) {
	t.Helper()
	body := object{"to": to, "reason": "a test of the night"}
	for name, value := range plan {
		body[name] = value
	}
	reply, err := m.api().Write(t.Context(), http.MethodPost, "/tenants/"+m.tenant+"/cutovers", m.tenant, body)
	if err != nil {
		t.Fatalf("start a cutover of %s: %v", m.tenant, err)
	}
	var change struct{ Cutover view }
	if err := json.Unmarshal([]byte(reply.Body), &change); err != nil || reply.Status != http.StatusAccepted || change.Cutover.ID == "" {
		t.Fatalf("start a cutover of %s: %d %v %.500s", m.tenant, reply.Status, err, reply.Body)
	}
	m.id = change.Cutover.ID
}

func (m *move) api() *harness.API {
	if m.at != nil {
		return m.at.API()
	}
	return m.s.api()
}

// say sends a command and returns the status of the answer: 409 where it is not the time for it.
func (m *move) say(t testing.TB, command string) (int, string) {
	t.Helper()
	return m.tell(t, command, object{"reason": "a test of the night"})
}

func (m *move) tell(t testing.TB, command string, body object) (int, string) {
	t.Helper()
	reply, err := m.api().Write(t.Context(), http.MethodPost, "/cutovers/"+m.id+"/"+command, m.tenant, body)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if !slices.Contains([]int{http.StatusOK, http.StatusAccepted, http.StatusConflict}, reply.Status) {
		t.Fatalf("%s of %s: %d %.500s", command, m.tenant, reply.Status, reply.Body)
	}
	return reply.Status, reply.Body
}

// must sends a command until it is the time for it.
func (m *move) must(t testing.TB, command string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, command+" of "+m.tenant, func() error {
		if status, text := m.say(t, command); status == http.StatusConflict {
			return fmt.Errorf("%d %.300s; %v", status, text, m.view(t))
		}
		return nil
	})
}

// view reads the cutover.
func (m *move) view(t testing.TB) view {
	t.Helper()
	v, err := m.look(t)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (m *move) look(t testing.TB) (v view, err error) {
	return v, m.api().Get(t.Context(), "/cutovers/"+m.id, &v)
}

// until waits until the cutover is as wanted.
func (m *move) until(t testing.TB, what string, ok func(view) bool) view {
	t.Helper()
	var last view
	harness.Eventually(t, 3*harness.Patience, fmt.Sprintf("the cutover of %s %s", m.tenant, what), func() error {
		v, err := m.look(t)
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

// in waits for a phase.
func (m *move) in(t testing.TB, phase string) view {
	t.Helper()
	return m.until(t, "is "+phase, func(v view) bool { return v.Phase == phase })
}

// ended waits for the end and wants it to be this one.
func (m *move) ended(t testing.TB, phase string) view {
	t.Helper()
	v := m.until(t, "ends", view.ended)
	if v.Phase != phase {
		t.Errorf("want it to be %s: %v", phase, v)
	}
	return v
}

// push says all that an operator has to say until the cutover has ended.
func (m *move) push(t testing.TB) view {
	t.Helper()
	return m.until(t, "ends", func(v view) bool {
		switch {
		case v.ended():
			return true
		case v.Phase == "external":
			m.say(t, "confirm")
		case v.Phase == "shifting", v.Phase == "watching", v.Phase == "draining" && v.Strategy == "drain":
			m.say(t, "promote")
		}
		return false
	})
}

// settled waits until somebody new, and so everybody, is served by the release on each
// replica.
func (s *site) settled(t testing.TB, tenant, release string) {
	t.Helper()
	for i, g := range s.all {
		if !g.Running() || s.frozen[g] {
			continue
		}
		harness.Eventually(t, harness.Patience, fmt.Sprintf("replica %d sends %s to %s", i, tenant, release), func() error {
			u := harness.NewUser(s.wires, nightHost(tenant))
			u.Via = g.Web
			reply, err := u.Do(t.Context(), http.MethodGet, "/web/login", "")
			if err != nil {
				return err
			}
			if got := reply.Header.Get("X-Standin-Release"); got != release {
				return fmt.Errorf("%d from %q", reply.Status, got)
			}
			return nil
		})
	}
}

// onlyServed: after the moment nobody who is signed in was served by another release.
func onlyServed(t testing.TB, day *harness.Day, release string, after time.Time) {
	t.Helper()
	count := 0
	for _, a := range day.Acts {
		if !a.Session || a.Release == "" || a.Wrong != "" || !a.Began.After(after) {
			continue
		}
		count++
		if a.Release != release {
			t.Errorf("%s: %s was served by %s, want %s since %s", a.Who, a.What, a.Release, release, after.Format(time.StampMilli))
			return
		}
	}
	if count == 0 {
		t.Errorf("nobody asked anything after the move")
	}
}
