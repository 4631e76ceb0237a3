// What several scripts share. Each part is Lua, and says which locals it expects.

/** How long a waiter is believed to be there without asking again, in ms, at most. */
export const WAITER_TTL_MS = 3000

/** Needed only where there may be waiters. Expects `lock`, `queue`, `expiry` and `me`. */
export const QUEUE = `
local function leave(waiter)
  redis.call('ZREM', queue, waiter)
  redis.call('HDEL', expiry, waiter)
end

-- The first waiter that is alive, and until when that is believed. Where the clock was set back, a waiter that has died
-- would be believed for as long as that: no belief is longer than what a waiter asks for.
local function head(now)
  while true do
    local first = redis.call('ZRANGE', queue, 0, 0)[1]
    if not first then return nil end
    local untilWhen = tonumber(redis.call('HGET', expiry, first) or 0)
    if untilWhen > now + ${WAITER_TTL_MS} then
      untilWhen = now + ${WAITER_TTL_MS}
      redis.call('HSET', expiry, first, untilWhen)
    end
    if first == me or untilWhen > now then return first, untilWhen end
    leave(first)
  end
end

-- The channel of a lock object is its name in the namespace, which stands first in the braces of the key.
local function wake(waiter)
  local namespace, object = string.match(lock, 'latchkey:{([^:}]*)'), string.match(waiter, '^(.*):%d+$')
  redis.call('PUBLISH', 'latchkey:' .. namespace .. ':' .. object, waiter)
end
`

/** Who holds a key together with others. Expects `holders` and `since`. */
export const GROUP = `
-- Forgets holders whose lease is over, and releases that are long ago.
local function purge(now)
  for _, holder in ipairs(redis.call('ZRANGEBYSCORE', holders, '(' .. -now, now)) do
    redis.call('ZREM', holders, holder)
    redis.call('HDEL', since, holder)
  end
end

local function count(now)
  return redis.call('ZCOUNT', holders, '(' .. now, '+inf')
end
`

/** Joins a group, or begins one. Expects `lock`, `holders`, `since`, `me`, `columns`, `lifetime`, `limit`, `found`, `before`. */
export const ENTER = `
local function enter(state, joins, us, now)
  local token = string.format('%016.0f', math.max(us, before and before + 1 or 0))
  local lease, memory = tonumber(string.sub(columns, 1, 10)), tonumber(string.sub(columns, 11, 20))
  local as, life = columns, lifetime
  if joins and found and string.sub(found, 18, 37) ~= columns then
    -- Others in the group may have longer leases, and what is kept of it has to outlive them.
    as = string.format(
      '%010.0f%010.0f',
      math.max(lease, tonumber(string.sub(found, 18, 27))),
      math.max(memory, tonumber(string.sub(found, 28, 37)))
    )
    life = math.max(lifetime, redis.call('PTTL', lock))
  end
  -- Written first: a server that has no memory left refuses this, and then nothing was begun.
  redis.call('SET', lock, token .. state .. as .. limit, 'PX', life)
  if not joins then
    -- What an earlier group has left, and old releases.
    redis.call('ZREMRANGEBYSCORE', holders, '(' .. -now, '+inf')
    redis.call('DEL', since)
  end
  redis.call('ZADD', holders, now + lease, me)
  redis.call('HSET', since, me, token)
  redis.call('PEXPIRE', holders, life)
  redis.call('PEXPIRE', since, life)
  return 't' .. token
end
`
