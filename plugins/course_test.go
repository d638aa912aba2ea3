package plugins

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// in is the pin as of a cutover's step.
func in(epoch uint32, pin routing.Pin) routing.Pin {
	pin.Epoch |= uint64(epoch) << 32
	return pin
}

func lot(lot uint32, pin routing.Pin) routing.Pin {
	pin.Lot = lot
	return pin
}

// course is one with a single leg.
func course(epoch uint32, leg routing.Leg) *routing.Course {
	if leg.Active == "" {
		leg.Active = "blue"
	}
	return &routing.Course{Tenant: "acme", Epoch: epoch, Legs: []routing.Leg{leg}}
}

func share(percent float64, mode routing.Mode) *routing.Split {
	return &routing.Split{To: "green", Share: uint32(percent * 1000), Seed: "seed", Mode: mode}
}

// quiet is a visit of a session of which nothing else is on the way, or something.
type quiet struct {
	routing.Visit
	is bool
}

func (quiet) At(string, bool) {}
func (q quiet) Quiet() bool   { return q.is }

func moving(c *routing.Course, kept records) func(*Deps) {
	return func(d *Deps) {
		twoSides(nil)(d)
		d.Courses = func(string) *routing.Course { return c }
		if kept != nil {
			d.Records = kept
		}
	}
}

func TestACourseLeadsSessions(t *testing.T) {
	const session = "session_id=" + someSession
	key := someSession[:42]
	closing := course(7, routing.Leg{Active: "green", Closings: []routing.Closing{{Release: "blue", To: "green", Before: 7}}})
	at := func(pin routing.Pin) string { return session + "; " + cookieOf("acme", pin) }
	document := []string{"Sec-Fetch-Dest", "document"}
	for rule, c := range map[string]struct {
		course  *routing.Course
		cookie  string
		records records
		header  []string
		visit   routing.Visit
		method  string
		release string
		pin     string // server that the session is led to
	}{
		"a session of a closed side goes to the other":             {course: closing, cookie: at(blue("b1", 0)), release: "green"},
		"by its record, too":                                       {course: closing, cookie: session, records: records{"acme " + key: blue("b1", 3)}, release: "green"},
		"one that was pinned there on purpose, later, stays":       {course: closing, cookie: at(in(7, blue("b1", 0))), release: "blue", pin: "b1"},
		"one that is on the other side stays":                      {course: closing, cookie: at(green("g1", 0)), release: "green", pin: "g1"},
		"one that nobody knows begins on the active side":          {course: closing, cookie: session, release: "green"},
		"so does a visitor":                                        {course: closing, release: "green"},
		"an old cookie loses against the record of the move":       {course: course(7, routing.Leg{}), cookie: at(blue("b1", 3)), records: records{"acme " + key: in(7, green("g1", 0))}, release: "green", pin: "g1"},
		"a record from a restored store loses against the cookie":  {course: course(7, routing.Leg{}), cookie: at(in(7, green("g1", 0))), records: records{"acme " + key: blue("b1", 9)}, release: "green", pin: "g1"},
		"both from before the cutover: they go where all go":       {course: closing, cookie: at(blue("b1", 1)), records: records{"acme " + key: blue("b2", 2)}, release: "green"},
		"a side that is not declared takes nobody":                 {course: course(7, routing.Leg{Active: "gray"}), cookie: session, release: "blue"},
		"a drain leaves those who are there":                       {course: course(7, routing.Leg{Active: "green"}), cookie: at(blue("b1", 0)), release: "blue", pin: "b1"},
		"a split takes new sessions":                               {course: course(7, routing.Leg{Split: share(100, routing.ModeNewSessions)}), cookie: session, release: "green"},
		"not those who are there":                                  {course: course(7, routing.Leg{Split: share(100, routing.ModeNewSessions)}), cookie: at(blue("b1", 0)), header: document, visit: quiet{is: true}, release: "blue", pin: "b1"},
		"a split of nothing takes nobody":                          {course: course(7, routing.Leg{Split: share(0, routing.ModeAll)}), cookie: session, release: "blue"},
		"with navigation, a page that is loaded moves its session": {course: course(7, routing.Leg{Split: share(100, routing.ModeNavigation)}), cookie: at(blue("b1", 0)), header: document, visit: quiet{is: true}, release: "green"},
		"an older browser only accepts HTML":                       {course: course(7, routing.Leg{Split: share(100, routing.ModeNavigation)}), cookie: at(blue("b1", 0)), header: []string{"Accept", "text/html,*/*"}, visit: quiet{is: true}, release: "green"},
		"not while something else of it is on the way":             {course: course(7, routing.Leg{Split: share(100, routing.ModeNavigation)}), cookie: at(blue("b1", 0)), header: document, visit: quiet{is: false}, release: "blue", pin: "b1"},
		"nor where nobody keeps books of that":                     {course: course(7, routing.Leg{Split: share(100, routing.ModeNavigation)}), cookie: at(blue("b1", 0)), header: document, release: "blue", pin: "b1"},
		"a script does not move it":                                {course: course(7, routing.Leg{Split: share(100, routing.ModeNavigation)}), cookie: at(blue("b1", 0)), header: []string{"Sec-Fetch-Dest", "empty", "Accept", "text/html"}, visit: quiet{is: true}, release: "blue", pin: "b1"},
		"nor does a frame":                                         {course: course(7, routing.Leg{Split: share(100, routing.ModeNavigation)}), cookie: at(blue("b1", 0)), header: []string{"Sec-Fetch-Dest", "iframe", "Accept", "text/html"}, visit: quiet{is: true}, release: "blue", pin: "b1"},
		"nor a script of an older browser":                         {course: course(7, routing.Leg{Split: share(100, routing.ModeNavigation)}), cookie: at(blue("b1", 0)), header: []string{"X-Requested-With", "XMLHttpRequest", "Accept", "text/html"}, visit: quiet{is: true}, release: "blue", pin: "b1"},
		"nor a form that is sent":                                  {course: course(7, routing.Leg{Split: share(100, routing.ModeNavigation)}), method: "POST", cookie: at(blue("b1", 0)), header: document, visit: quiet{is: true}, release: "blue", pin: "b1"},
		"with all, any request moves it":                           {course: course(7, routing.Leg{Split: share(100, routing.ModeAll)}), method: "POST", cookie: at(blue("b1", 0)), release: "green"},
		"none comes back because the share shrinks":                {course: course(7, routing.Leg{Split: share(0, routing.ModeAll)}), cookie: at(in(6, green("g1", 0))), release: "green", pin: "g1"},
	} {
		t.Run(rule, func(t *testing.T) {
			p, reached := newPath(t, moving(c.course, c.records))
			if c.method == "" {
				c.method = http.MethodGet
			}
			r := request(c.method, "acme.test", "/web", "", append(c.header, "Cookie", c.cookie)...)
			admitted, ok := p.Admit(nil, r, "web")
			if !ok {
				t.Fatal("not admitted")
			}
			routing.FromContext(admitted.Context()).Visit = c.visit
			p.ServeHTTP(discard{}, admitted)
			got := reached()
			if got == nil {
				t.Fatal("it did not arrive")
			}
			if got.x.Release.Name != c.release || got.x.Pin != c.pin {
				t.Errorf("got release %s, server %q; want %s, %q", got.x.Release.Name, got.x.Pin, c.release, c.pin)
			}
		})
	}
}

// discard is a client that does not read.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// A move is written down when the other side has answered: as of the cutover's step, so that
// whatever was written before it loses, and with the lot that the session has.
func TestAMoveIsPinnedAsOfItsStep(t *testing.T) {
	key := someSession[:42]
	own := "session_id=" + someSession
	closing := routing.Leg{Active: "green", Closings: []routing.Closing{{Release: "blue", To: "green", Before: 7}}}
	half := routing.Leg{Split: share(50, routing.ModeAll)}
	stays, goes := lotAt(func(place uint32) bool { return place >= 50_000 }), lotAt(func(place uint32) bool { return place < 50_000 })
	rotated := routing.Taught{Backend: "g1", Set: true, Session: otherSession}
	for rule, c := range map[string]struct {
		leg     routing.Leg
		cookie  string
		records records
		taught  routing.Taught
		want    routing.Pin // in the cookie; none when zero
		kept    map[string]routing.Pin
	}{
		"a session of the closed side": {
			leg: closing, cookie: own + "; " + cookieOf("acme", lot(5, blue("b1", 3))), taught: routing.Taught{Backend: "g1"},
			want: in(7, lot(5, green("g1", 0))), kept: map[string]routing.Pin{key: in(7, lot(5, green("g1", 0)))},
		},
		"one whose record was newer than its cookie": {
			leg: closing, cookie: own + "; " + cookieOf("acme", blue("b1", 3)), records: records{"acme " + key: in(6, blue("b2", 1))}, taught: routing.Taught{Backend: "g1"},
			want: in(7, green("g1", 0)), kept: map[string]routing.Pin{key: in(7, green("g1", 0))},
		},
		"the first answer of a new session": {
			leg: closing, cookie: own, taught: routing.Taught{Backend: "g1"},
			want: in(7, green("g1", 0)), kept: map[string]routing.Pin{},
		},
		"a sign-in on the way over": {
			leg: closing, cookie: own + "; " + cookieOf("acme", lot(5, blue("b1", 3))), taught: rotated,
			want: in(7, lot(5, green("g1", 0))), kept: map[string]routing.Pin{otherSession: in(7, lot(5, green("g1", 0)))},
		},
		"an answer that others may see moves nothing yet": {
			leg: closing, cookie: own + "; " + cookieOf("acme", blue("b1", 3)), taught: routing.Taught{Backend: "g1", Public: true}, kept: map[string]routing.Pin{},
		},
		"a lot that a split takes": {
			leg: half, cookie: own + "; " + cookieOf("acme", lot(goes, blue("b1", 3))), taught: routing.Taught{Backend: "g1"},
			want: in(7, lot(goes, green("g1", 0))), kept: map[string]routing.Pin{key: in(7, lot(goes, green("g1", 0)))},
		},
		"one that it leaves, with a sign-in: the lot does not change": {
			leg: half, cookie: own + "; " + cookieOf("acme", lot(stays, blue("b1", 3))), taught: rotated,
			want: in(7, lot(stays, blue("g1", 0))), kept: map[string]routing.Pin{otherSession: in(7, lot(stays, blue("g1", 0)))},
		},
		"a lot is kept over a sign-in when nothing is split": {
			leg: routing.Leg{}, cookie: own + "; " + cookieOf("acme", lot(stays, blue("b1", 0))), taught: rotated,
			want: in(7, lot(stays, blue("g1", 0))), kept: map[string]routing.Pin{otherSession: in(7, lot(stays, blue("g1", 0)))},
		},
		"one that drew none keeps that of its first key": {
			leg: routing.Leg{Split: share(100, routing.ModeAll)}, cookie: own + "; " + cookieOf("acme", blue("b1", 0)), taught: rotated,
			want: in(7, lot(routing.LotOf(key), green("g1", 0))), kept: map[string]routing.Pin{otherSession: in(7, lot(routing.LotOf(key), green("g1", 0)))},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			kept := records{}
			for k, v := range c.records {
				kept[k] = v
			}
			p, reached := newPath(t, moving(course(7, c.leg), kept))
			do(p, request("GET", "acme.test", "/web", "", "Cookie", c.cookie))
			got := reached()
			if got == nil || got.x.Learn == nil {
				t.Fatal("nothing is learnt")
			}
			if pin := pinIn(t, got.x.Learn(c.taught)); pin != c.want {
				t.Errorf("the cookie says %+v, want %+v", pin, c.want)
			}
			for session, pin := range c.kept {
				if kept["acme "+session] != pin {
					t.Errorf("records %+v, want %+v", kept, c.kept)
				}
			}
			if len(kept) != len(c.kept) {
				t.Errorf("records %+v, want %+v", kept, c.kept)
			}
		})
	}
}

// lotAt is a lot whose place in the row of "seed" is right.
func lotAt(right func(place uint32) bool) uint32 {
	for n := uint32(1); ; n++ {
		if right(routing.Place("seed", n)) {
			return n
		}
	}
}

// Part of the tenant moves alone: its requests go by who sends them, and sessions that they
// happen to carry are left where they live.
func TestAPartThatMovesAloneLeavesPinsAlone(t *testing.T) {
	kept := records{"acme " + someSession[:42]: blue("b1", 2)}
	parts := &routing.Course{Tenant: "acme", Epoch: 7, Legs: []routing.Leg{
		{Scope: routing.Scope{Classes: []odoo.Class{odoo.RPC}, Paths: []string{"/json/2/**"}}, Active: "blue", Split: share(50, routing.ModeAll)},
		{Active: "blue", Closings: []routing.Closing{{Release: "green", To: "blue", Before: 7}}},
	}}
	p, reached := newPath(t, moving(parts, kept))
	sent := map[string]int{}
	ask := func(header ...string) string {
		header = append(header, "Cookie", "session_id="+someSession+"; "+cookieOf("acme", blue("b1", 2)))
		r := request("POST", "acme.test", "/json/2/res.partner/read", "{}", header...)
		r.RemoteAddr = "10.0.0.1:1" // a proxy that is trusted
		do(p, r)
		got := reached()
		if got.x.Pin != "" || got.x.Learn != nil {
			t.Fatalf("its pin is read (%q) or written", got.x.Pin)
		}
		return got.x.Release.Name
	}
	const clients = 400
	for i := range clients {
		who := []string{"Authorization", fmt.Sprint("bearer ", i)}
		if i%2 == 0 {
			who = []string{"X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", i/200, i%200)}
		}
		first := ask(who...)
		sent[first]++
		for range 3 {
			if again := ask(who...); again != first {
				t.Fatalf("client %d goes to %s, then to %s", i, first, again)
			}
		}
	}
	if n := sent["green"]; n < clients*4/10 || n > clients*6/10 {
		t.Errorf("%d of %d clients go to green, want half", n, clients)
	}
	if len(kept) != 1 || kept["acme "+someSession[:42]] != blue("b1", 2) {
		t.Errorf("records %+v", kept)
	}
}

// browser keeps cookies as people's do.
type browser struct {
	session string
	pin     string
}

// Sessions through the path while a share grows, shrinks and is given up: each moves at most
// once, signs in on the way, and is home in the end.
func TestSharesMoveEachSessionOnceAndBack(t *testing.T) {
	const people = 1000
	steps := []*routing.Course{
		course(1, routing.Leg{Split: share(10, routing.ModeAll)}),
		course(2, routing.Leg{Split: share(20, routing.ModeAll)}),
		course(3, routing.Leg{Split: share(50, routing.ModeAll)}),
		course(4, routing.Leg{Split: share(20, routing.ModeAll)}),
		course(5, routing.Leg{Closings: []routing.Closing{{Release: "green", To: "blue", Before: 5}}}),
	}
	now := course(0, routing.Leg{})
	kept := records{}
	p, reached := newPath(t, func(d *Deps) {
		moving(nil, kept)(d)
		d.Courses = func(string) *routing.Course { return now }
	})
	visit := func(b *browser, signIn bool) string {
		r := request("GET", "acme.test", "/web", "")
		if b.session != "" {
			r.Header.Set("Cookie", "session_id="+b.session+"; sluice_pin="+b.pin)
		}
		do(p, r)
		x := reached().x
		taught := routing.Taught{Backend: "s1"}
		if b.session == "" || signIn {
			taught.Set, taught.Session = true, newSession()
			b.session = taught.Session
		}
		if lines := x.Learn(taught); len(lines) > 0 {
			cookie, err := http.ParseSetCookie(lines[0])
			if err != nil {
				t.Fatal(err)
			}
			b.pin = cookie.Value
		}
		return x.Release.Name
	}
	all := make([]browser, people)
	for i := range all {
		if side := visit(&all[i], false); side != "blue" {
			t.Fatalf("a session begins on %s", side)
		}
		visit(&all[i], true)
	}
	on := make([]string, people)
	for i := range on {
		on[i] = "blue"
	}
	for n, step := range steps {
		now = step
		green, moved := 0, 0
		for i := range all {
			before := on[i]
			on[i] = visit(&all[i], n%2 == 0)
			if on[i] != before {
				moved++
				if n < 4 && before == "green" {
					t.Fatalf("step %d: a session comes back", n)
				}
			}
			for range 3 {
				if again := visit(&all[i], false); again != on[i] {
					t.Fatalf("step %d: a session goes from %s to %s and nothing was decided", n, on[i], again)
				}
			}
			if on[i] == "green" {
				green++
			}
		}
		want := []float64{10, 20, 50, 50, 0}[n]
		if got := 100 * float64(green) / people; got < want-8 || got > want+8 { // five sigma of a thousand
			t.Errorf("step %d: %.1f %% are on green, want %g", n, got, want)
		}
		if n == 3 && moved > 0 {
			t.Errorf("a share that shrinks moved %d sessions", moved)
		}
	}
}

// A visitor's lot is drawn with each request, and stays once one of them begins a session.
func TestAVisitorsLotStays(t *testing.T) {
	c := course(3, routing.Leg{Split: share(50, routing.ModeAll)})
	p, reached := newPath(t, moving(c, nil))
	lots, green := map[uint32]bool{}, 0
	for range 400 {
		do(p, request("GET", "acme.test", "/web", ""))
		x := reached().x
		pin := pinIn(t, x.Learn(routing.Taught{Backend: "s1", Set: true, Session: newSession()}))
		if pin.Lot == 0 || pin.Release != x.Release.Name || (routing.Place("seed", pin.Lot) < 50_000) != (pin.Release == "green") {
			t.Fatalf("pin %+v of a visitor of %s", pin, x.Release.Name)
		}
		lots[pin.Lot] = true
		if pin.Release == "green" {
			green++
		}
	}
	if len(lots) < 390 || green < 140 || green > 260 {
		t.Errorf("%d lots, %d of 400 on green", len(lots), green)
	}
}

// sessions are made up as Odoo does: 84 characters.
func newSession() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var b strings.Builder
	for range 84 {
		b.WriteByte(letters[rand.IntN(len(letters))])
	}
	return b.String()
}

// script plays a hold: each wait ends as the next line says.
type script []func() (bool, error)

func (s *script) Enter(context.Context, string, *routing.Hold, odoo.Class, int64) (func(), bool, error) {
	next := (*s)[0]
	*s = (*s)[1:]
	lapsed, err := next()
	return func() {}, lapsed, err
}

// What holds is looked at again after each wait: while one request waited, the cutover has gone on.
func TestAfterAWaitTheCourseIsLookedAtAgain(t *testing.T) {
	var now *routing.Course
	holding := func(id string, final bool) *routing.Course {
		c := course(1, routing.Leg{})
		c.Hold = &routing.Hold{ID: id, Final: final}
		return c
	}
	then := func(c *routing.Course, lapsed bool, err error) func() (bool, error) {
		return func() (bool, error) { now = c; return lapsed, err }
	}
	for rule, c := range map[string]struct {
		script script
		status int
		side   string
	}{
		"it was flipped":                              {script{then(course(2, routing.Leg{Active: "green"}), false, nil)}, 204, "green"},
		"it was released as it was":                   {script{then(nil, false, nil)}, 204, "blue"},
		"another hold came right after":               {script{then(holding("b", false), false, nil), then(course(2, routing.Leg{Active: "green"}), false, nil)}, 204, "green"},
		"its lease ended":                             {script{then(holding("a", false), true, nil)}, 204, "blue"},
		"its lease ended at the point of no return":   {script{then(holding("a", true), true, nil), then(holding("a", true), false, routing.ErrHoldLost)}, 503, ""},
		"its lease ended, and another hold is driven": {script{then(holding("b", false), true, nil), then(nil, false, nil)}, 204, "blue"},
		"the page came up meanwhile":                  {script{then(&routing.Course{Legs: []routing.Leg{{Active: "blue"}}, Page: &routing.Page{}}, false, nil)}, 503, ""},
		"the client has gone":                         {script{then(holding("a", false), false, context.Canceled)}, 499, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			p, reached := newPath(t, func(d *Deps) {
				moving(nil, nil)(d)
				d.Courses = func(string) *routing.Course { return now }
				d.Holds = &c.script
			})
			now = holding("a", false)
			w := do(p, request("GET", "acme.test", "/web", ""))
			side := ""
			if got := reached(); got != nil {
				side = got.x.Release.Name
			}
			if w.Code != c.status || side != c.side || len(c.script) > 0 {
				t.Errorf("got %d by %q, %d lines of the script are left", w.Code, side, len(c.script))
			}
		})
	}
}

func TestABodyWaitsAsSaid(t *testing.T) {
	hold := course(1, routing.Leg{})
	hold.Hold = &routing.Hold{ID: "a"}
	for rule, c := range map[string]struct {
		length int64
		header []string
		weighs int64
		left   int // of the body, unread while it waits
	}{
		"none":                       {length: 0},
		"a short one is taken in":    {length: 100, weighs: 100},
		"not before it is asked for": {length: 100, header: []string{"Expect", "100-continue"}, weighs: 100, left: 100},
		"a long one stays":           {length: shortBody + 1, weighs: shortBody + 1, left: shortBody + 1},
		"one of unknown length, too": {length: -1, weighs: unknownBody, left: 300},
	} {
		t.Run(rule, func(t *testing.T) {
			size := int(c.length)
			if c.length < 0 {
				size = 300
			}
			src := strings.NewReader(strings.Repeat("x", size))
			now := hold
			holds := &entered{then: func() { now = nil }, left: src.Len}
			p, reached := newPath(t, func(d *Deps) {
				moving(nil, nil)(d)
				d.Courses = func(string) *routing.Course { return now }
				d.Holds = holds
			})
			r := request("POST", "acme.test", "/web/x", "", c.header...)
			r.Body, r.ContentLength = readCloser{src}, c.length
			if size == 0 {
				r.Body = http.NoBody
			}
			do(p, r)
			if got := reached(); got == nil || len(got.body) != size {
				t.Fatalf("the body did not arrive whole: %+v", got)
			}
			if holds.weighed != c.weighs || holds.unread != c.left {
				t.Errorf("it weighed %d with %d unread, want %d with %d", holds.weighed, holds.unread, c.weighs, c.left)
			}
			if in := p.deps.Space.InUse(); in != 0 {
				t.Errorf("%d bytes are kept", in)
			}
		})
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// entered notes what waits.
type entered struct {
	then    func()
	left    func() int
	weighed int64
	unread  int
}

func (e *entered) Enter(_ context.Context, _ string, _ *routing.Hold, _ odoo.Class, bytes int64) (func(), bool, error) {
	e.weighed, e.unread = bytes, e.left()
	e.then()
	return func() {}, false, nil
}

// A tenant about which nothing was decided pays for one look.
func TestNoCourseCostsNothing(t *testing.T) {
	p, _ := newPath(t, twoSides(nil))
	r := request("GET", "acme.test", "/web", "")
	s := session{path: p, x: &exchange{}}
	s.x.Tenant, _ = p.deps.Table().Resolve("acme.test")
	if allocs := testing.AllocsPerRun(100, func() {
		leave, err := s.await(r)
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
