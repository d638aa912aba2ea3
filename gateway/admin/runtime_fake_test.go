package admin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing/cutover"
)

// runtimeFake keeps decisions in memory, as one gateway of a few.
type runtimeFake struct {
	mu       sync.Mutex
	tenants  map[string]cutover.Record
	pools    map[string]cutover.Pool
	laggards []string
	alone    bool // the store is away
	forbids  string
	listener chan struct{}
	left     api.Remainder
	together *meeting // changes wait for each other
	panics   atomic.Bool
}

// meeting lets a number of callers go on when all of them have come.
type meeting struct {
	missing atomic.Int32
	all     chan struct{}
}

func newMeeting(n int32) *meeting {
	m := &meeting{all: make(chan struct{})}
	m.missing.Store(n)
	return m
}

func (m *meeting) wait() {
	if m == nil {
		return
	}
	if m.missing.Add(-1) == 0 {
		close(m.all)
	}
	<-m.all
}

func newRuntime() *runtimeFake {
	return &runtimeFake{
		tenants: map[string]cutover.Record{}, pools: map[string]cutover.Pool{}, listener: make(chan struct{}, 1),
		left: api.Remainder{Known: true, Sentence: "7 sessions, 2 with sockets on blue", Releases: map[string]api.ReleaseRemainder{"blue": {Sessions: 7, Sockets: 2, InFlight: 1}}},
	}
}

func (f *runtimeFake) Tenant(name string) (cutover.Record, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.tenants[name]
	return r, f.Version(r)
}

func (f *runtimeFake) Version(r cutover.Record) string   { return fmt.Sprint("tenant ", r.Sequence) }
func (f *runtimeFake) PoolVersion(r cutover.Pool) string { return fmt.Sprint("pool ", r.Sequence) }

func (f *runtimeFake) Pool(name string) (cutover.Pool, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.pools[name]
	return r, f.PoolVersion(r)
}

func (f *runtimeFake) All() []cutover.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []cutover.Record
	for _, name := range sortedKeys(f.tenants) {
		all = append(all, f.tenants[name])
	}
	return all
}

func (f *runtimeFake) Pools() []cutover.Pool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []cutover.Pool
	for _, name := range sortedKeys(f.pools) {
		all = append(all, f.pools[name])
	}
	return all
}

func (f *runtimeFake) Change(_ context.Context, tenant string, decide func(cutover.Record) (cutover.Record, error)) (cutover.Record, bool, error) {
	f.together.wait()
	if f.panics.Load() {
		panic("a mistake")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	next, err := decide(f.tenants[tenant])
	if err != nil {
		return next, false, err
	}
	next.Tenant = tenant
	f.tenants[tenant] = next
	select {
	case f.listener <- struct{}{}:
	default:
	}
	return next, !f.alone, nil
}

func (f *runtimeFake) ChangePool(_ context.Context, pool string, decide func(cutover.Pool) (cutover.Pool, error)) (cutover.Pool, bool, error) {
	f.together.wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	next, err := decide(f.pools[pool])
	if err == nil {
		f.pools[pool] = next
	}
	return next, !f.alone, err
}

func (f *runtimeFake) Shared(string) bool                               { return !f.alone }
func (f *runtimeFake) Laggards(string, uint64) []string                 { return f.laggards }
func (f *runtimeFake) PoolLaggards(string, uint64) []string             { return f.laggards }
func (f *runtimeFake) Remainder(string, time.Duration) api.Remainder    { return f.left }
func (f *runtimeFake) Calendars(time.Time) []api.Calendar               { return nil }
func (f *runtimeFake) Subscribe() (changed <-chan struct{}, end func()) { return f.listener, func() {} }

func (f *runtimeFake) Report(_, id string, markdown bool) ([]byte, bool) {
	if markdown {
		return []byte("# Cutover " + id), id != ""
	}
	return []byte(`{"cutover":"` + id + `"}`), id != ""
}

func (f *runtimeFake) Export(tenant, active string) (string, error) {
	return "# " + tenant + " on " + active + "\n", nil
}

func (f *runtimeFake) Plan(_ string, s cutover.Strategy) cutover.Plan {
	return cutover.Plan{Strategy: s, SkipPreflight: true}
}

func (f *runtimeFake) Calendar(_ string, now time.Time) (bool, string, time.Time) {
	if f.forbids != "" {
		return false, f.forbids, now.Add(time.Hour)
	}
	return true, "", time.Time{}
}

func (f *runtimeFake) Outgoing(url string) error {
	if url == "http://169.254.169.254/" {
		return errors.New("169.254.169.254 is never called")
	}
	return nil
}

// auditFake keeps the audit log in memory.
type auditFake struct {
	mu      sync.Mutex
	records []api.AuditRecord
	fails   error
}

func (f *auditFake) Append(r api.AuditRecord) (api.AuditRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != nil {
		return r, f.fails
	}
	f.records = append(f.records, r)
	return r, nil
}

func (f *auditFake) Read(wanted func(api.AuditRecord) bool, _ time.Time, limit int) ([]api.AuditRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []api.AuditRecord
	for _, r := range f.records {
		if wanted(r) && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (f *runtimeFake) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.tenants)
}
