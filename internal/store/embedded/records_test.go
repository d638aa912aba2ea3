package embedded

import (
	"errors"
	"testing"

	"go.etcd.io/bbolt"

	"sluicegate.dev/sluice/internal/store"
)

func keep(t *testing.T, s *Store, name, value string) store.Record {
	t.Helper()
	there, err := s.Record(t.Context(), store.KindTenant, name)
	if err != nil {
		t.Fatal(err)
	}
	there.Value = []byte(value)
	there, err = s.PutRecord(t.Context(), there)
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// A record is in the file when PutRecord returns: no kill -9 may lose it.
func TestRecordsOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, nil)
	keep(t, s, "removed", "v")
	keep(t, s, "acme", "one")
	want := keep(t, s, "acme", "two")
	keep(t, s, "removed", "")
	if err := s.file.db.Close(); err != nil { // nothing is written any more
		t.Fatal(err)
	}

	again := opened(t, dir, nil)
	defer again.Release()
	all, err := again.Records(t.Context(), store.KindTenant)
	if err != nil || len(all) != 1 || string(all[0].Value) != "two" || all[0].Version != want.Version {
		t.Errorf("got %+v, %v", all, err)
	}
	if _, err := again.PutRecord(t.Context(), store.Record{Kind: store.KindTenant, Name: "acme", Value: []byte("x")}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("it is taken for new: %v", err)
	}
}

// While the file belongs to another process records are kept in memory, and are newer than
// what the file holds.
func TestRecordsWaitForTheFile(t *testing.T) {
	dir := t.TempDir()
	first := opened(t, dir, nil)
	keep(t, first, "acme", "old")
	keep(t, first, "other", "stays")
	second := opened(t, dir, nil)
	keep(t, second, "acme", "new")
	first.Release()
	second.tryOpen()
	second.flushRecords()
	second.Release()

	third := opened(t, dir, nil)
	defer third.Release()
	for name, want := range map[string]string{"acme": "new", "other": "stays"} {
		if got, err := third.Record(t.Context(), store.KindTenant, name); string(got.Value) != want || err != nil {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestForeignRecordsInTheFile(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, nil)
	keep(t, s, "acme", "mine")
	err := s.file.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(recordsBucket))
		return errors.Join(b.Put([]byte("no kind"), []byte("12345678v")), b.Put([]byte("tenant\x00short"), []byte("1234567")), b.Put([]byte("tenant\x00zero"), make([]byte, 12)))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Release()
	again := opened(t, dir, nil)
	defer again.Release()
	if all, err := again.Records(t.Context(), store.KindTenant); len(all) != 1 || err != nil {
		t.Errorf("got %+v, %v", all, err)
	}
}
