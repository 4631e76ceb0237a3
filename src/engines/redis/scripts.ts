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

/** Whether the lock is mine: what is kept ends with who holds it, and no two owners end alike. */
const IS_MINE = `
local function isMine(held)
  return held and string.sub(held, -#ARGV[1] - 1) == ' ' .. ARGV[1]
end
`

/** What only those need who find somebody else. */
const QUEUE = `
local expiry, me = KEYS[4], ARGV[1]

local function leave(waiter)
  redis.call('ZREM', queue, waiter)
  redis.call('HDEL', expiry, waiter)
end

-- The first in the queue who is alive, and until when that is believed.
local function head(now)
  while true do
    local first = redis.call('ZRANGE', queue, 0, 0)[1]
    if not first then return nil end
    local untilWhen = tonumber(redis.call('HGET', expiry, first) or 0)
    if first == me or untilWhen > now then return first, untilWhen end
    leave(first)
  end
end

local function wake(waiter)
  redis.call('PUBLISH', ARGV[2] .. string.match(waiter, '^(.*):%d+$'), waiter)
end
`

/**
 * ARGV: me, channel, lease (ms), for how long to remember the token (ms), for how long I am believed to wait (ms; 0: I do
 * not wait). Returns 't' and the token; or how long (ms) nothing is going to happen by itself.
 */
export const ACQUIRE = `
local lock, last, queue = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local found = redis.call('MGET', lock, last)
local held, before = found[1], found[2]

local function take()
  local token = string.format('%.0f', math.max(us, before and before + 1 or 0))
  redis.call('SET', lock, token .. ' ' .. ARGV[1], 'PX', ARGV[3])
  redis.call('SET', last, token, 'PX', ARGV[4])
  return 't' .. token
end

if not held and redis.call('EXISTS', queue) == 0 then return take() end
${IS_MINE}${QUEUE}
if isMine(held) then -- asked again, because the first answer was lost
  redis.call('PEXPIRE', lock, ARGV[3])
  return 't' .. string.match(held, '^%d+')
end

local now = math.floor(us / 1000)
local first, untilWhen = head(now)
if not held and (not first or first == me) then
  if first then leave(me) end
  return take()
end

local wait = tonumber(ARGV[5])
if wait > 0 then
  if not redis.call('ZSCORE', queue, me) then
    local behind = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]
    redis.call('ZADD', queue, string.format('%.0f', math.max(us, tonumber(behind or 0) + 1)), me)
  end
  redis.call('HSET', expiry, me, now + wait)
  for _, key in ipairs({ queue, expiry }) do
    if redis.call('PTTL', key) < wait then redis.call('PEXPIRE', key, wait) end
  end
end
if held then return redis.call('PTTL', lock) end
wake(first) -- again: it may have missed that it is its turn
return untilWhen - now
`

/** ARGV: me, channel. Gives up what I hold and my place in the queue. Returns 1 if I held. */
export const RELEASE = `
local lock, queue = KEYS[1], KEYS[3]
${IS_MINE}
local held = redis.call('GET', lock)
local mine = isMine(held)
if mine then redis.call('DEL', lock) end
if redis.call('EXISTS', queue) == 1 then
  ${QUEUE}
  leave(me)
  me = nil
  if mine or not held then
    local time = redis.call('TIME')
    local first = head(time[1] * 1000 + math.floor(time[2] / 1000))
    if first then wake(first) end
  end
end
return mine and 1 or 0
`

/** ARGV: me, channel, lease (ms). Returns 1 if I still held; never takes again what has expired. */
export const RENEW = `
${IS_MINE}
if not isMine(redis.call('GET', KEYS[1])) then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`

/** ARGV: scripts. Returns what EVALSHA calls them. */
export const NAMES = `
local names = {}
for i, script in ipairs(ARGV) do names[i] = redis.sha1hex(script) end
return names
`
