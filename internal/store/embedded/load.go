package embedded

import (
	"encoding/binary"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"sluicegate.dev/sluice/internal/store"
)

// bucketName carries the version of the format.
const bucketName = "pins1"

// entry is a pin as the file holds it, or one that is to go from the file.
type entry struct {
	name

	pin  pin
	gone bool
}

// headSize is what stands before a value: when it expires, and its epoch.
const headSize = 16

func (e entry) key() []byte { return []byte(e.tenant + "\x00" + e.name.key) }

func (e entry) encode() []byte {
	value := make([]byte, 0, headSize+len(e.pin.value))
	value = binary.BigEndian.AppendUint64(value, uint64(e.pin.expires))
	value = binary.BigEndian.AppendUint64(value, e.pin.epoch)
	return append(value, e.pin.value...)
}

// decode returns what the file holds at a key; ok is false when it is not ours.
func decode(key, value []byte) (e entry, ok bool) {
	tenant, rest, ok := strings.Cut(string(key), "\x00")
	if !ok || len(value) <= headSize {
		return entry{}, false
	}
	return entry{name: name{tenant, rest}, pin: pin{
		expires: int64(binary.BigEndian.Uint64(value)),
		epoch:   binary.BigEndian.Uint64(value[8:]),
		value:   string(value[headSize:]),
	}}, true
}

// contents are all that a file holds.
type contents struct {
	pins    []entry
	records []store.Record
	strays  int // pins that are not ours to read
	foreign int // records that are not
}

// read returns all that the file holds.
func read(db *bbolt.DB) (contents, error) {
	var found contents
	err := db.View(func(tx *bbolt.Tx) error {
		if bucket := tx.Bucket([]byte(bucketName)); bucket != nil {
			if err := bucket.ForEach(found.add); err != nil {
				return fmt.Errorf("read pins: %w", err)
			}
		}
		if bucket := tx.Bucket([]byte(recordsBucket)); bucket != nil {
			if err := bucket.ForEach(found.addRecord); err != nil {
				return fmt.Errorf("read records: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return contents{}, err //nolint:wrapcheck // says what is wrong
	}
	return found, nil
}

func (c *contents) add(key, value []byte) error {
	e, ok := decode(key, value)
	if !ok {
		c.strays++
		return nil
	}
	c.pins = append(c.pins, e)
	return nil
}

func (c *contents) addRecord(key, value []byte) error {
	r, ok := decodeRecord(key, value)
	if !ok {
		c.foreign++
		return nil
	}
	c.records = append(c.records, r)
	return nil
}

// merge takes in what the file holds. What was put while the file was not ours is newer,
// unless its epoch says otherwise.
func (s *Store) merge(found contents) {
	now := s.now().UnixMilli()
	for _, e := range found.pins {
		sh := s.shard(e.name)
		sh.mu.Lock()
		there, known := sh.pins[e.name]
		switch {
		case e.pin.expires <= now && !known:
			sh.dirty[e.name] = struct{}{} // goes from the file with the next batch
		case e.pin.expires <= now, known && there.epoch >= e.pin.epoch:
		case known || len(sh.pins) < s.room:
			sh.pins[e.name] = e.pin
		}
		sh.mu.Unlock()
	}
	s.metrics.Invalid("pin", found.strays)
	s.metrics.Invalid("record", found.foreign)
	s.records.merge(found.records)
}
