package embedded

import (
	"context"
	"slices"
	"sync"

	"sluicegate.dev/sluice/internal/store"
)

// records are few and each is written to the file at once: what was decided must outlive the
// process.
type records struct {
	mu    sync.Mutex
	kept  map[recordName]store.Record
	dirty map[recordName]struct{}
}

type recordName struct{ kind, name string }

func newRecords() records {
	return records{kept: map[recordName]store.Record{}, dirty: map[recordName]struct{}{}}
}

// Records returns all records of a kind, in no order.
func (s *Store) Records(_ context.Context, kind string) ([]store.Record, error) {
	defer s.called("records", s.now())
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	var all []store.Record
	for n, r := range s.records.kept {
		if n.kind == kind {
			r.Value = slices.Clone(r.Value)
			all = append(all, r)
		}
	}
	return all, nil
}

// Record returns one record; its version is 0 when there is none.
func (s *Store) Record(_ context.Context, kind, name string) (store.Record, error) {
	defer s.called("record", s.now())
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	r, ok := s.records.kept[recordName{kind, name}]
	if !ok {
		return store.Record{Kind: kind, Name: name}, nil
	}
	r.Value = slices.Clone(r.Value)
	return r, nil
}

// PutRecord writes a record if it is still at rec.Version, 0 for one that must not be there,
// and returns it at its new version. Else it returns store.ErrConflict and what is there. An
// empty value removes it.
func (s *Store) PutRecord(_ context.Context, rec store.Record) (store.Record, error) {
	if err := store.CheckRecord(rec); err != nil {
		return store.Record{}, err //nolint:wrapcheck // says which record
	}
	defer s.called("put_record", s.now())
	rec.Value = slices.Clone(rec.Value)
	there, err := s.putRecord(rec)
	if err != nil {
		return there, err
	}
	s.flushRecords()
	return there, nil
}

func (s *Store) putRecord(rec store.Record) (store.Record, error) {
	n := recordName{rec.Kind, rec.Name}
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	there, known := s.records.kept[n]
	switch {
	case there.Version != rec.Version && !known:
		return store.Record{Kind: rec.Kind, Name: rec.Name}, store.ErrConflict
	case there.Version != rec.Version:
		there.Value = slices.Clone(there.Value)
		return there, store.ErrConflict
	case len(rec.Value) == 0:
		delete(s.records.kept, n)
		rec.Version = 0
	case known:
		rec.Version++
		s.records.kept[n] = rec
	default:
		rec.Version = uint64(max(1, s.now().UnixMilli()))
		s.records.kept[n] = rec
	}
	s.records.dirty[n] = struct{}{}
	s.recordFeed.tell(rec)
	return rec, nil
}
