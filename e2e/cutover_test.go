package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// site is a tenant's house in the night of a move: three gateways with one Redis before two
// releases of Odoo, blue and green, that share databases and sessions.
type site struct {
	t       testing.TB
	redis   *harness.Redis
	blue    []*harness.StandIn
	green   []*harness.StandIn
	all     harness.Replicas
	wires   *harness.Wires
	tenants []string
	frozen  map[*harness.Gateway]bool
	ways    []*harness.Toxic // to the only server of blue, by replica
}

// siteConfig says what a site is like. The zero value has one server a side.
type siteConfig struct {
	servers  int
	version  string
	standby  bool              // green is the standby, not a release
	separate bool              // each replica has a way of its own to blue, see site.ways
	store    string            // more YAML of the installation in place of the plain Redis
	trusted  []string          // proxies
	pool     string            // more YAML under the spec of both pools
	cutover  map[string]string // of tenants: what stands under spec.cutover, as a flow mapping
	more     map[string]string // of tenants: another line under spec
	odooArgs []string
}

const siteWorkers = 24

// newSite starts a site for the tenants.
func newSite(t *testing.T, c siteConfig, tenants ...string) *site {
	t.Helper()
	if c.version == "" {
		c.version = "18.0"
	}
	s := &site{t: t, redis: harness.StartRedis(t), tenants: tenants, frozen: map[*harness.Gateway]bool{}}
	databases, sessions := t.TempDir(), t.TempDir()
	for _, side := range []struct {
		release string
		servers *[]*harness.StandIn
	}{{"blue", &s.blue}, {"green", &s.green}} {
		for i := range max(1, c.servers) {
			*side.servers = append(*side.servers, harness.StartStandIn(t, harness.StandInConfig{
				Name: fmt.Sprintf("%s-%c", side.release, 'a'+i), Version: c.version, Databases: strings.Join(tenants, ","), Workers: siteWorkers + 8,
				Args: append([]string{
					"-release", side.release, "-header-filter", "-proxy-mode", "-users", people(t), "-database-dir", databases, "-session-dir", sessions,
					"-cooldown-failures", "-1", "-websocket-burst", "-1", "-websocket-idle", "10m",
				}, c.odooArgs...),
			}))
		}
	}
	if c.store == "" {
		c.store = harness.Store(s.redis.Addr)
	}
	s.all = harness.NewReplicas(t, 3, harness.GatewayConfig{Spec: c.store, TrustedProxies: c.trusted}, s.documents(c))
	if c.separate {
		s.separate(t, c)
	}
	s.all.Start(t)
	storeIs(t, s.all, true)
	s.wires = harness.NewWires(webs(s.all)...)
	t.Cleanup(s.wires.Close)
	return s
}

func (s *site) documents(c siteConfig) map[string]string {
	documents := map[string]string{"pools.yaml": harness.Documents(s.pool("blue", s.blue, c), s.pool("green", s.green, c))}
	for _, tenant := range s.tenants {
		documents[tenant+".yaml"] = s.tenant(c, tenant, "blue", "green")
	}
	return documents
}

// separate gives each replica a way of its own to the server of blue, which can be closed.
func (s *site) separate(t *testing.T, c siteConfig) {
	t.Helper()
	direct := *s.blue[0]
	for _, g := range s.all {
		way := harness.StartToxic(t, direct.HTTP)
		s.ways = append(s.ways, way)
		own := direct
		own.HTTP, own.Realtime = way.Addr, ""
		g.Write(t, "tenants/pools.yaml", harness.Documents(s.pool("blue", []*harness.StandIn{&own}, c), s.pool("green", s.green, c)))
	}
}

func (s *site) pool(name string, servers []*harness.StandIn, c siteConfig) string {
	var backends []harness.Backend
	for _, server := range servers {
		backends = append(backends, harness.Backend{Name: server.Name, HTTP: server.HTTP, Realtime: server.Realtime, Workers: siteWorkers})
	}
	more := []string{"health: {interval: 300ms, timeout: 3s, fall: 2, rise: 1}", "balance: {fadeIn: 0s, warmUp: 0s}"}
	if c.pool != "" {
		more = append(more, c.pool)
	}
	return harness.PoolOf(name, fmt.Sprintf("{version: %q, sessions: shared}", c.version), backends, more...)
}

// tenant is the document of a tenant whose first release is active.
func (s *site) tenant(c siteConfig, name string, releases ...string) string {
	more := []string{"signIn: {mode: disabled}"}
	text := c.cutover[name]
	if text == "" {
		text = "{verify: {deadline: 2m}}"
	}
	more = append(more, "cutover: "+text)
	if line := c.more[name]; line != "" {
		more = append(more, line)
	}
	if c.standby {
		releases, more = releases[:1], append(more, "standby: {pool: "+releases[1]+"}")
	}
	return harness.Releases(name, name, []string{nightHost(name)}, releases, more...)
}

func nightHost(tenant string) string { return tenant + ".night.test" }

// mix is a working day of a tenant, which begins now.
func (s *site) mix(t testing.TB, tenant string, seed uint64, change ...func(*harness.Mix)) *harness.Mix {
	t.Helper()
	m := &harness.Mix{
		Wires: s.wires, Host: nightHost(tenant), Database: tenant, Version: s.blue[0].Version, Seed: seed,
		People: 6, Plain: 2, Programs: 4,
		Login: func(i int) (string, int) { return person(i), 100 + i%persons },
	}
	for _, f := range change {
		f(m)
	}
	m.Start(t)
	return m
}

// few is a mix that leaves the machine to other tests, too.
func few(m *harness.Mix) { m.People, m.Plain, m.Programs, m.Pause = 4, 1, 3, 120*time.Millisecond }

// judge ends a day and holds it against the promise: nothing failed, was lost or was done
// twice, and nobody was moved more often than said.
func (s *site) judge(t testing.TB, m *harness.Mix, moves int) *harness.Day {
	t.Helper()
	day := m.Stop()
	t.Logf("%s: %s", m.Host, day)
	for i, wrong := range day.Wrong(s.blue[0].Writes(t, m.Database), moves) {
		if i == 20 {
			t.Errorf("%s: and more", m.Host)
			break
		}
		t.Errorf("%s: %s", m.Host, wrong)
	}
	if len(day.Acts) == 0 {
		t.Errorf("%s: nobody did anything", m.Host)
	}
	return day
}

// TestAnOrdinaryDayGoesWell: what cutovers are held against holds without one.
func TestAnOrdinaryDayGoesWell(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteConfig{}, "acme")
	day := s.mix(t, "acme", 1)
	day.Await(t, 300)
	seen := s.judge(t, day, 0)
	if seen.Served("blue", time.Time{}) == 0 || seen.Served("green", time.Time{}) > 0 {
		t.Errorf("blue is active, and yet: %s", seen)
	}
}
