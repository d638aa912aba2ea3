package embedded

import (
	"bytes"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// batchSize bounds one transaction, and so what a commit holds in memory.
const batchSize = 10_000

// flush writes what changed since the last batch.
func (s *Store) flush() {
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	if s.file.db == nil {
		for i := range s.shards {
			s.shards[i].forget()
		}
		return
	}
	for {
		batch := s.changed()
		if len(batch) == 0 {
			return
		}
		if err := write(s.file.db, batch); err != nil {
			s.putBack(batch)
			s.gauges.flushes.WithLabelValues("error").Inc()
			if s.file.isNews(err) {
				s.log.Error("pins could not be written to the embedded store's file: they are kept in memory and tried again", "file", s.path, "err", err)
			}
			return
		}
		s.gauges.flushes.WithLabelValues("ok").Inc()
		s.wellAgain()
	}
}

// changed takes up to a batch of what is to be written. What changes from here on is for the
// next one.
func (s *Store) changed() []entry {
	var batch []entry
	for i := range s.shards {
		batch = s.shards[i].changed(batch)
		if len(batch) >= batchSize {
			break
		}
	}
	return batch
}

func (sh *shard) changed(batch []entry) []entry {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for n := range sh.dirty {
		if len(batch) >= batchSize {
			return batch
		}
		p, there := sh.pins[n]
		batch = append(batch, entry{name: n, pin: p, gone: !there})
		delete(sh.dirty, n)
	}
	return batch
}

// putBack marks what could not be written, so that it is tried again.
func (s *Store) putBack(batch []entry) {
	for _, e := range batch {
		sh := s.shard(e.name)
		sh.mu.Lock()
		sh.dirty[e.name] = struct{}{}
		sh.mu.Unlock()
	}
	for i := range s.shards {
		s.shards[i].forget()
	}
}

// forget drops marks of pins that are gone, or the marks would grow for as long as nothing
// can be written. Such a pin stays in the file until it expires there.
func (sh *shard) forget() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for n := range sh.dirty {
		if _, there := sh.pins[n]; !there {
			delete(sh.dirty, n)
		}
	}
}

// write commits one batch. Sorted, its keys touch each page of the file once.
func write(db *bbolt.DB, batch []entry) error {
	slices.SortFunc(batch, func(a, b entry) int { return bytes.Compare(a.key(), b.key()) })
	err := db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(bucketName))
		if err != nil {
			return err //nolint:wrapcheck // wrapped below
		}
		for _, e := range batch {
			if e.gone {
				err = bucket.Delete(e.key())
			} else {
				err = bucket.Put(e.key(), e.encode())
			}
			if err != nil {
				return err //nolint:wrapcheck // wrapped below
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write %d pins: %w", len(batch), err)
	}
	return nil
}
