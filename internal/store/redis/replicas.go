package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// maxBeat bounds how long a replica may say that it lives. What claims more is not ours: it
// would be counted for as long.
const maxBeat = 10 * time.Minute

// beat writes that one replica lives and returns all that do. Each is kept as "expires:json".
//
// KEYS: the replicas. ARGV: id, ttl in ms, json, longest life in ms.
const beatText = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local bad, rows = 0, redis.pcall('HGETALL', KEYS[1])
if rows.err then
  redis.call('DEL', KEYS[1])
  bad, rows = 1, {}
end
local last = now + ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', last) .. ':' .. ARGV[3])
local live = {bad, ARGV[1], ARGV[3]}
for i = 1, #rows, 2 do
  local expires, rest = string.match(rows[i + 1], '^(%d+):(.*)$')
  if not expires or #expires > 15 or tonumber(expires) > now + ARGV[4] then
    live[1] = live[1] + 1
    redis.call('HDEL', KEYS[1], rows[i])
  elseif tonumber(expires) <= now then
    redis.call('HDEL', KEYS[1], rows[i])
  elseif rows[i] ~= ARGV[1] then
    live[#live + 1] = rows[i]
    live[#live + 1] = rest
    last = math.max(last, tonumber(expires))
  end
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', last - now))
return live
`

// beating is a replica as Redis keeps it.
type beating struct {
	Host    string    `json:"host"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	KeyIDs  []string  `json:"keys"`
}

// Beat says that a replica is alive, and who else is.
func (s *Store) Beat(ctx context.Context, me store.Replica, ttl time.Duration) ([]store.Replica, error) {
	text, err := json.Marshal(beating{me.Host, me.Version, me.Started, me.KeyIDs})
	if err != nil {
		return nil, fmt.Errorf("beat: %w", err)
	}
	rows, err := s.Script(ctx, s.scripts.beat, []string{replicasKey},
		me.ID, ttl.Milliseconds(), text, strconv.FormatInt(maxBeat.Milliseconds(), 10))
	if err != nil {
		return nil, err
	}
	s.countBad("replica", rows[0])
	var live []store.Replica
	for i := 1; i+1 < len(rows); i += 2 {
		id, _ := rows[i].(string)
		text, _ := rows[i+1].(string)
		var r beating
		if err := json.Unmarshal([]byte(text), &r); err != nil || id == "" {
			s.metrics.Invalid("replica", 1)
			continue
		}
		live = append(live, store.Replica{ID: id, Host: r.Host, Version: r.Version, Started: r.Started, KeyIDs: r.KeyIDs})
	}
	slices.SortFunc(live, func(a, b store.Replica) int { return cmp.Compare(a.ID, b.ID) })
	return live, nil
}
