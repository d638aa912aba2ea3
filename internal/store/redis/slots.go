package redis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

func slotsKey(backend string) string { return prefix + "slots:{" + backend + "}" }

// leaseSlots is store.Grant in Lua, step by step; a test holds the two together. A lease is
// kept as "granted:held:demand:since:expires".
//
// KEYS: the backend. ARGV: replica, ttl in ms, workers, busy, demand, now in ms or 0 for Redis's
// own clock.
const leaseSlotsText = `
local me, ttl, workers = ARGV[1], tonumber(ARGV[2]), math.max(tonumber(ARGV[3]), 0)
local busy, demand, now = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if now == 0 then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end

local bad, rows = 0, redis.pcall('HGETALL', KEYS[1])
if rows.err then
  redis.call('DEL', KEYS[1])
  bad, rows = 1, {}
end
local held, names, last = {}, {}, now + ttl
for i = 1, #rows, 2 do
  local name = rows[i]
  local g, h, d, s, e = string.match(rows[i + 1], '^(%d+):(%d+):(%d+):(%d+):(%d+)$')
  if not g or #g > 6 or #h > 6 or #d > 6 or #s > 15 or #e > 15 or tonumber(e) > now + 3600000 then
    bad = bad + 1
    redis.call('HDEL', KEYS[1], name)
  elseif tonumber(e) <= now then
    redis.call('HDEL', KEYS[1], name)
  else
    held[name] = {granted = tonumber(g), held = tonumber(h), demand = tonumber(d), since = tonumber(s)}
    names[#names + 1] = name
    last = math.max(last, tonumber(e))
  end
end

local mine = held[me]
if not mine then
  mine = {granted = 0, held = 0, since = now}
  held[me] = mine
  names[#names + 1] = me
end
local before = mine.granted
mine.demand = math.max(demand, busy, 0)

local function rank(h)
  if h.demand <= 0 then return 3 end
  if h.granted > 0 and now - h.since < ttl then return 0 end
  if h.granted <= 0 then return 1 end
  return 2
end
table.sort(names, function(a, b)
  local x, y = held[a], held[b]
  local p, q = rank(x), rank(y)
  if p ~= q then return p < q end
  if x.since ~= y.since then return x.since < y.since end
  return a < b
end)

local got, left, wanted = {}, workers, 0
for _, name in ipairs(names) do
  got[name] = 0
  if left > 0 then
    got[name], left = 1, left - 1
  end
  wanted = wanted + math.max(0, held[name].demand - 1)
end
if left > 0 and wanted > left then
  local rest, remainder = left, {}
  for _, name in ipairs(names) do
    local exact = left * math.max(0, held[name].demand - 1)
    local whole = math.floor(exact / wanted)
    got[name] = got[name] + whole
    rest = rest - whole
    remainder[name] = exact - whole * wanted
  end
  table.sort(names, function(a, b)
    if remainder[a] ~= remainder[b] then return remainder[a] > remainder[b] end
    return a < b
  end)
  for i = 1, rest do
    got[names[i]] = got[names[i]] + 1
  end
elseif left > 0 then
  left = left - wanted
  table.sort(names)
  local each = math.floor(left / #names)
  for i, name in ipairs(names) do
    got[name] = got[name] + math.max(0, held[name].demand - 1) + each
    if i <= left - each * #names then
      got[name] = got[name] + 1
    end
  end
end

local free = workers
for name, h in pairs(held) do
  if name ~= me then free = free - h.held end
end
mine.granted = math.max(0, math.min(got[me], free))
mine.held = math.max(mine.granted, busy, before)
if (mine.granted > 0) ~= (before > 0) then mine.since = now end

redis.call('HSET', KEYS[1], me, string.format('%d:%d:%d:%.0f:%.0f', mine.granted, mine.held, mine.demand, mine.since, now + ttl))
redis.call('PEXPIRE', KEYS[1], last - now)
return {mine.granted, #names, bad}
`

// leaseBatch bounds one round trip of LeaseSlots: Redis runs a hundred in a few milliseconds.
const leaseBatch = 100

// LeaseSlots answers claims to worker slots, in their order. When some could not be answered
// it returns an error and no grant: the leases of the others end by themselves.
func (s *Store) LeaseSlots(ctx context.Context, replica string, claims []store.SlotClaim, ttl time.Duration) ([]store.SlotGrant, error) {
	grants := make([]store.SlotGrant, 0, len(claims))
	for batch := range slices.Chunk(claims, leaseBatch) {
		requests := make([]request, len(batch))
		for i, c := range batch {
			requests[i] = s.claim(replica, c, ttl, 0)
		}
		replies, err := s.do(ctx, s.scripts.leaseSlots.op, requests...)
		if err != nil {
			return nil, err
		}
		for i := range replies {
			grant, err := s.grant(replies[i])
			if err != nil {
				return nil, fmt.Errorf("lease slots of %s: %w", batch[i].Backend, err)
			}
			grants = append(grants, grant)
		}
	}
	return grants, nil
}

func (s *Store) grant(r reply) (store.SlotGrant, error) {
	rows, err := r.table()
	if err != nil {
		return store.SlotGrant{}, err
	}
	slots, _ := rows[0].(int64)
	replicas, _ := rows[1].(int64)
	s.countBad("slots", rows[2])
	return store.SlotGrant{Slots: int(slots), Replicas: int(replicas)}, nil
}

func (s *Store) claim(replica string, c store.SlotClaim, ttl time.Duration, now int64) request {
	return s.scripts.leaseSlots.call([]string{slotsKey(c.Backend)},
		replica, ttl.Milliseconds(), c.Workers, c.Busy, c.Demand, now)
}
