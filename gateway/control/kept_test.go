package control

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/embedded"
	"sluicegate.dev/sluice/routing/cutover"
)

func TestRestart(t *testing.T) {
	t.Run("all gateways and the store lost: the disk remembers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			dir, s := t.TempDir(), newShared(t)
			a := start(t, s, "a", dir)
			a.change(closing)
			if _, err := a.ChangePool(t.Context(), "p", drain("b1", nil)); err != nil {
				t.Fatal(err)
			}
			a.stop()

			empty := newShared(t)
			again := start(t, empty, "a2", dir)
			if again.Course("acme") == nil || again.Course("acme").Epoch != 1 || again.Backend("p", "b1") != cutover.Draining {
				t.Errorf("remembers %+v, %s", again.Course("acme"), again.Backend("p", "b1"))
			}
			after(time.Second)
			if r := record(t, empty); r.Version == 0 {
				t.Error("the store was not filled again")
			}
		})
	})
	t.Run("an empty disk: the store is asked before anybody is served", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newShared(t)
			start(t, s, "a", t.TempDir()).change(closing)
			local, err := OpenLocal(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			c := New(Config{
				Store: s, Local: local, Keys: ring(), Replica: "new", Log: slog.New(slog.DiscardHandler),
				Declared: func(string) (string, []string, bool) { return "blue", []string{"blue", "green"}, true },
			})
			c.Join(t.Context())
			if c.Course("acme") == nil {
				t.Error("it would send the tenant back to where it came from")
			}
		})
	})
	t.Run("a store that is away delays a start by a second, and no more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := start(t, newShared(t), "a", t.TempDir())
			a.store.cut.Store(true)
			before := time.Now()
			a.Join(t.Context())
			if took := time.Since(before); took != joinFor {
				t.Errorf("took %s", took)
			}
		})
	})
	t.Run("a copy that is older than the store loses", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			dir, s := t.TempDir(), newShared(t)
			a, b := start(t, s, "a", dir), start(t, s, "b", t.TempDir())
			a.change(closing)
			a.stop()
			b.change(closing)
			again := start(t, s, "a2", dir)
			after(time.Second)
			if again.epoch() != 2 || b.epoch() != 2 {
				t.Errorf("again at %d, b at %d", again.epoch(), b.epoch())
			}
		})
	})
}

func drain(backend string, expires *time.Time) func(cutover.Pool) (cutover.Pool, error) {
	return func(p cutover.Pool) (cutover.Pool, error) {
		p.Backends = map[string]cutover.Backend{backend: {State: cutover.Draining, Grant: cutover.Grant{Actor: "ops", At: time.Now(), Expires: expires}}}
		return p, nil
	}
}

func TestForgedRecords(t *testing.T) {
	stranger := Keys{[]byte("another ring, which is not ours.")}
	for what, forge := range map[string]func(ours store.Record) []byte{
		"garbage":       func(store.Record) []byte { return []byte("garbage") },
		"an empty seal": func(store.Record) []byte { return []byte(`1..{"tenant":"acme","epoch":9}`) },
		"sealed with another ring": func(store.Record) []byte {
			return stranger.Seal("tenant", "acme", []byte(`{"tenant":"acme","epoch":9}`))
		},
		"sealed for another tenant": func(store.Record) []byte { return ring().Seal("tenant", "beta", []byte(`{"tenant":"acme","epoch":9}`)) },
		"sealed for a pool":         func(store.Record) []byte { return ring().Seal("pool", "acme", []byte(`{"tenant":"acme","epoch":9}`)) },
		"changed after it was sealed": func(r store.Record) []byte {
			return bytes.Replace(r.Value, []byte(`"epoch":1`), []byte(`"epoch":9`), 1)
		},
		"sealed by us, but no record":    func(store.Record) []byte { return ring().Seal("tenant", "acme", []byte(`[1,2]`)) },
		"a record of another's contents": func(store.Record) []byte { return ring().Seal("tenant", "acme", []byte(`{"tenant":"beta","epoch":9}`)) },
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *embedded.Store, a, b *node) {
				a.change(closing)
				synctest.Wait()
				r := record(t, s)
				r.Value = forge(r)
				if _, err := s.PutRecord(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				after(time.Second)
				if a.epoch() != 1 || b.epoch() != 1 || a.Course("acme").Epoch != 1 {
					t.Errorf("it was believed: a at %d, b at %d", a.epoch(), b.epoch())
				}
				if a.count("sluice_control_forged_records_total") == 0 {
					t.Error("it was not counted")
				}
				if now := record(t, s); bytes.Equal(now.Value, r.Value) {
					t.Error("it still stands in the store")
				}
				if a.change(closing); a.epoch() != 2 {
					t.Error("it stands in the way of a decision")
				}
			})
		})
	}
	t.Run("on the disk", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"tenant.acme.record": `1.x.{"tenant":"acme","epoch":9}`, "tenant.%zz.record": "x", ".new-1": "half"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			a := start(t, newShared(t), "a", dir)
			if a.epoch() != 0 || a.Course("acme") != nil || a.count("sluice_control_forged_records_total") != 1 {
				t.Errorf("it was believed: %d", a.epoch())
			}
			if _, err := os.Stat(filepath.Join(dir, ".new-1")); err == nil {
				t.Error("what a crash left half written stays")
			}
		})
	})
}
