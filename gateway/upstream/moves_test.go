package upstream

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

// sides is a rig whose sockets belong to the release that release says.
func sides(t *testing.T, options ...option) (g *rig, openOn func(release string) wire) {
	g = realtime(t, echo, options...)
	return g, func(release string) wire {
		t.Helper()
		g.change = func(x *routing.Exchange) {
			x.Release = &routing.Release{Name: release, Pool: g.pool, Database: "acme.db"}
		}
		return g.open()
	}
}

func stays(t *testing.T, what string, c wire) {
	t.Helper()
	c.Conn.Write(frame(true, opText, []byte("x"), true))
	if m, err := next(c); err != nil || m.op != opText {
		t.Errorf("%s: got %v, %v; want it to stay", what, m, err)
	}
}

func goes(t *testing.T, what string, c wire) {
	t.Helper()
	if m, err := next(c); err != nil || m.op != opClose || m.code() != closeRestart {
		t.Errorf("%s: got %v, %v; want %d", what, m, err, closeRestart)
	}
}

func TestAMoveTakesTheSocketsOfOneRelease(t *testing.T) {
	g, openOn := sides(t)
	blue, other, green := openOn("blue"), openOn("blue"), openOn("green")
	eventually(t, "all are registered", func() bool { return g.backend(0).Sockets == 3 })
	g.MoveSockets("acme", "blue", 50*time.Millisecond)
	goes(t, "a socket of blue", blue)
	goes(t, "the other one", other)
	stays(t, "a socket of green", green)
	goes(t, "a handshake that was late", openOn("blue"))
	g.MoveSockets("beta", "green", time.Millisecond)
	stays(t, "another tenant's move", green)
	g.KeepSockets("acme", "blue")
	stays(t, "a socket of blue once the move is called off", openOn("blue"))
}

func TestAMoveThatIsCalledOffLeavesTheRest(t *testing.T) {
	g, openOn := sides(t)
	sockets := []wire{openOn("blue"), openOn("blue"), openOn("blue")}
	eventually(t, "all are registered", func() bool { return g.backend(0).Sockets == 3 })
	g.MoveSockets("acme", "blue", time.Hour)
	g.MoveSockets("acme", "blue", time.Nanosecond) // one is enough
	eventually(t, "the first of the database is told", func() bool { return g.told() == 1 || g.backend(0).Sockets == 2 })
	g.KeepSockets("acme", "blue")
	g.sockets.shutQuietly(t) // as if the hour had passed
	eventually(t, "who was told is gone", func() bool { return g.backend(0).Sockets == 2 })
	left := 0
	for _, c := range sockets {
		c.Conn.Write(frame(true, opText, []byte("x"), true))
		if m, err := next(c); err == nil && m.op == opText {
			left++
		}
	}
	if left != 2 {
		t.Errorf("%d sockets are left, want 2", left)
	}
}

func TestSocketsComeBackAtAPaceThatAllReplicasShare(t *testing.T) {
	replicas := func(n int) option { return func(c *Config, _ *routing.Pool) { c.Replicas = func() int { return n } } }
	g, openOn := sides(t, replicas(4), func(_ *Config, p *routing.Pool) { p.Realtime.Handshakes, p.Realtime.Drain = 20, 40*time.Second })
	openOn("blue")
	eventually(t, "it is registered", func() bool { return g.backend(0).Sockets == 1 })
	match := func(k *socket) bool { return k.release == "blue" }
	if at := g.pace(match, 0); at.rate != 5 || at.most != 40*time.Second || at.settle != settle {
		t.Errorf("got %+v, want a quarter of 20 a second over the pool's 40 s", at)
	}
	if at := g.pace(match, time.Second); at.most != time.Second {
		t.Errorf("got %+v, want a second at most", at)
	}
}

// A tenant's course says whose sockets go, each time it changes.
func TestSocketsFollowTheCourse(t *testing.T) {
	course := func(active string, closings ...routing.Closing) *routing.Course {
		return &routing.Course{Tenant: "acme", Legs: []routing.Leg{
			{Scope: routing.Scope{Paths: []string{"/edi/**"}}, Active: "green", Closings: []routing.Closing{{Release: "blue", To: "green", Before: 9}}},
			{Active: active, Closings: closings},
		}}
	}
	promoted := course("green", routing.Closing{Release: "blue", To: "green", Before: 3})
	g, openOn := sides(t)
	for _, step := range []struct {
		rule        string
		course      *routing.Course
		blue, green bool // stay
		late        bool // sockets of the side that stays come after: before, it was closing
	}{
		{"nothing is decided", nil, true, true, false},
		{"a drain has begun: known sessions stay", course("green"), true, true, false},
		{"promoted: the old side goes", promoted, false, true, false},
		{"the same again", promoted, false, true, false},
		{"back: the old side takes sessions again", course("blue", routing.Closing{Release: "green", To: "blue", Before: 4}), true, false, true},
		{"a split takes sessions to a side that was closed", &routing.Course{Legs: []routing.Leg{
			{Active: "blue", Closings: []routing.Closing{{Release: "green", To: "blue", Before: 4}}, Split: &routing.Split{To: "green", Share: 1000}},
		}}, true, true, true},
		{"nothing is decided any more", nil, true, true, false},
	} {
		early := map[string]wire{}
		for release, stay := range map[string]bool{"blue": step.blue, "green": step.green} {
			if !stay || !step.late {
				early[release] = openOn(release)
			}
		}
		g.FollowCourse("acme", step.course, 10*time.Millisecond)
		for release, stay := range map[string]bool{"blue": step.blue, "green": step.green} {
			c, was := early[release]
			if !was {
				c = openOn(release)
			}
			if stay {
				stays(t, step.rule+", "+release, c)
			} else {
				goes(t, step.rule+", "+release, c)
			}
			c.Conn.Close()
		}
		eventually(t, "all are gone", func() bool { return g.backend(0).Sockets == 0 })
	}
}

// visitor keeps count of its socket.
type visitor struct {
	routing.Visit
	open  chan string
	leave *func()
}

func (v visitor) Socket(leave func()) func() {
	*v.leave = leave
	v.open <- "opened"
	return func() { v.open <- "ended" }
}

// replaced counts sessions that ended.
type replaced struct {
	routing.Visit
	times int
}

func (v *replaced) Replaced() { v.times++ }

func TestTheBooksHearOfASessionThatIsReplaced(t *testing.T) {
	sid := func(letter string) string { return strings.Repeat(letter, 84) }
	cookie := func(value string) http.Header { return http.Header{"Set-Cookie": {"session_id=" + value + "; Path=/"}} }
	for rule, c := range map[string]struct {
		answer http.Header
		pin    string
		want   int
	}{
		"a sign-in":                             {cookie(sid("b")), "b1", 1},
		"a sign-out":                            {cookie(""), "b1", 1},
		"the same session again":                {cookie(sid("a")), "b1", 0},
		"a rotation: its first half stays":      {cookie(sid("a")[:42] + sid("c")[:42]), "b1", 0},
		"no cookie":                             {http.Header{}, "b1", 0},
		"a server that did not know it":         {cookie(sid("b")), "b2", 0},
		"a session that is not known to anyone": {cookie(sid("b")), "", 0},
	} {
		v := &replaced{}
		x := &routing.Exchange{SessionKey: sid("a")[:42], Pin: c.pin, Visit: v, Learn: func(routing.Taught) []string { return nil }}
		learn(c.answer, x, "b1")
		if v.times != c.want {
			t.Errorf("%s: heard %d times, want %d", rule, v.times, c.want)
		}
	}
}

func TestTheBooksHearOfEachSocket(t *testing.T) {
	g, v := realtime(t, echo), visitor{open: make(chan string, 2), leave: new(func())}
	g.change = func(x *routing.Exchange) { x.Visit = v }
	c := g.open()
	if got := <-v.open; got != "opened" {
		t.Errorf("heard %q", got)
	}
	eventually(t, "it is registered", func() bool { return g.backend(0).Sockets == 1 })
	(*v.leave)()
	goes(t, "its session lives elsewhere now", c)
	c.Conn.Close()
	if got := <-v.open; got != "ended" {
		t.Errorf("heard %q", got)
	}
}

func TestTheWaitForAWorkerIsKnown(t *testing.T) {
	busy := startBusy(t, ok)
	g := newRig(t, []string{busy.url()}, withWorkers(1))
	done := g.asks(2, "GET", "/web")
	g.waits(0, 1)
	start := time.Now()
	eventually(t, "a while", func() bool { return time.Since(start) > 30*time.Millisecond })
	busy.free()
	done()
	if x := g.last.Load(); x.Waited < 30*time.Millisecond || x.Upstream > 10*time.Second {
		t.Errorf("waited %v for a worker", x.Waited)
	}
}
