package e2e

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// visitor is somebody with a session who is not signed in.
type visitor struct {
	*harness.User
	seen []string // the releases that served him, in turn
}

// strollers are many of them.
type strollers []*visitor

const strolling = 1000

// ask lets everybody ask once through any replica, new ones for the first time.
func (all strollers) ask(t *testing.T) {
	t.Helper()
	users := make([]*harness.User, len(all))
	for i, v := range all {
		users[i] = v.User
	}
	each(users, 12, func(i int, u *harness.User) {
		reply, err := u.Do(t.Context(), http.MethodGet, "/standin/visit", "")
		release := reply.Header.Get("X-Standin-Release")
		if err != nil || reply.Status != http.StatusOK || release == "" {
			t.Errorf("visitor %d: %d from %q, %v", i, reply.Status, release, err)
			return
		}
		if seen := all[i].seen; len(seen) == 0 || seen[len(seen)-1] != release {
			all[i].seen = append(seen, release)
		}
	})
}

// on counts those who were served by a release the last time.
func (all strollers) on(release string) int {
	count := 0
	for _, v := range all {
		if n := len(v.seen); n > 0 && v.seen[n-1] == release {
			count++
		}
	}
	return count
}

// wantShare is within what chance allows: four standard deviations.
func (all strollers) wantShare(t *testing.T, what, release string, percent float64) {
	t.Helper()
	p, n := percent/100, float64(len(all))
	got, most := float64(all.on(release))/n, 4*math.Sqrt(p*(1-p)/n)
	t.Logf("%s: %.1f %% of %d on %s, want %g +- %.1f", what, 100*got, len(all), release, percent, 100*most)
	if math.Abs(got-p) > most {
		t.Errorf("%s: %.1f %% of the sessions are on %s, want %g", what, 100*got, release, percent)
	}
}

// sessionsOfAShareDoNotFlipFlop: 10, then 20, then 50, then 20 percent of the sessions go to green,
// over three replicas. However often they ask, the share does not creep, each session moves at
// most once, and an abort takes all of them back.
func sessionsOfAShareDoNotFlipFlop(t *testing.T, s *site, tenant string) {
	newcomers := func() (all strollers) {
		for range strolling {
			all = append(all, &visitor{User: harness.NewUser(s.Wires, harness.SiteHost(tenant))})
		}
		return all
	}
	m := s.Start(t, tenant, "green", harness.Object{
		"strategy": "shift", "mode": "all", "shares": []harness.Object{{"percent": 10}, {"percent": 20}, {"percent": 50}}, "skipPreflight": true,
	})
	m.In(t, "shifting")
	all := newcomers()
	for stage, percent := range []float64{10, 20, 50} {
		if stage > 0 {
			m.Must(t, "promote")
		}
		followed(t, m, percent)
		for range 2 {
			all.ask(t)
		}
		all.wantShare(t, fmt.Sprintf("stage %d", stage+1), "green", percent)
	}
	if status, text := m.Tell(t, "promote", harness.Object{"reason": "too fast", "percent": 20}); status != http.StatusOK && status != http.StatusAccepted {
		t.Fatalf("back to 20 %%: %d %.300s", status, text)
	}
	followed(t, m, 20)
	late := newcomers()
	late.ask(t)
	late.wantShare(t, "those who come at 20 % again", "green", 20)
	all.ask(t)
	all.wantShare(t, "those who have moved stay", "green", 50)
	m.Must(t, "abort")
	m.Ended(t, "aborted")
	all.ask(t)
	late.ask(t)
	append(all, late...).wantShare(t, "after the abort", "green", 0)
	for i, v := range append(all, late...) {
		if len(v.seen) > 3 || v.seen[0] == "green" && len(v.seen) > 2 {
			t.Fatalf("visitor %d was served by %v", i, v.seen)
		}
	}
}

// followed waits until every replica knows of so many percent.
func followed(t *testing.T, m *harness.Move, percent float64) {
	t.Helper()
	for _, g := range m.Site.Running() {
		at := *m
		at.At = g
		at.Until(t, fmt.Sprintf("sends %g %%", percent), func(v harness.View) bool { return v.Percent == percent })
	}
}

// aSessionKeepsItsLot: people sign in while half of the sessions go to green. Whichever replica
// they come to next, and whatever cookies they keep, each stays where he was drawn.
func aSessionKeepsItsLot(t *testing.T, s *site, tenant string) {
	m := s.Start(t, tenant, "green", harness.Object{
		"strategy": "shift", "mode": "all", "shares": []harness.Object{{"percent": 50}}, "skipPreflight": true,
	})
	m.In(t, "shifting")
	followed(t, m, 50)
	users := make([]*harness.User, 60)
	for i := range users {
		users[i] = s.Visitor(tenant, s.All[i%3])
	}
	sides := make([]string, len(users))
	each(users, 8, func(i int, u *harness.User) {
		if err := u.SignIn(t.Context(), person(i)); err != nil {
			t.Error(err)
			return
		}
		for turn := range 6 {
			u.Via = s.All[(i/3+turn)%3].Web
			reply, err := u.Do(t.Context(), http.MethodGet, "/odoo", "")
			release := reply.Header.Get("X-Standin-Release")
			if err != nil || reply.Status != http.StatusOK || sides[i] != "" && release != sides[i] {
				t.Errorf("person %d, page %d: %d from %q after %q, %v", i, turn, reply.Status, release, sides[i], err)
			}
			sides[i] = release
		}
	})
	slices.Sort(sides)
	if both := slices.Compact(sides); len(both) != 2 {
		t.Errorf("everybody is on %v", both)
	}
	m.Must(t, "abort")
	m.Ended(t, "aborted")
}
