package harness

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// Site is the house in which tenants are moved: three gateways with one Redis before two
// releases of Odoo, blue and green, that share databases and sessions. Each tenant has a
// database and a host of its name.
type Site struct {
	Redis       *Redis
	Blue, Green []*StandIn
	All         Replicas
	Wires       *Wires
	Ways        []*Toxic // to the only server of blue, by replica, where they are separate

	frozen map[*Gateway]bool
}

// SiteConfig says what a site is like. The zero value has one server a side.
type SiteConfig struct {
	Servers  int
	Version  string // of Odoo
	Standby  bool   // green is the standby, not a release
	Separate bool   // each replica has a way of its own to blue, which can be closed
	Trusted  []string
	Active   string            // release; empty: the first
	Cutover  map[string]string // of tenants: what stands under spec.cutover, as a flow mapping
}

const (
	siteWorkers = 24
	siteUsers   = 40
)

// NewSite starts a site for the tenants.
func NewSite(t testing.TB, c SiteConfig, tenants ...string) *Site {
	t.Helper()
	if c.Version == "" {
		c.Version = "18.0"
	}
	s := &Site{Redis: StartRedis(t), frozen: map[*Gateway]bool{}}
	databases, sessions := t.TempDir(), t.TempDir()
	start := func(release string, i int) *StandIn {
		return StartStandIn(t, StandInConfig{
			Name: fmt.Sprintf("%s-%c", release, 'a'+i), Version: c.Version, Databases: strings.Join(tenants, ","), Workers: siteWorkers + 8,
			Args: []string{
				"-release", release, "-header-filter", "-proxy-mode", "-users", siteLogins(), "-database-dir", databases, "-session-dir", sessions,
				"-cooldown-failures", "-1", "-websocket-burst", "-1", "-websocket-idle", "10m", "-session-rotation", "3s",
			},
		})
	}
	for i := range max(1, c.Servers) {
		s.Blue, s.Green = append(s.Blue, start("blue", i)), append(s.Green, start("green", i))
	}
	documents := map[string]string{"pools.yaml": Documents(s.pool("blue", s.Blue, c), s.pool("green", s.Green, c))}
	for _, tenant := range tenants {
		documents[tenant+".yaml"] = SiteTenant(c, tenant, "blue", "green")
	}
	s.All = NewReplicas(t, 3, GatewayConfig{Spec: Store(s.Redis.Addr), TrustedProxies: c.Trusted}, documents)
	if c.Separate {
		s.separate(t, c)
	}
	s.All.Start(t)
	s.StoreIs(t, true)
	var addrs []string
	for _, g := range s.All {
		addrs = append(addrs, g.Web)
	}
	s.Wires = NewWires(addrs...)
	t.Cleanup(s.Wires.Close)
	return s
}

// SiteLogin is somebody whom every database of a site knows; the password is the login.
func SiteLogin(i int) (login string, uid int) {
	return fmt.Sprintf("user%d", i%siteUsers), 100 + i%siteUsers
}

func siteLogins() string {
	type user struct {
		UID             int `json:"uid"`
		Login, Password string
	}
	var all []user
	for i := range siteUsers {
		login, uid := SiteLogin(i)
		all = append(all, user{uid, login, login})
	}
	text, _ := json.Marshal(all) // texts and numbers
	return string(text)
}

// separate gives each replica a way of its own to the server of blue.
func (s *Site) separate(t testing.TB, c SiteConfig) {
	t.Helper()
	for _, g := range s.All {
		way := StartToxic(t, s.Blue[0].HTTP)
		s.Ways = append(s.Ways, way)
		own := *s.Blue[0]
		own.HTTP, own.Realtime = way.Addr, ""
		g.Write(t, "tenants/pools.yaml", Documents(s.pool("blue", []*StandIn{&own}, c), s.pool("green", s.Green, c)))
	}
}

func (s *Site) pool(name string, servers []*StandIn, c SiteConfig) string {
	var backends []Backend
	for _, server := range servers {
		backends = append(backends, Backend{Name: server.Name, HTTP: server.HTTP, Realtime: server.Realtime, Workers: siteWorkers})
	}
	return PoolOf(name, fmt.Sprintf("{version: %q, sessions: shared}", c.Version), backends,
		"health: {interval: 300ms, timeout: 3s, fall: 2, rise: 1}", "balance: {fadeIn: 0s, warmUp: 0s}")
}

// SiteTenant is the document of a tenant with those releases.
func SiteTenant(c SiteConfig, name string, releases ...string) string {
	text := c.Cutover[name]
	if text == "" {
		text = "{verify: {deadline: 2m}}"
	}
	more := []string{"signIn: {mode: disabled}", "cutover: " + text}
	if c.Standby {
		releases, more = releases[:1], append(more, "standby: {pool: "+releases[1]+"}")
	}
	text = Releases(name, name, []string{SiteHost(name)}, releases, more...)
	if c.Active != "" {
		text = strings.Replace(text, "active: "+releases[0], "active: "+c.Active, 1)
	}
	return text
}

// SiteHost is the name under which a tenant is visited.
func SiteHost(tenant string) string { return tenant + ".night.test" }

// StoreIs waits until every running replica finds its store well, or none does.
func (s *Site) StoreIs(t testing.TB, well bool) {
	t.Helper()
	want := 0.0
	if well {
		want = float64(len(s.Running()))
	}
	Eventually(t, 2*Patience, fmt.Sprintf("the store is well: %v", well), func() error {
		if up := s.All.Sum(t, "sluice_store_up"); up != want {
			return fmt.Errorf("%v of %d replicas say it is", up, len(s.All))
		}
		return nil
	})
}

// Mix is a working day of a tenant, which begins now.
func (s *Site) Mix(t testing.TB, tenant string, seed uint64, change ...func(*Mix)) *Mix {
	t.Helper()
	m := &Mix{
		Wires: s.Wires, Host: SiteHost(tenant), Database: tenant, Version: s.Blue[0].Version, Seed: seed,
		People: 6, Plain: 2, Programs: 4, Login: SiteLogin,
	}
	for _, f := range change {
		f(m)
	}
	m.Start(t)
	return m
}

// Visitor is somebody new. Via names the replica, unless it is nil.
func (s *Site) Visitor(tenant string, via *Gateway) *User {
	u := NewUser(s.Wires, SiteHost(tenant))
	if via != nil {
		u.Via = via.Web
	}
	return u
}

// Running are the replicas that are neither dead nor frozen.
func (s *Site) Running() []*Gateway {
	var all []*Gateway
	for _, g := range s.All {
		if g.Process != nil && g.Running() && !s.frozen[g] {
			all = append(all, g)
		}
	}
	return all
}

// API is that of any replica which runs.
func (s *Site) API() *API {
	running := s.Running()
	return running[rand.IntN(len(running))].API()
}

// Freeze stops a replica without closing anything.
func (s *Site) Freeze(t testing.TB, g *Gateway) {
	t.Helper()
	s.frozen[g] = true
	if err := g.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Signal(syscall.SIGCONT) }) // a frozen process cannot end
}

// Thaw lets it go on.
func (s *Site) Thaw(t testing.TB, g *Gateway) {
	t.Helper()
	delete(s.frozen, g)
	if err := g.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// Settled waits until somebody new is served by the release, on each replica.
func (s *Site) Settled(t testing.TB, tenant, release string) {
	t.Helper()
	for i, g := range s.Running() {
		Eventually(t, 2*Patience, fmt.Sprintf("replica %d sends %s to %s", i, tenant, release), func() error {
			reply, err := s.Visitor(tenant, g).Do(t.Context(), http.MethodGet, "/web/login", "")
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

// Decide writes what an operator decides about a tenant: its hold, its maintenance page.
func (s *Site) Decide(t testing.TB, method, tenant, what string, body Object) {
	t.Helper()
	body["reason"] = reason
	reply, err := s.API().Write(t.Context(), method, "/tenants/"+tenant+"/"+what, tenant, body)
	if err != nil || reply.Status != http.StatusOK && reply.Status != http.StatusAccepted {
		t.Fatalf("%s %s of %s: %d %v %.400s", method, what, tenant, reply.Status, err, reply.Body)
	}
}
