package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

const (
	browsers = 2000 // keep all cookies and hold a websocket
	programs = 400  // keep only Odoo's cookie
)

// TestUsersStayWithTheirServerOverThreeReplicas: three gateways share a Redis; four Odoos keep sessions to
// themselves, change the id at each login and again while it is used. Every request goes through
// any gateway. Meanwhile one server comes and another is fenced. Nobody may be sent to a
// server that does not know him.
func TestUsersStayWithTheirServerOverThreeReplicas(t *testing.T) {
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "19.0", 6, []string{"a", "b", "c"}, "-session-rotation", "3s")
	all := harness.StartReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": odoos.documents(nil),
	})
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	ctx, cancel := context.WithCancel(context.Background())
	day := &day{t: t, ctx: ctx, wires: wires, sockets: &harness.Held{}}
	defer day.sockets.Wait()
	defer cancel()

	early := day.arrive(browsers*2/3, programs*2/3)
	walk, stop := context.WithCancel(ctx)
	var walking sync.WaitGroup
	walking.Go(func() { day.crowd.roam(walk, early, 8) })
	odoos.add(t, "d", 6)
	effective(t, all, "tenants/acme.yaml", odoos.documents([]string{"a"}))
	late := day.arrive(browsers-browsers*2/3, programs-programs*2/3)
	stop()
	walking.Wait()
	everybody := append(early, late...)
	each(everybody, 8, func(_ int, u *harness.User) { day.crowd.visit(ctx, u) })

	done, bad, _ := day.crowd.report()
	t.Logf("%d users made %d visits; homes before %v, after the change %v", len(everybody), done, homes(early), homes(late))
	if homes(early)["a"] == 0 || homes(late)["a"] > 0 || homes(late)["d"] == 0 {
		t.Errorf("before %v, after %v: want users on the fenced server a before and none after, and users on the new one d", homes(early), homes(late))
	}
	odoos.judge(t, unanswered(t, all), done, bad)
	day.wantSockets(odoos)
	day.wantKeyed(redis, all)
}

// day is a day of many users.
type day struct {
	t       *testing.T
	ctx     context.Context
	wires   *harness.Wires
	crowd   crowd
	sockets *harness.Held
	held    int
}

// arrive signs in so many users, in turns of each kind. Browsers open a websocket.
func (d *day) arrive(browsers, programs int) []*harness.User {
	d.t.Helper()
	var users []*harness.User
	for i := range browsers + programs {
		u := harness.NewUser(d.wires, "acme.test")
		if i >= browsers {
			u.Keep = harness.OnlySession
		}
		users = append(users, u)
	}
	each(users, 8, func(i int, u *harness.User) {
		if u.Keep != nil {
			d.crowd.note(u.SignInByCall(d.ctx, "acme", person(i)), 0)
			return
		}
		if err := u.SignIn(d.ctx, person(i)); err != nil {
			d.crowd.note(err, 0)
			return
		}
		if err := d.sockets.Open(d.ctx, u, harness.EchoSocket("19.0")); err != nil {
			d.crowd.note(fmt.Errorf("websocket: %w", err), 0)
		}
	})
	d.held += browsers
	return users
}

// wantSockets pushes to the user's own channel, which a socket that is anonymous lacks.
func (d *day) wantSockets(odoos *farm) {
	d.t.Helper()
	for i := range persons {
		odoos.push(d.t, channel(i), "for your eyes")
	}
	_ = harness.Poll(harness.Patience, func() error {
		if got := d.sockets.Heard("for your eyes"); got != d.held {
			return fmt.Errorf("%d heard it", got)
		}
		return nil
	})
	if open, ended := d.sockets.Now(); open != d.held || len(ended) > 0 || d.sockets.Heard("for your eyes") != d.held {
		d.t.Errorf("%d of %d sockets are open, %d heard a message for their user, ended: %v",
			open, d.held, d.sockets.Heard("for your eyes"), ended)
	}
}

// wantKeyed: the store holds a pin for each login and no session id.
func (d *day) wantKeyed(redis *harness.Redis, all harness.Replicas) {
	d.t.Helper()
	pins := redis.Keys(d.t, "sluice:v1:pin:acme:*")
	if late := unanswered(d.t, all); len(pins)+int(late) < browsers+programs {
		d.t.Errorf("%d pins for %d logins, and %v calls without an answer", len(pins), browsers+programs, late)
	}
	if stays := redis.Do(d.t, "EVAL", stayingKeys, 0).([]any); len(stays) > 0 {
		d.t.Errorf("these never expire: %v", stays)
	}
}

// stayingKeys lists keys without an end.
const stayingKeys = `local stays = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
	if redis.call('PTTL', key) < 0 then stays[#stays + 1] = key end
end
return stays`

// homes counts users by their server.
func homes(users []*harness.User) map[string]int {
	count := map[string]int{}
	for _, u := range users {
		count[u.Home]++
	}
	return count
}

// TestTheNextRequestFindsItsPinOnAnotherReplica: somebody who signs in through one replica asks the next one
// at once, with nothing but Odoo's new cookie.
func TestTheNextRequestFindsItsPinOnAnotherReplica(t *testing.T) {
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", 4, []string{"a", "b", "c"})
	all := harness.StartReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": odoos.documents(nil),
	})
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	var longest time.Duration
	var seen crowd
	const logins = 200
	for i := range logins {
		u := harness.NewUser(wires, "acme.test")
		u.Keep = harness.OnlySession
		u.Via = all[i%3].Web
		if err := u.SignInByCall(t.Context(), "acme", person(i)); err != nil {
			t.Fatal(err)
		}
		signedIn := time.Now()
		u.Via = all[(i+1)%3].Web
		longest = max(longest, time.Since(signedIn))
		seen.visit(t.Context(), u)
	}
	t.Logf("%d logins; the next request was sent %v after the login's answer at the latest", logins, longest)
	done, bad, _ := seen.report()
	odoos.judge(t, unanswered(t, all), done, bad)
}
