package redis

import (
	"context"
	"strconv"
	"strings"

	"sluicegate.dev/sluice/internal/store"
)

// Records of a kind are the fields of one hash, each as its version in decimals, a colon and
// the value. They do not expire.

func recordsKey(kind string) string { return recordsPrefix + kind }

// recordsPage is about how many records one round trip reads.
const recordsPage = 100

// longestVersion bounds the digits of a version: Lua's numbers are exact up to 2^53.
const longestVersion = 15

// Records returns all records of a kind, in no order.
func (s *Store) Records(ctx context.Context, kind string) ([]store.Record, error) {
	key := recordsKey(kind)
	found := map[string]store.Record{} // a scan may return one twice
	for cursor := "0"; ; {
		replies, err := s.do(ctx, "records", request{key: key, words: []any{"HSCAN", key, cursor, "COUNT", recordsPage}})
		if isWrongType(err) {
			s.metrics.Invalid("record", 1)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		next, rows, ok := scanned(replies[0])
		if !ok {
			return nil, errNotTable
		}
		for i := 0; i+1 < len(rows); i += 2 {
			name, _ := rows[i].(string)
			text, _ := rows[i+1].(string)
			if r, ok := openRecord(kind, name, text); ok {
				found[name] = r
			} else {
				s.metrics.Invalid("record", 1)
			}
		}
		if cursor = next; cursor == "0" {
			break
		}
	}
	all := make([]store.Record, 0, len(found))
	for _, r := range found {
		all = append(all, r)
	}
	return all, nil
}

func scanned(r reply) (cursor string, rows []any, ok bool) {
	parts, _ := r.value.([]any)
	if len(parts) != 2 {
		return "", nil, false
	}
	cursor, _ = parts[0].(string)
	rows, ok = parts[1].([]any)
	return cursor, rows, ok && cursor != ""
}

// Record returns one record; its version is 0 when there is none.
func (s *Store) Record(ctx context.Context, kind, name string) (store.Record, error) {
	none := store.Record{Kind: kind, Name: name}
	key := recordsKey(kind)
	replies, err := s.do(ctx, "record", request{key: key, words: []any{"HGET", key, name}})
	if isWrongType(err) {
		s.metrics.Invalid("record", 1)
		return none, nil
	}
	if err != nil || replies[0].value == nil {
		return none, err
	}
	text, _ := replies[0].value.(string)
	r, ok := openRecord(kind, name, text)
	if !ok {
		s.metrics.Invalid("record", 1)
		return none, nil
	}
	return r, nil
}

// openRecord reads a record as Redis keeps it. The script below checks the same.
func openRecord(kind, name, text string) (store.Record, bool) {
	digits, value, ok := strings.Cut(text, ":")
	version, sound := openVersion(digits)
	if !ok || !sound || value == "" {
		return store.Record{}, false
	}
	r := store.Record{Kind: kind, Name: name, Version: version, Value: []byte(value)}
	return r, store.CheckRecord(r) == nil
}

func openVersion(digits string) (uint64, bool) {
	version, err := strconv.ParseUint(digits, 10, 64)
	return version, err == nil && version > 0 && len(digits) <= longestVersion && digits[0] != '0'
}

// putRecord writes a record when it is still at the version that its writer read, and tells
// of it. An empty value removes it. It returns 1 and the new version, or 0 and what is there;
// then whether what was there made no sense.
//
// A new record's version is the time in milliseconds: it is beyond all that the record may
// have had before Redis lost it.
//
// KEYS: the records of the kind. ARGV: name, version or 0, value, channel, kind.
const putRecordText = `
local bad = 0
local there = redis.pcall('HGET', KEYS[1], ARGV[1])
if type(there) == 'table' then
  redis.call('DEL', KEYS[1])
  bad, there = 1, false
end
local version = '0'
if there then
  version = string.match(there, '^([1-9]%d*):.')
  if not version or #version > 15 then
    bad, version = 1, '0'
  end
end
if version ~= ARGV[2] then
  if version == '0' then
    return {0, '', bad}
  end
  return {0, there, bad}
end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('PUBLISH', ARGV[4], ARGV[5] .. ' ' .. ARGV[1] .. ' 0 ')
  return {1, '0', bad}
end
local next
if version == '0' then
  local t = redis.call('TIME')
  next = t[1] * 1000 + math.floor(t[2] / 1000)
else
  next = tonumber(version) + 1
end
local digits = string.format('%.0f', next)
redis.call('HSET', KEYS[1], ARGV[1], digits .. ':' .. ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5] .. ' ' .. ARGV[1] .. ' ' .. digits .. ' ' .. ARGV[3])
return {1, digits, bad}
`

// PutRecord writes a record if it is still at rec.Version, 0 for one that must not be there,
// and returns it at its new version. Else it returns store.ErrConflict and what is there. An
// empty value removes it.
func (s *Store) PutRecord(ctx context.Context, rec store.Record) (store.Record, error) {
	if err := store.CheckRecord(rec); err != nil {
		return store.Record{}, err //nolint:wrapcheck // says which record
	}
	rows, err := s.Script(ctx, s.scripts.putRecord, []string{recordsKey(rec.Kind)},
		rec.Name, strconv.FormatUint(rec.Version, 10), rec.Value, recordsChannel, rec.Kind)
	if err != nil {
		return store.Record{}, err
	}
	s.countBad("record", rows[2])
	text, _ := rows[1].(string)
	if rows[0] == int64(1) {
		rec.Version, _ = strconv.ParseUint(text, 10, 64)
		return rec, nil
	}
	there, ok := openRecord(rec.Kind, rec.Name, text)
	if !ok {
		there = store.Record{Kind: rec.Kind, Name: rec.Name}
	}
	return there, store.ErrConflict
}

// WatchRecords tells of every record that is written, until ctx ends; of one that was removed
// with version 0. lost says that something may have been missed, as for WatchPins.
func (s *Store) WatchRecords(ctx context.Context, heard func(store.Record), lost func()) error {
	return s.follow(ctx, recordsChannel, func(payload string) {
		if r, ok := openMessage(payload); ok {
			heard(r)
			return
		}
		s.metrics.Invalid("message", 1)
	}, lost)
}

// openMessage reads what putRecord tells.
func openMessage(payload string) (store.Record, bool) {
	kind, rest, _ := strings.Cut(payload, " ")
	name, rest, _ := strings.Cut(rest, " ")
	digits, value, ok := strings.Cut(rest, " ")
	r := store.Record{Kind: kind, Name: name}
	if ok && digits == "0" && value == "" {
		return r, store.CheckRecord(r) == nil
	}
	version, sound := openVersion(digits)
	r.Version, r.Value = version, []byte(value)
	return r, ok && sound && value != "" && store.CheckRecord(r) == nil
}
