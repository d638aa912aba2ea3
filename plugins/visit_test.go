package plugins

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

// books write down what a request says of itself.
type books struct {
	routing.Visit
	said []string
}

func (b *books) At(release string, home bool) {
	if home {
		release += ", lives there"
	}
	b.said = append(b.said, release)
}

func TestTheBooksHearWhereARequestGoes(t *testing.T) {
	const session = "session_id=" + someSession
	pass := pinKeys.SealTester("acme", routing.Tester{Release: "green", Until: time.Now().Add(time.Hour)})
	parts := &routing.Course{Legs: []routing.Leg{
		{Scope: routing.Scope{Paths: []string{"/edi/**"}}, Active: "green"},
		{Active: "blue"},
	}}
	for rule, c := range map[string]struct {
		path, cookie, tester string
		course               *routing.Course
		want                 string
	}{
		"a session":                               {path: "/web", cookie: session + "; " + cookieOf("acme", green("g1", 0)), want: "green, lives there"},
		"a tester's session lives nowhere":        {path: "/web", cookie: session + "; " + cookieOf("acme", blue("b1", 0)), tester: pass, want: "green"},
		"nor does one of a part that moves alone": {path: "/edi/in", cookie: session, course: parts, want: "green"},
		"what the part leaves out":                {path: "/web", cookie: session, course: parts, want: "blue, lives there"},
	} {
		t.Run(rule, func(t *testing.T) {
			b := &books{}
			p, reached := newPath(t, func(d *Deps) {
				twoSides(nil)(d)
				d.Arrive = func(next http.Handler) http.Handler {
					return withExchange(func(w http.ResponseWriter, r *http.Request, x *exchange) {
						x.Visit = b
						next.ServeHTTP(w, r)
					})
				}
				d.Courses = func(string) *routing.Course { return c.course }
			})
			r := request("GET", "acme.test", c.path, "", "Cookie", c.cookie)
			if c.tester != "" {
				r.Header.Set("X-Sluice-Tester", c.tester)
			}
			do(p, r)
			if reached() == nil {
				t.Fatal("it did not arrive")
			}
			if want := []string{"", c.want}; !slices.Equal(b.said, want) {
				t.Errorf("heard %q, want %q: undecided before the course is looked at, then where it goes", b.said, want)
			}
		})
	}
}
