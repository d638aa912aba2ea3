package embedded

import (
	"encoding/binary"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"sluicegate.dev/sluice/internal/store"
)

// recordsBucket carries the version of the format.
const recordsBucket = "records1"

// recordHead is what stands before a record's value: its version.
const recordHead = 8

func (n recordName) bytes() []byte { return []byte(n.kind + "\x00" + n.name) }

// decodeRecord returns what the file holds at a key; ok is false when it is not ours.
func decodeRecord(key, value []byte) (r store.Record, ok bool) {
	kind, name, ok := strings.Cut(string(key), "\x00")
	if !ok || len(value) <= recordHead {
		return store.Record{}, false
	}
	r = store.Record{Kind: kind, Name: name, Version: binary.BigEndian.Uint64(value), Value: append([]byte(nil), value[recordHead:]...)}
	return r, r.Version > 0 && store.CheckRecord(r) == nil
}

// flushRecords writes what has changed, if the file is ours. What cannot be written stays to
// be tried again with the next batch.
func (s *Store) flushRecords() {
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	if s.file.db == nil {
		return
	}
	changed := s.records.changed()
	if len(changed) == 0 {
		return
	}
	if err := writeRecords(s.file.db, changed); err != nil {
		s.records.putBack(changed)
		s.gauges.flushes.WithLabelValues("error").Inc()
		if s.file.isNews(err) {
			s.log.Error("what was decided at runtime could not be written to the embedded store's file: it is kept in memory and tried again", "file", s.path, "err", err)
		}
		return
	}
	s.gauges.flushes.WithLabelValues("ok").Inc()
}

// changed takes what is to be written; a record without a version is to go.
func (r *records) changed() []store.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []store.Record
	for n := range r.dirty {
		rec := r.kept[n]
		rec.Kind, rec.Name = n.kind, n.name
		all = append(all, rec)
		delete(r.dirty, n)
	}
	return all
}

func (r *records) putBack(changed []store.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range changed {
		r.dirty[recordName{rec.Kind, rec.Name}] = struct{}{}
	}
}

func writeRecords(db *bbolt.DB, changed []store.Record) error {
	err := db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(recordsBucket))
		for _, r := range changed {
			if err != nil {
				break
			}
			key := recordName{r.Kind, r.Name}.bytes()
			if r.Version == 0 {
				err = bucket.Delete(key)
			} else {
				err = bucket.Put(key, append(binary.BigEndian.AppendUint64(nil, r.Version), r.Value...))
			}
		}
		return err //nolint:wrapcheck // wrapped below
	})
	if err != nil {
		return fmt.Errorf("write %d records: %w", len(changed), err)
	}
	return nil
}

// merge takes in what the file holds. What was written while the file was not ours is newer.
func (r *records) merge(found []store.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range found {
		n := recordName{rec.Kind, rec.Name}
		_, known := r.kept[n]
		_, gone := r.dirty[n]
		if !known && !gone {
			r.kept[n] = rec
		}
	}
}
