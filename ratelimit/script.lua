-- Decides one call over cells of one scope. state.go and decide.go do the same; keep in step.
-- KEYS: a hash for each cell. ARGV: see script.go. Only this server's clock counts.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local pos = 0
local function text() pos = pos + 1; return ARGV[pos] end
local function num() return tonumber(text()) end

local RATE, WINDOWED, SLOTS = 0, 1, 2
local me, cells, takes = text(), num(), {}

-- A value that is not ours counts as none: a wrong key must not stop a tenant.
local function good(...)
  for i = 1, select('#', ...) do
    local x = tonumber((select(i, ...)))
    if not x or x ~= x or x > 1e18 or x < -1e18 then return false end
  end
  return true
end

local function drop(s, field)
  if field ~= me then s.gone[#s.gone + 1] = field end
end

local function load(key)
  local raw = redis.pcall('HGETALL', key)
  if raw.err then redis.call('DEL', key); raw = {} end
  local s = {level = 0, at = now, limit = 0, from = 0, ends = 0, out = {}, gone = {}, changed = {}}
  for i = 1, #raw, 2 do
    local field, value = raw[i], raw[i + 1]
    if field == 's' then
      local level, at, limit, from, ends = value:match('^(%S+) (%S+) (%S+) (%S+) (%S+)$')
      if good(level, at, limit, from, ends) then
        s.level, s.at, s.limit = tonumber(level), tonumber(at), tonumber(limit)
        s.from, s.ends = tonumber(from), tonumber(ends)
      end
    else
      local tokens, expires, demand = value:match('^(%S+) (%S+) (%S+)$')
      if good(tokens, expires, demand) then
        s.out[#s.out + 1] = {id = field, tokens = tonumber(tokens), expires = tonumber(expires), demand = tonumber(demand)}
      else
        drop(s, field)
      end
    end
  end
  return s
end

local function total(out)
  local n = 0
  for i = 1, #out do n = n + out[i].tokens end
  return n
end

local function decay(s, rate, to)
  if to > s.at then
    s.level = s.level - rate * (to - s.at)
    s.at = to
  end
  s.level = math.max(s.level, total(s.out))
end

local function fresh(s, from, ends)
  for i = 1, #s.out do drop(s, s.out[i].id) end
  s.level, s.at, s.limit, s.from, s.ends, s.out, s.changed = 0, now, 0, from, ends, {}, {}
end

local function turn(s, c)
  if s.from > now + 3600000000 then fresh(s, 0, 0) end
  for i = 1, 3 do
    local from, ends = c.bounds[i], c.bounds[i + 1]
    if from <= now and now < ends and from >= s.from then
      if from > s.from then fresh(s, from, ends) end
      s.ends = ends
    end
  end
  if now >= s.ends then fresh(s, 0, now + 1000000) end
end

local function turn_back(s, c)
  if now < s.at then s.at = now end
  c.lease = c.ttl
  local latest = now + math.max(c.ttl, 4000000)
  for i = 1, #s.out do
    local r = s.out[i]
    if r.expires > latest then
      r.expires = latest
      if r.id ~= me then s.changed[#s.changed + 1] = r end
    end
  end
  if c.kind == WINDOWED then
    turn(s, c)
    c.wait = s.ends - now
    c.lease = math.max(0, math.min(c.ttl, c.wait))
  end
end

local function scale(s, c)
  if c.kind == RATE then
    if s.limit > 0 and s.limit ~= c.limit then s.level = s.level * c.limit / s.limit end
    s.level = math.max(math.min(s.level, 2 * c.limit), total(s.out))
  end
  s.limit = c.limit
end

local function expire(s, c)
  table.sort(s.out, function(a, b)
    if a.expires ~= b.expires then return a.expires < b.expires end
    return a.id < b.id
  end)
  while s.out[1] and s.out[1].expires <= now do
    decay(s, c.rate, s.out[1].expires)
    drop(s, table.remove(s.out, 1).id)
  end
  decay(s, c.rate, now)
end

local function settle(s, c)
  turn_back(s, c)
  expire(s, c)
  scale(s, c)
  local mine = 0
  for i = 1, #s.out do
    if s.out[i].id == me then mine = table.remove(s.out, i).tokens; break end
  end
  if c.reset then s.level = total(s.out) + mine end
  if c.kind == SLOTS then
    s.level = total(s.out) + c.have + c.held
  else
    c.back = math.min(c.back, mine)
    c.have = math.min(c.have, mine - c.back)
    c.held = math.min(c.held, mine - c.back - c.have)
    s.level = s.level - c.back
    if c.refund > 0 and c.since >= s.from then
      local refilled = c.rate * math.max(0, now - c.since)
      s.level = math.max(s.level - math.max(0, c.refund - refilled), total(s.out) + c.have + c.held)
    end
    if c.debt > 0 then
      s.level = math.max(s.level, math.min(s.level + c.debt, 2 * c.limit))
    end
  end
  c.kept, c.free = c.have, c.limit - s.level
end

for i = 1, cells do
  local c = {wait = 0}
  c.kind, c.rate, c.limit, c.reserve = num(), num(), num(), num()
  c.ttl, c.have, c.held, c.back = num(), num(), num(), num()
  c.debt, c.refund, c.since = num(), num(), num()
  c.want, c.demand, c.reset = num(), num(), num() == 1
  if c.kind == WINDOWED then c.bounds = {num(), num(), num(), num()} end
  c.state = load(KEYS[i])
  settle(c.state, c)
  takes[i] = c
end

local function short(c, cost, priority)
  local need = cost - math.min(c.kept, cost)
  if not priority then need = need + c.reserve end
  if cost <= c.kept or need <= c.free + 1e-6 then return false, 0 end
  if c.kind == RATE then return true, math.ceil((need - c.free) / c.rate) end
  if c.kind == WINDOWED then return true, c.wait end
  return true, 0
end

local function spend(c, cost)
  local own = math.min(c.kept, cost)
  c.kept = c.kept - own
  if c.kind == SLOTS then c.held = c.held + cost end
  c.free = c.free - (cost - own)
  c.state.level = c.state.level + (cost - own)
end

local function whole(x) return string.format('%.0f', x) end
local answers = {}

-- One answer for each ask: the cells that are short, each with its wait; none when granted.
for i = 1, num() do
  local priority, needs, shorts = num() == 1, {}, {}
  for n = 1, num() do
    local need = {cell = num() + 1, cost = num()}
    needs[n] = need
    local is_short, until_fit = short(takes[need.cell], need.cost, priority)
    if is_short then
      shorts[#shorts + 1] = whole(need.cell - 1) .. ' ' .. whole(until_fit)
    end
  end
  if #shorts == 0 then
    for n = 1, #needs do spend(takes[needs[n].cell], needs[n].cost) end
  end
  answers[i] = table.concat(shorts, ' ')
end

local function lease(c)
  local s, replicas, demand = c.state, #c.state.out + 1, c.demand
  for i = 1, #s.out do demand = demand + s.out[i].demand end
  c.replicas, c.share = replicas, 1 / replicas
  if demand > 0 then c.share = c.demand / demand end
  local got = math.min(c.want, math.floor(0.5 * c.limit / replicas)) - c.kept
  got = math.min(got, math.floor(c.free - c.reserve))
  if c.free < c.limit / 2 then got = math.min(got, math.floor(c.free * c.share)) end
  c.got = math.max(got, 0)
  c.free = c.free - c.got
  s.level = s.level + c.got
  s.out[#s.out + 1] = {id = me, tokens = c.kept + c.got + c.held, expires = now + c.lease, demand = c.demand}
end

local function lasts(s, c)
  local longest = 0
  for i = 1, #s.out do longest = math.max(longest, s.out[i].expires - now) end
  if c.kind == RATE then
    local refill = math.max(s.level / c.rate, longest + total(s.out) / c.rate)
    return math.ceil(math.min(refill, 4503599627370496)) + 1000000
  end
  if c.kind == WINDOWED then return math.max(s.ends - now, longest) + 1000000 end
  return longest + 1000000
end

local function written(r) return string.format('%.0f %.0f %.17g', r.tokens, r.expires, r.demand) end

local reply = {whole(now)}
for i = 1, cells do
  local c = takes[i]
  local s = c.state
  lease(c)
  redis.call('HSET', KEYS[i],
    's', string.format('%.17g %.0f %.0f %.0f %.0f', s.level, s.at, s.limit, s.from, s.ends),
    me, written(s.out[#s.out]))
  for n = 1, #s.changed do redis.call('HSET', KEYS[i], s.changed[n].id, written(s.changed[n])) end
  -- After the write that a server without memory refuses: then nothing was done.
  if #s.gone > 0 then redis.call('HDEL', KEYS[i], unpack(s.gone)) end
  redis.call('PEXPIRE', KEYS[i], whole(math.ceil(lasts(s, c) / 1000)))
  reply[#reply + 1] = string.format('%.0f %.0f %.0f %.17g %.17g %.0f %.0f',
    c.kept, c.got, c.lease, c.free, c.share, c.replicas, c.wait)
end
for i = 1, #answers do reply[#reply + 1] = answers[i] end
return reply
