package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Act is one request of a mix and what came of it.
type Act struct {
	Who, What    string
	Began, Ended time.Time
	Addr         string // replica
	Status       int
	Release      string // that answered
	Session      bool   // somebody's who is signed in, and decided by his pin
	Wrong        string // what is wrong with the answer; empty: nothing
	Token        string // of a write
	Gone         bool   // it was at a replica that was killed
}

// client is somebody of a mix.
type client struct {
	mix  *Mix
	name string
	user *User
	dice *rand.Rand
}

func (m *Mix) client(name string, user *User, i uint64) *client {
	return &client{mix: m, name: name, user: user, dice: rand.New(rand.NewPCG(m.Seed, i))}
}

// pause waits a while, as people do. It is over early when ctx ends.
func (c *client) pause(ctx context.Context, most time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(c.dice.Int64N(int64(most)))):
	}
}

// errand is a request to be made.
type errand struct {
	what, method, path, body string
	header                   []string
	token                    string             // of a write
	session                  bool               // it goes where the session is pinned
	wrong                    func(Reply) string // what is wrong with an answer; nil: all but 200
}

// do sends a request through any replica and notes the answer. What was at a replica that is
// killed is asked again elsewhere, as a balancer does, unless it is a write.
func (c *client) do(e errand) (Reply, bool) {
	for {
		tab := c.user.Tab()
		addr, back := c.mix.pick(c.dice.Uint64())
		tab.Via = addr
		act := Act{Who: c.name, What: e.what, Addr: tab.Via, Session: e.session, Token: e.token, Began: time.Now()}
		ctx, cancel := context.WithTimeout(context.Background(), 3*Patience)
		reply, err := tab.Do(ctx, e.method, e.path, e.body, e.header...)
		cancel()
		back()
		act.Ended, act.Status = time.Now(), reply.Status
		act.Release = reply.Header.Get("X-Standin-Release")
		act.Gone = err != nil && c.mix.isGone(act.Addr)
		switch {
		case err != nil:
			act.Wrong = err.Error()
		default:
			act.Wrong = e.judge(reply)
		}
		c.mix.note(act)
		if !act.Gone || e.token != "" {
			return reply, act.Wrong == ""
		}
	}
}

func (e errand) judge(reply Reply) string {
	if e.wrong != nil {
		return e.wrong(reply)
	}
	if reply.Status != http.StatusOK {
		return describe(reply)
	}
	return ""
}

func describe(reply Reply) string {
	text := strings.Join(strings.Fields(reply.Body), " ")
	return fmt.Sprintf("%d from %q %s: %.200s", reply.Status, reply.Header.Get("X-Standin-Server"), reply.Header.Get("Location"), text)
}

// signed wants a page of somebody who is signed in.
func signed(sign string) func(Reply) string {
	return func(reply Reply) string {
		switch {
		case reply.Status == http.StatusOK && strings.Contains(reply.Body, sign):
			return ""
		case reply.Status == http.StatusSeeOther && strings.Contains(reply.Header.Get("Location"), "/web/login"),
			strings.Contains(reply.Body, "SessionExpired"):
			return SignedOut + ": " + describe(reply)
		}
		return describe(reply)
	}
}

// SignedOut begins what is wrong with an answer to somebody who was signed in.
const SignedOut = "signed out"
