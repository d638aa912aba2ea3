package harness

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// Mix is what a working day sends to one tenant: people who look at pages, write, upload and
// print, each with a websocket that comes back when it is closed, and programs without a
// session. Every answer is noted, so that afterwards it can be said what went wrong.
type Mix struct {
	Wires          *Wires
	Host, Database string
	Version        string // of Odoo
	People         int    // sign in by the form and keep all cookies
	Plain          int    // sign in by a call and keep Odoo's cookie only
	Programs       int    // integrations without a session
	// Login names somebody; the password is the login.
	Login func(i int) (login string, uid int)
	Pause time.Duration // between two requests of one client, on average; 0: 60 ms
	Seed  uint64        // decides who does what in which order

	group sync.WaitGroup
	stop  context.CancelFunc
	run   string // tells the writes of this mix from those of another

	mu     sync.Mutex
	gone   map[string]bool // replicas that were killed, or are about to be
	busy   map[string]int  // requests on their way, by replica
	writes int
	day    Day
}

// Start signs everybody in and lets them work until Stop.
func (m *Mix) Start(t testing.TB) {
	t.Helper()
	if m.Pause == 0 {
		m.Pause = 60 * time.Millisecond
	}
	m.gone, m.busy = map[string]bool{}, map[string]int{}
	m.run = fmt.Sprintf("%s-%x", m.Database, rand.Uint64())
	m.day.Closed = map[string]int{}
	people := m.arrive(t)
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	t.Cleanup(func() { m.Stop() })
	for _, p := range people {
		m.group.Go(func() { p.work(ctx) })
		m.group.Go(func() { p.listen(ctx) })
	}
	for i := range m.Programs {
		p := &program{client: m.client(fmt.Sprintf("program %d", i), NewUser(m.Wires, m.Host), uint64(1000+i)), turn: i}
		p.login, p.uid = m.Login(i)
		p.user.Keep = func(string) bool { return false }
		m.group.Go(func() { p.work(ctx) })
	}
}

// arrive signs the people in, some at once.
func (m *Mix) arrive(t testing.TB) []*person {
	t.Helper()
	people := make([]*person, m.People+m.Plain)
	errs := make([]error, len(people))
	var group sync.WaitGroup
	for i := range people {
		user := NewUser(m.Wires, m.Host)
		p := &person{client: m.client(fmt.Sprintf("person %d", i), user, uint64(i))}
		people[i] = p
		login, _ := m.Login(i)
		group.Go(func() {
			if i < m.People {
				errs[i] = user.SignIn(t.Context(), login)
				return
			}
			p.name = "plain " + p.name
			user.Keep = OnlySession
			errs[i] = user.SignInByCall(t.Context(), m.Database, login)
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatalf("mix of %s: %v", m.Host, err)
		}
	}
	return people
}

// Stop lets everybody finish what they do and returns what happened.
func (m *Mix) Stop() *Day {
	m.stop()
	m.group.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	return &m.day
}

// Sofar is what happened until now.
func (m *Mix) Sofar() *Day {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Day{Acts: slices.Clone(m.day.Acts), Closed: maps.Clone(m.day.Closed), Refused: m.day.Refused}
}

// Await lets so many more answers come.
func (m *Mix) Await(t testing.TB, more int) {
	t.Helper()
	target := m.Acts() + more
	Eventually(t, 4*Patience, fmt.Sprintf("%d more answers for %s", more, m.Host), func() error {
		if now := m.Acts(); now < target {
			return fmt.Errorf("%d to go", target-now)
		}
		return nil
	})
}

// Acts counts the answers so far.
func (m *Mix) Acts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.day.Acts)
}

// Lose says that a replica is about to be killed: the balancer leaves it, and what was sent to it
// may fail.
func (m *Mix) Lose(addrs ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, addr := range addrs {
		m.gone[addr] = true
		m.Wires.Drop(addr)
	}
}

// Spare has the balancer leave a replica, and waits until nothing is on its way there.
func (m *Mix) Spare(t testing.TB, addr string) {
	t.Helper()
	m.mu.Lock()
	m.Wires.Drop(addr)
	m.mu.Unlock()
	Eventually(t, 2*Patience, "nothing is on its way to "+addr, func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if n := m.busy[addr]; n > 0 {
			return fmt.Errorf("%d requests are", n)
		}
		return nil
	})
}

// pick chooses a replica for a request, which has to be given back.
func (m *Mix) pick(n uint64) (addr string, back func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	addrs := m.Wires.Addrs()
	addr = addrs[n%uint64(len(addrs))]
	m.busy[addr]++
	return addr, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.busy[addr]--
	}
}

// Regain says that a replica is back.
func (m *Mix) Regain(addrs ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, addr := range addrs {
		delete(m.gone, addr)
		m.Wires.Return(addr)
	}
}

func (m *Mix) isGone(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone[addr]
}

func (m *Mix) token() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	return fmt.Sprintf("%s-%d", m.run, m.writes)
}

func (m *Mix) note(a Act) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.day.Acts = append(m.day.Acts, a)
}

func (m *Mix) noteSocket(what func(*Day)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	what(&m.day)
}
