// What the server does in one step, and is asked by every process: the whole state of a lock lives there.
//
//   lock     "token owner", for as long as the lease lasts
//   last     the last token, for a while after it: so that tokens grow even if the server's clock is set back
//   queue    a sorted set of those who wait, by arrival
//   expiry   a hash of until when each of them is believed to be alive; each says so again when it asks again
//
// All four share a hash slot. A waiter that does not ask again is dropped when its turn comes.

/** Where the state of a lock is: KEYS of the scripts, in this order. */
export const keysOf = (tag: string): string[] => [tag, `${tag}:last`, `${tag}:queue`, `${tag}:expiry`]

const COMMON = `
local lock, last, queue, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local me, channel = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)

local held = redis.call('GET', lock)
local token, holder
if held then token, holder = string.match(held, '^(%d+) (.*)$') end

local function leave(waiter)
  redis.call('ZREM', queue, waiter)
  redis.call('HDEL', expiry, waiter)
end

-- The first in the queue who is alive, and until when that is believed.
local function head()
  while true do
    local first = redis.call('ZRANGE', queue, 0, 0)[1]
    if not first then return nil end
    local untilWhen = tonumber(redis.call('HGET', expiry, first) or 0)
    if first == me or untilWhen > now then return first, untilWhen end
    leave(first)
  end
end

local function wake(waiter)
  redis.call('PUBLISH', channel .. string.match(waiter, '^(.*):%d+$'), waiter)
end
`

/**
 * ARGV: me, channel, lease (ms), for how long to remember the token (ms), for how long I am believed to wait (ms; 0: I do
 * not wait). Returns 't' and the token; or how long (ms) nothing is going to happen by itself.
 */
export const ACQUIRE = `${COMMON}
local lease, memory, patience = ARGV[3], ARGV[4], tonumber(ARGV[5])

if holder == me then -- asked again, because the first answer was lost
  redis.call('PEXPIRE', lock, lease)
  return 't' .. token
end

local first, untilWhen = head()
if not held and (not first or first == me) then
  if first then leave(me) end
  local before = tonumber(redis.call('GET', last) or 0)
  token = string.format('%.0f', math.max(us, before + 1))
  redis.call('SET', lock, token .. ' ' .. me, 'PX', lease)
  redis.call('SET', last, token, 'PX', memory)
  return 't' .. token
end

if patience > 0 then
  if not redis.call('ZSCORE', queue, me) then
    local behind = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]
    redis.call('ZADD', queue, string.format('%.0f', math.max(us, tonumber(behind or 0) + 1)), me)
  end
  redis.call('HSET', expiry, me, now + patience)
  for _, key in ipairs({ queue, expiry }) do
    if redis.call('PTTL', key) < patience then redis.call('PEXPIRE', key, patience) end
  end
end
if held then return redis.call('PTTL', lock) end
wake(first) -- again: it may have missed that it is its turn
return untilWhen - now
`

/** ARGV: me, channel. Gives up what I hold and my place in the queue. Returns 1 if I held. */
export const RELEASE = `${COMMON}
local mine = holder == me
if mine then
  redis.call('DEL', lock)
  held = nil
else
  leave(me)
end
me = nil
local first = not held and head()
if first then wake(first) end
return mine and 1 or 0
`

/** ARGV: me, channel, lease (ms). Returns 1 if I still held; never takes again what has expired. */
export const RENEW = `${COMMON}
if holder ~= me then return 0 end
redis.call('PEXPIRE', lock, ARGV[3])
return 1
`

/** ARGV: scripts. Returns what EVALSHA calls them. */
export const NAMES = `
local names = {}
for i, script in ipairs(ARGV) do names[i] = redis.sha1hex(script) end
return names
`
