// What the server does in one step, and is asked by every process: the whole state of a lock lives there.
//
//   lock     one string of fixed columns, see below
//   queue    a sorted set of the waiters, by arrival
//   expiry   a hash of until when each of them is believed to be alive; each says so again when it asks again
//
// All three share a hash slot. A waiter that does not ask again is dropped when its turn comes.
//
// The string is never deleted when a lock is released. It stays for a while as the memory of the last token, so that
// tokens grow even if the clock of the server is set back, and a free key needs one key and three commands:
//
//   1 to 16   the token, µs since 1970
//   17        the state:        no waiter   maybe waiters
//                       free        0             w
//                       held        1             W
//   18 to 27  the lease, ms
//   28 to 37  how long the token is remembered after that, ms
//   38 …      the owner
//
// Its time to live is lease and memory together, so the lease of a holder is over when no more than the memory is left.
// As long as no caller has taken the key since, its owner is still in column 38, and may take the lease up again.
//
//   0 ──acquire──▶ 1 ──release──▶ 0          a waiter that joins turns 1 into W; a release that finds W notifies the
//                  W ──release──▶ w or 0     first waiter and leaves w, until that one takes the key
//
// The queue is looked at where the state is not 0 or 1, or where the string is missing: it may have been evicted, or it
// has expired before a waiter did.

/** Where the state of a lock is: KEYS of the scripts, in this order. */
export const keysOf = (id: string): string[] => [id, `${id}:queue`, `${id}:expiry`]

/** The same for `TRY`. */
export const tryKeysOf = (id: string): string[] => [id, `${id}:queue`]

/** The columns that say how long: lease and memory, in ms. */
export const columnsOf = (lease: number, memory: number): string =>
  [lease, memory].map(ms => String(ms).padStart(10, '0')).join('')

/** How long a waiter is believed to be there without asking again, in ms, at most. */
export const WAITER_TTL_MS = 3000

/** Needed only where there may be waiters. */
const QUEUE = `
local queue, expiry = KEYS[2], KEYS[3]

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

-- The channel of a lock object is its name in the namespace, which stands in the braces of the key.
local function wake(waiter)
  local namespace, object = string.match(lock, '{([^:]*):'), string.match(waiter, '^(.*):%d+$')
  redis.call('PUBLISH', 'latchkey:' .. namespace .. ':' .. object, waiter)
end
`

/**
 * Takes the key if it is free and no caller may wait. Asked first, since that is how most keys are found, with no more than
 * that takes: each key and argument that is sent costs as much as a command at the server.
 *
 * ARGV: me, lease and memory (columns), lease and memory together (ms). Returns 't' and the token; how long (ms) another
 * holds the key; or 0 if it takes `ACQUIRE` to find out.
 */
export const TRY = `
local found = redis.call('GET', KEYS[1])
local before = 0
if found then
  local state = string.byte(found, 17)
  if state ~= ${'0'.charCodeAt(0)} then
    if state ~= ${'1'.charCodeAt(0)} or string.sub(found, 38) == ARGV[1] then return 0 end
    return math.max(0, redis.call('PTTL', KEYS[1]) - (tonumber(string.sub(found, 28, 37)) or 0))
  end
  before = tonumber(string.sub(found, 1, 16))
  if not before or #found < 38 then return 0 end
elseif redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
local time = redis.call('TIME')
local token = string.format('%016.0f', math.max(time[1] * 1000000 + time[2], before + 1))
redis.call('SET', KEYS[1], token .. '1' .. ARGV[2] .. ARGV[1], 'PX', ARGV[3])
return 't' .. token
`

/**
 * ARGV: me, lease and memory (columns), lease and memory together (ms), for how long I am believed to wait (ms; 0: I do not
 * wait). Returns 't' and the token; or how long (ms) nothing is going to happen by itself.
 */
export const ACQUIRE = `
local lock, me = KEYS[1], ARGV[1]
local found = redis.call('GET', lock)
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local before, state
if found then
  before, state = tonumber(string.sub(found, 1, 16)), string.sub(found, 17, 17)
  if #found < 38 then before = nil end
end

local function take(as)
  local token = string.format('%016.0f', math.max(us, before and before + 1 or 0))
  redis.call('SET', lock, token .. as .. ARGV[2] .. me, 'PX', ARGV[3])
  return 't' .. token
end

if before and state == '0' or not found and redis.call('EXISTS', KEYS[2]) == 0 then return take('1') end
${QUEUE}
local left = 0 -- of the lease, ms
if found and not before then
  -- Not written by these scripts: taken, until it is gone.
  left = redis.call('PTTL', lock)
  if left < 0 then left = 60000 end
elseif state == '1' or state == 'W' then
  if string.sub(found, 38) == me then -- asked again, because the first answer was lost
    redis.call('PEXPIRE', lock, ARGV[3])
    return 't' .. string.sub(found, 1, 16)
  end
  local lease, memory = tonumber(string.sub(found, 18, 27)), tonumber(string.sub(found, 28, 37))
  left = redis.call('PTTL', lock) - memory
  if left > lease or left < -memory then -- the clock was set back, or it was made to last
    left = lease
    redis.call('PEXPIRE', lock, lease + memory)
  end
end

local now = math.floor(us / 1000)
local first, untilWhen = head(now)
if left <= 0 and (not first or first == me) then
  if first then leave(me) end
  return take(redis.call('EXISTS', queue) == 1 and 'W' or '1')
end

local ttl = tonumber(ARGV[4])
if ttl > 0 then
  if not redis.call('ZSCORE', queue, me) then
    local behind = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]
    redis.call('ZADD', queue, string.format('%.0f', math.max(us, tonumber(behind or 0) + 1)), me)
  end
  redis.call('HSET', expiry, me, now + ttl)
  for _, key in ipairs({ queue, expiry }) do
    if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
  end
  if before and state == '1' then redis.call('SETRANGE', lock, 16, 'W') end
end
if left > 0 then return left end
wake(first) -- again: it may have missed that it is its turn
return untilWhen - now
`

/**
 * ARGV: me, and how long the token is remembered from now on (ms), if that is shorter than what is left. Gives up
 * what I hold and my place in the queue. Returns 1 if I held, and if I had given it up before.
 */
export const RELEASE = `
local lock, me = KEYS[1], ARGV[1]
local found = redis.call('GET', lock)
local mine = found and string.sub(found, 38) == me
local state = found and string.sub(found, 17, 17)
if mine and state ~= 'W' then
  if state == '1' then
    redis.call('SETRANGE', lock, 16, '0')
    if ARGV[2] then redis.call('PEXPIRE', lock, ARGV[2]) end
  end
  return 1
end
${QUEUE}
leave(me)
me = nil
local time = redis.call('TIME')
local first = head(time[1] * 1000 + math.floor(time[2] / 1000))
if mine then
  redis.call('SETRANGE', lock, 16, first and 'w' or '0')
  if ARGV[2] then redis.call('PEXPIRE', lock, ARGV[2]) end
end
-- One that leaves without having held was perhaps notified: then the next one is.
local held = state == '1' or state == 'W'
local isFree = not found or state == 'w' or held and redis.call('PTTL', lock) <= tonumber(string.sub(found, 28, 37))
if first and (mine or isFree) then wake(first) end
return mine and 1 or 0
`

/**
 * ARGV: me, and lease and memory together (ms). Returns 1 if I still held. A lease that has ended is taken up again if no
 * other caller was granted since; what has been released, or is gone, is not.
 */
export const RENEW = `
local found = redis.call('GET', KEYS[1])
if not found or string.sub(found, 38) ~= ARGV[1] then return 0 end
local state = string.sub(found, 17, 17)
if state ~= '1' and state ~= 'W' then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`

/** ARGV: scripts. Returns what EVALSHA calls them. */
export const NAMES = `
local names = {}
for i, script in ipairs(ARGV) do names[i] = redis.sha1hex(script) end
return names
`
