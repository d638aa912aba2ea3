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

// beat writes that one replica lives, or that it goes, and returns all that live or that
// fell silent lately. Each is kept as "expires:json".
//
// KEYS: the replicas. ARGV: id, ttl in ms or 0 to go, json, longest life in ms, how long one
// that fell silent is named in ms.
const beatText = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local bad, rows = 0, redis.pcall('HGETALL', KEYS[1])
if rows.err then
  redis.call('DEL', KEYS[1])
  bad, rows = 1, {}
end
local live = {bad}
local last = now
if tonumber(ARGV[2]) > 0 then
  last = now + ARGV[2]
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', last) .. ':' .. ARGV[3])
  live = {bad, ARGV[1], ARGV[3], 0}
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
for i = 1, #rows, 2 do
  local expires, rest = string.match(rows[i + 1], '^(%d+):(.*)$')
  if not expires or #expires > 15 or tonumber(expires) > now + ARGV[4] then
    live[1] = live[1] + 1
    redis.call('HDEL', KEYS[1], rows[i])
  elseif tonumber(expires) + ARGV[5] <= now then
    redis.call('HDEL', KEYS[1], rows[i])
  elseif rows[i] ~= ARGV[1] then
    live[#live + 1] = rows[i]
    live[#live + 1] = rest
    live[#live + 1] = tonumber(expires) <= now and 1 or 0
    last = math.max(last, tonumber(expires))
  end
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', last - now + ARGV[5]))
return live
`

// beating is a replica as Redis keeps it.
type beating struct {
	Host    string    `json:"host"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	KeyIDs  []string  `json:"keys"`
	Report  []byte    `json:"report,omitempty"`
}

// Beat says that a replica is alive for ttl, and who else is or was. One that says that it
// lives no longer has said that it goes, and is forgotten.
func (s *Store) Beat(ctx context.Context, me store.Replica, ttl time.Duration) ([]store.Replica, error) {
	if len(me.Report) > store.MaxReport {
		s.metrics.Invalid("report", 1)
		me.Report = nil
	}
	text, err := json.Marshal(beating{me.Host, me.Version, me.Started, me.KeyIDs, me.Report})
	if err != nil {
		return nil, fmt.Errorf("beat: %w", err)
	}
	rows, err := s.Script(ctx, s.scripts.beat, []string{replicasKey},
		me.ID, max(0, ttl.Milliseconds()), text, strconv.FormatInt(maxBeat.Milliseconds(), 10), store.Lingers.Milliseconds())
	if err != nil {
		return nil, err
	}
	s.countBad("replica", rows[0])
	var all []store.Replica
	for i := 1; i+2 < len(rows); i += 3 {
		if r, ok := openReplica(rows[i], rows[i+1], rows[i+2]); ok {
			all = append(all, r)
			continue
		}
		s.metrics.Invalid("replica", 1)
	}
	slices.SortFunc(all, func(a, b store.Replica) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

func openReplica(id, text, silent any) (store.Replica, bool) {
	name, _ := id.(string)
	body, _ := text.(string)
	var r beating
	if err := json.Unmarshal([]byte(body), &r); err != nil || name == "" || len(r.Report) > store.MaxReport {
		return store.Replica{}, false
	}
	return store.Replica{
		ID: name, Host: r.Host, Version: r.Version, Started: r.Started, KeyIDs: r.KeyIDs,
		Report: r.Report, Silent: silent == int64(1),
	}, true
}
