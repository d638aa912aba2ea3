package conduct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/keyring"
	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/routing/cutover"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func keep(t *testing.T, r *Reports, tenant, id string, ended time.Time) Signed {
	t.Helper()
	s, err := r.Sign(tenant, id, ended, map[string]string{"of": id, "text": "<b> & co"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Keep(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReportsAreKeptAndVerified(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reports")
	r := NewReports(dir, testKeys())
	s := keep(t, r, "acme", "c1", noon)
	got, err := NewReports(dir, testKeys()).Get("acme", "c1")
	if err != nil || string(got.Report) != string(s.Report) || got.Signature != s.Signature {
		t.Fatalf("got %+v, %v", got, err)
	}
	if tenant, ok := r.Find("c1"); !ok || tenant != "acme" {
		t.Errorf("found at %q", tenant)
	}
	newer := NewReports(dir, append([]keyring.Key{{Name: "k2", Secret: []byte("newer")}}, testKeys()...))
	if _, err := newer.Get("acme", "c1"); err != nil {
		t.Errorf("after a new key was put in front: %v", err)
	}
	if _, err := NewReports(dir, []keyring.Key{{Name: "k1", Secret: []byte("other")}}).Get("acme", "c1"); !errors.Is(err, ErrForged) {
		t.Errorf("with another ring: %v", err)
	}
	path := filepath.Join(dir, "acme", "c1.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{`"of": "c1"`, `"of": "c2"`}, {`"tenant": "acme"`, `"tenant": "other"`}, {"2026-11-22T12", "2026-11-22T13"}} {
		if !strings.Contains(string(text), change[0]) {
			t.Fatalf("%s holds no %s", text, change[0])
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), change[0], change[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Get("acme", "c1"); !errors.Is(err, ErrForged) {
			t.Errorf("changed to %s: %v", change[1], err)
		}
	}
}

func TestReportsAreBounded(t *testing.T) {
	r := NewReports(t.TempDir(), testKeys())
	for i := range reportsKept + 7 {
		keep(t, r, "acme", fmt.Sprint("c", i), noon.Add(time.Duration(i)*time.Minute))
	}
	keep(t, r, "other", "d1", noon)
	ids, err := r.List("acme")
	if err != nil || len(ids) != reportsKept || ids[0] != fmt.Sprint("c", reportsKept+6) || slices.Contains(ids, "c6") {
		t.Errorf("%d are kept, first %v, %v", len(ids), ids[:1], err)
	}
	if ids, err := r.List("nobody"); err != nil || len(ids) != 0 {
		t.Errorf("got %v, %v", ids, err)
	}
}

// Ids come from requests: none of them is a way to other files.
func TestReportsStayInTheirFolder(t *testing.T) {
	dir := t.TempDir()
	r := NewReports(filepath.Join(dir, "reports"), testKeys())
	keep(t, r, "acme", "c1", noon)
	if err := os.WriteFile(filepath.Join(dir, "secret.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"../../secret", "..", "", ".", "a/b", "c*", "c?", "[c]1", "c1\x00", strings.Repeat("c", 300)} {
		if _, err := r.Get("acme", id); !errors.Is(err, ErrNoReport) {
			t.Errorf("id %q: %v", id, err)
		}
		if tenant, ok := r.Find(id); ok {
			t.Errorf("id %q is %s's", id, tenant)
		}
		if _, err := r.Get(id, "c1"); !errors.Is(err, ErrNoReport) {
			t.Errorf("tenant %q: %v", id, err)
		}
	}
}

// shelf is a store of records.
type shelf struct {
	mu      sync.Mutex
	records map[string]store.Record
	down    bool
	puts    int
}

func (s *shelf) Records(_ context.Context, kind string) (all []store.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, store.ErrUnavailable
	}
	for _, r := range s.records {
		if r.Kind == kind {
			all = append(all, r)
		}
	}
	return all, nil
}

func (s *shelf) PutRecord(_ context.Context, r store.Record) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return store.Record{}, store.ErrUnavailable
	}
	if err := store.CheckRecord(r); err != nil {
		return store.Record{}, err
	}
	s.puts++
	there := s.records[r.Kind+r.Name]
	if there.Version != r.Version {
		return there, store.ErrConflict
	}
	r.Version++
	s.records[r.Kind+r.Name] = r
	return r, nil
}

// ended is a Control whose tenants have each ended a cutover.
type ended struct {
	*node
	all []cutover.Record
}

func (e ended) All() []cutover.Record { return e.all }

// A gateway whose disk began empty finds the reports in the store, and the store gets what it
// missed while it was away.
func TestReportsOutliveADisk(t *testing.T) {
	there := &shelf{records: map[string]store.Record{}, down: true}
	keeperOf := func(dir string, all ...cutover.Record) keeper {
		c := only(Config{Control: ended{all: all}, Reports: NewReports(dir, testKeys()), Store: there})
		return keeper{Conductor: c, kept: map[string]string{}, owed: map[string]Signed{}}
	}
	last := func(id string, at time.Time) cutover.Record {
		return cutover.Record{Tenant: "acme", Last: &cutover.Cutover{
			ID: id, Tenant: "acme", From: "blue", Plan: cutover.Plan{To: "green"}, Phase: cutover.Completed, Ended: &at,
		}}
	}
	a, b := keeperOf(t.TempDir(), last("c1", noon)), keeperOf(t.TempDir(), last("c1", noon))
	a.once(t.Context())
	if len(a.owed) != 1 {
		t.Fatal("nothing is owed to a store that is away")
	}
	there.down = false
	a.once(t.Context())
	b.once(t.Context())
	if puts := there.puts; len(a.owed)+len(b.owed) != 0 || puts != 2 {
		t.Errorf("%d puts, owed %d", puts, len(a.owed)+len(b.owed))
	}
	b.cfg.Control = ended{all: []cutover.Record{last("c2", noon.Add(time.Hour))}}
	b.once(t.Context())

	forged, err := NewReports("", []keyring.Key{{Name: "k1", Secret: []byte("other")}}).Sign("acme", "c9", noon, "forged")
	if err != nil {
		t.Fatal(err)
	}
	value, err := pack([]Signed{forged})
	if err != nil {
		t.Fatal(err)
	}
	there.records["forged"] = store.Record{Kind: store.KindReport, Name: "x", Value: value}
	there.records["rubbish"] = store.Record{Kind: store.KindReport, Name: "y", Value: []byte("rubbish")}

	fresh := keeperOf(t.TempDir())
	fresh.once(t.Context())
	if ids, err := fresh.cfg.Reports.List("acme"); err != nil || !slices.Equal(ids, []string{"c2", "c1"}) {
		t.Errorf("a new gateway has %v, %v", ids, err)
	}
	got, err := fresh.cfg.Reports.Get("acme", "c1")
	if err != nil || !strings.Contains(string(got.Report), `"outcome":"completed"`) {
		t.Errorf("got %s, %v", got.Report, err)
	}
	if _, err := fresh.cfg.Reports.Get("acme", "c9"); err == nil {
		t.Error("a forged report is kept")
	}
}

func TestPackedReportsFitTheStore(t *testing.T) {
	r := NewReports("", testKeys())
	var all []Signed
	for i := range 3 * sharedMost {
		s, err := r.Sign("acme", fmt.Sprint("c", i), noon.Add(time.Duration(i)*time.Minute), rubbish(20<<10, int64(i)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	value, err := pack(all)
	if err != nil || len(value) > sharedBytes {
		t.Fatalf("%d bytes, %v", len(value), err)
	}
	back := unpack(value)
	if len(back) == 0 || len(back) > sharedMost || back[0].Cutover != fmt.Sprint("c", 3*sharedMost-1) {
		t.Errorf("%d reports came back", len(back))
	}
	for _, s := range back {
		if err := r.Verify(s); err != nil {
			t.Error(err)
		}
	}
}
