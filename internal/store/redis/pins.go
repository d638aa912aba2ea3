package redis

import (
	"context"
	"strconv"
	"strings"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// maxValue bounds what a pin may be; ours have about a hundred bytes.
const maxValue = 4 << 10

func pinKey(tenant, key string) string { return prefix + "pin:" + tenant + ":" + key }

// Pin returns a session's pin, or "" when there is none.
func (s *Store) Pin(ctx context.Context, tenant, key string) (string, error) {
	k := pinKey(tenant, key)
	replies, err := s.do(ctx, "pin", request{key: k, words: []any{"GET", k}})
	if isWrongType(err) {
		s.metrics.Invalid("pin", 1)
		return "", nil
	}
	if err != nil || replies[0].value == nil {
		return "", err
	}
	text, _ := replies[0].value.(string)
	value, ok := openPin(text)
	if !ok {
		s.metrics.Invalid("pin", 1)
	}
	return value, nil
}

// A pin is kept as its epoch in hexadecimal without leading zeros, a colon, and the value.
// Such numbers compare by length, then as text, also in Lua, whose numbers are too small.

func formatEpoch(epoch uint64) string { return strconv.FormatUint(epoch, 16) }

// openPin returns the value of a pin as Redis keeps it. The script below checks the same.
func openPin(text string) (value string, ok bool) {
	epoch, value, ok := strings.Cut(text, ":")
	n, err := strconv.ParseUint(epoch, 16, 64)
	if !ok || err != nil || formatEpoch(n) != epoch || value == "" || len(text) > maxValue {
		return "", false
	}
	return value, true
}

// putPin keeps a pin and tells of it, unless one of the same or a newer epoch is there. It
// returns the one that is there now, and whether what was there made no sense.
//
// KEYS: the pin. ARGV: epoch, value, ttl in ms, channel, message, longest, "any" to overwrite.
const putPinText = `
local bad = 0
local there = redis.pcall('GET', KEYS[1])
if type(there) == 'table' then
  bad, there = 1, false
end
if there then
  local epoch = string.match(there, '^([0-9a-f]+):.')
  if not epoch or #epoch > 16 or (#epoch > 1 and string.sub(epoch, 1, 1) == '0') or #there > tonumber(ARGV[6]) then
    bad = 1
  elseif ARGV[7] ~= 'any' and (#epoch > #ARGV[1] or (#epoch == #ARGV[1] and epoch >= ARGV[1])) then
    return {string.sub(there, #epoch + 2), bad}
  end
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return {ARGV[2], bad}
`

// PutPin keeps a pin unless one of the same or a newer epoch is there, and returns the one
// that is there now.
func (s *Store) PutPin(ctx context.Context, tenant, key, value string, epoch uint64, ttl time.Duration) (string, error) {
	rows, err := s.Script(ctx, s.scripts.putPin, []string{pinKey(tenant, key)},
		formatEpoch(epoch), value, ttl.Milliseconds(), pinsChannel, message(tenant, key, value), maxValue, "older")
	if err != nil {
		return "", err
	}
	winner, _ := rows[0].(string)
	s.countBad("pin", rows[1])
	return winner, nil
}

// OverwritePin replaces a pin whose value did not pass its reader's check. Any epoch beats it.
func (s *Store) OverwritePin(ctx context.Context, tenant, key, value string, ttl time.Duration) error {
	_, err := s.Script(ctx, s.scripts.overwritePin, []string{pinKey(tenant, key)},
		formatEpoch(0), value, ttl.Milliseconds(), pinsChannel, message(tenant, key, value), maxValue, "any")
	if err == nil {
		s.metrics.Invalid("pin", 1)
	}
	return err
}

// ExpirePin lets a pin end after ttl.
func (s *Store) ExpirePin(ctx context.Context, tenant, key string, ttl time.Duration) error {
	_, err := s.do(ctx, "expire_pin", expire(pinKey(tenant, key), ttl))
	return err
}

// touchBatch bounds one round trip of TouchPins.
const touchBatch = 1000

// TouchPins lets pins live for ttl from now.
func (s *Store) TouchPins(ctx context.Context, refs []store.PinRef, ttl time.Duration) error {
	for len(refs) > 0 {
		batch := refs[:min(touchBatch, len(refs))]
		refs = refs[len(batch):]
		requests := make([]request, len(batch))
		for i, ref := range batch {
			requests[i] = expire(pinKey(ref.Tenant, ref.Key), ttl)
		}
		if _, err := s.do(ctx, "touch_pins", requests...); err != nil {
			return err
		}
	}
	return nil
}

func expire(key string, ttl time.Duration) request {
	return request{key: key, words: []any{"PEXPIRE", key, ttl.Milliseconds()}}
}

func (s *Store) countBad(kind string, count any) {
	if n, ok := count.(int64); ok {
		s.metrics.Invalid(kind, int(n))
	}
}
