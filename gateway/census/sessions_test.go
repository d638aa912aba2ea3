package census

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluicegate.dev/sluice/routing"
)

// clock lets a test choose the step: all that is kept is in steps.
func (b *books) at(t interface{ Helper() }, now uint32, key uint64, release string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.visit(key, b.side(release), now)
	b.keep(key, s)
}

// truth is what happened, one by one.
type truth struct {
	seen map[uint64]uint32
	side map[uint64]string
}

func (tr truth) within(release string, now uint32, d time.Duration) int {
	n := 0
	for key, seen := range tr.seen {
		if tr.side[key] == release && now-seen <= uint32(d/Step) {
			n++
		}
	}
	return n
}

// The sessions that were seen within a time, and all of them, are exact while there is room,
// and never lower than the truth when there is none.
func TestSessionsAreNeverFewerThanTheTruth(t *testing.T) {
	const far = lifetime
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.SampledFrom([]int{3, 10, 1000}).Draw(t, "room")
		c := New(room)
		c.own = 0
		b := c.books("acme")
		b.side("blue")
		b.side("green")
		tr := truth{map[uint64]uint32{}, map[uint64]string{}}
		now := uint32(0)
		for range rapid.IntRange(1, 120).Draw(t, "events") {
			if rapid.IntRange(0, 3).Draw(t, "later") == 0 {
				now += uint32(rapid.SampledFrom([]int{1, 3, 30, 239, 300, 2000}).Draw(t, "steps"))
			}
			key := uint64(rapid.IntRange(1, 30).Draw(t, "session"))
			release := rapid.SampledFrom([]string{"blue", "green"}).Draw(t, "release")
			b.at(t, now, key, release)
			tr.seen[key], tr.side[key] = now, release
		}
		now += uint32(rapid.IntRange(0, 300).Draw(t, "pause"))
		for _, side := range b.counts(now).Releases {
			sum := 0
			for i, n := range side.Seen {
				bound := far
				if i < SeenBuckets-1 {
					bound = SeenBounds()[i]
				}
				sum += n
				want := tr.within(side.Name, now, bound)
				if n < 0 || sum < want || room == 1000 && sum != want {
					t.Fatalf("%s: %d seen within %v, %d in truth (%v)", side.Name, sum, bound, want, side.Seen)
				}
			}
		}
		if got := c.known.Load(); got != int64(len(b.sessions)) || room < 1000 && got > int64(room) {
			t.Fatalf("%d are remembered, %d by the books, room for %d", len(b.sessions), got, room)
		}
	})
}

func TestASessionEndsWithItsPin(t *testing.T) {
	c := New(2)
	c.own = 0
	b := c.books("acme")
	for key := range uint64(5) {
		b.at(t, 0, key, "blue")
	}
	if n := b.counts(10).Of("blue").Sessions(); n != 5 {
		t.Fatalf("%d sessions, want 5", n)
	}
	week := uint32(lifetime / Step)
	b.expire(week)
	if n := b.counts(week).Of("blue").Sessions(); n != 5 {
		t.Errorf("on the last day: %d sessions, want 5", n)
	}
	b.expire(week + 2*uint32(time.Hour/Step))
	if n := b.counts(week + 500).Of("blue").Sessions(); n != 0 || c.known.Load() != 0 {
		t.Errorf("after their lives: %d sessions, %d remembered", n, c.known.Load())
	}
}

func TestOneCrowdDoesNotBlurTheOthers(t *testing.T) {
	c := New(100)
	for key := range uint64(3000) {
		c.books("crowd").at(t, 0, key, "blue")
	}
	for range 3 {
		for key := range uint64(500) {
			c.books("small").at(t, 0, key, "blue")
		}
	}
	if n := c.Counts("small").Of("blue").Sessions(); n != 500 {
		t.Errorf("%d sessions, want exactly 500", n)
	}
	if n := c.Counts("crowd").Of("blue").Sessions(); n != 3000 || len(c.books("crowd").sessions) > ownSessions {
		t.Errorf("%d sessions, %d remembered", n, len(c.books("crowd").sessions))
	}
}

func visitOf(c *Census, key string) *visit {
	x := &routing.Exchange{SessionKey: key}
	x.Tenant, x.Release = &routing.Tenant{Name: "acme"}, &routing.Release{Name: "blue"}
	return c.arrive(x, time.Now())
}

func TestASessionIsQuietWhenNothingOfItIsOnTheWay(t *testing.T) {
	c := New(1)
	c.own = 0
	page := visitOf(c, "s")
	if !page.Quiet() {
		t.Error("nothing of it is on the way but the request that asks")
	}
	page.At("blue", true)
	if !page.Quiet() {
		t.Error("its own request is no reason")
	}
	call := visitOf(c, "s")
	if call.Quiet() {
		t.Error("the page is on the way")
	}
	c.leave(page)
	if !call.Quiet() {
		t.Error("the page is over")
	}
	call.At("blue", true)
	ended := call.Socket(func() {})
	c.leave(call)
	next := visitOf(c, "s")
	if !next.Quiet() {
		t.Error("the socket of the page that is left is still open when the next is asked for")
	}
	c.leave(next)
	for i := range 50 { // far more sessions than are remembered
		v := visitOf(c, fmt.Sprint(i))
		v.At("blue", true)
		c.leave(v)
	}
	n := c.Counts("acme").Of("blue")
	if n.Sockets != 1 || n.Live != 1 || n.Sessions() < 51 {
		t.Errorf("%d sockets of %d sessions, %d sessions", n.Sockets, n.Live, n.Sessions())
	}
	ended()
	if n := c.Counts("acme").Of("blue"); n.Sockets != 0 || n.Live != 0 {
		t.Errorf("afterwards: %d sockets of %d sessions", n.Sockets, n.Live)
	}
	if !visitOf(c, "").Quiet() {
		t.Error("without a session there is nothing to disturb")
	}
}

func TestASessionThatIsReplacedIsNotCounted(t *testing.T) {
	c := New(0)
	page, other := visitOf(c, "anonymous"), visitOf(c, "anonymous")
	page.At("blue", true)
	other.At("blue", true)
	page.Replaced()
	c.leave(page)
	if n := c.Counts("acme").Of("blue").Sessions(); n != 1 {
		t.Errorf("%d sessions while another request of it is on the way, want 1", n)
	}
	other.Replaced()
	c.leave(other)
	v := visitOf(c, "user")
	v.At("blue", true)
	c.leave(v)
	if n := c.Counts("acme").Of("blue").Sessions(); n != 1 || c.known.Load() != 1 {
		t.Errorf("%d sessions, %d remembered, want the one that was signed in to", n, c.known.Load())
	}
}

func TestASocketIsToldWhenItsSessionMoves(t *testing.T) {
	c, told := New(0), 0
	v := visitOf(c, "s")
	v.At("blue", true)
	ended := v.Socket(func() { told++ })
	c.leave(v)
	at := func(release string, home bool) {
		v := visitOf(c, "s")
		v.At("", false)
		v.At(release, home)
		c.leave(v)
	}
	at("blue", true)
	at("green", false) // a tester's request, or one that goes by lot
	if n := c.Counts("acme"); told != 0 || n.Of("blue").Sessions() != 1 || n.Of("green").Sessions() != 0 {
		t.Errorf("the session is where it was, and the socket was told %d times: %+v", told, n)
	}
	at("green", true)
	at("green", true)
	if told != 1 {
		t.Errorf("the session moved, and the socket was told %d times", told)
	}
	blue, green := c.Counts("acme").Of("blue"), c.Counts("acme").Of("green")
	if blue.Sockets != 1 || blue.Sessions() != 0 || green.Sessions() != 1 || green.Live != 1 {
		t.Errorf("blue %+v, green %+v", blue, green)
	}
	ended()
	if n := c.Counts("acme").Of("green"); n.Live != 0 {
		t.Errorf("%d live sessions", n.Live)
	}
}
