// What the server does in one step, and is asked by every process: the whole state of a lock lives there.
//
//   lock      one string of fixed columns, see below
//   queue     a sorted set of the waiters, by arrival, whatever they wait for
//   expiry    a hash of until when each of them is believed to be alive; each says so again when it asks again
//   holders   a sorted set of those that hold the key together, by when their leases end
//   since     a hash of the moment when each of them was granted
//
// All share a hash slot. A waiter that does not ask again is dropped when its turn comes.
//
// The string is never deleted when a lock is released. It stays for a while as the memory of the last token, so that
// tokens grow even if the clock of the server is set back, and a free key needs one key and three commands:
//
//   1 to 16   the token, µs since 1970
//   17        the state:          no waiter   maybe waiters
//                       free          0             w
//                       held alone    1             W
//                       by a group    s             S
//   18 to 27  the lease, ms; of a group the longest
//   28 to 37  how long the token is remembered after that, ms
//   38 …      the owner; of a group how many may be in it, 0 for any number
//
// Its time to live is lease and memory together, so the lease of a holder is over when no more than the memory is left.
// As long as no caller has taken the key since, its owner is still in column 38, and may take the lease up again.
//
//   0 ──acquire──▶ 1 ──release──▶ 0          a waiter that joins turns 1 into W; a release that finds W notifies the
//                  W ──release──▶ w or 0     first waiter and leaves w, until that one takes the key
//
// The queue is looked at where the state is not 0 or 1, or where the string is missing: it may have been evicted, or it
// has expired before a waiter did.
//
// A group is that of a shared key, or of the permits of a capacity. The same goes for s and S:
//
//   0 ──join──▶ s ──join──▶ s ──leave──▶ s ──the last leaves──▶ 0
//               S: no other may join but the first waiter, which then notifies the next, while there is room
//
// The score of a holder is when its lease ends. That of one that has released is negative: until when that is remembered, for
// a release that is sent again because its answer was lost. So one range is all that may be forgotten: from -now to now.

import { ENTER, GROUP, QUEUE } from './script-parts.js'

/** Where the state of a lock is: KEYS of the scripts, in this order. */
export const keysOf = (id: string): string[] => [id, `${id}:queue`, `${id}:expiry`]

/** With what there is of a group. */
export const allKeysOf = (id: string): string[] => [...keysOf(id), `${id}:holders`, `${id}:since`]

/** What a key needs that is probably free. */
export const tryKeysOf = (id: string): string[] => [id, `${id}:queue`]

/** The columns that say how long: lease and memory, in ms. */
export const columnsOf = (lease: number, memory: number): string =>
  [lease, memory].map(ms => String(ms).padStart(10, '0')).join('')

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
 * Several keys at once, each alone: all of them if each is free and no caller may wait for it, else none.
 *
 * KEYS: lock and queue of each. ARGV: lease and memory (columns), lease and memory together (ms), who I am for each key.
 * Returns 't' and the token of each, or 0.
 */
export const TRY_MANY = `
local befores, tokens = {}, {}
for i = 1, #KEYS / 2 do
  local lock = KEYS[2 * i - 1]
  local found = redis.call('GET', lock)
  if found then
    local before, state = tonumber(string.sub(found, 1, 16)), string.sub(found, 17, 17)
    if not before or #found < 38 then return 0 end
    if (state == '1' or state == 'W') and string.sub(found, 38) == ARGV[i + 2] then
      tokens[i] = 't' .. string.sub(found, 1, 16) -- asked again, because the first answer was lost
    elseif state == '1' then
      if redis.call('PTTL', lock) > tonumber(string.sub(found, 28, 37)) then return 0 end
    elseif state ~= '0' then
      return 0
    end
    befores[i] = before
  elseif redis.call('EXISTS', KEYS[2 * i]) == 1 then
    return 0
  end
end
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
for i = 1, #KEYS / 2 do
  if not tokens[i] then
    local token = string.format('%016.0f', math.max(us, befores[i] and befores[i] + 1 or 0))
    redis.call('SET', KEYS[2 * i - 1], token .. '1' .. ARGV[1] .. ARGV[i + 2], 'PX', ARGV[2])
    tokens[i] = 't' .. token
  end
end
return tokens
`

/**
 * Asks for a key, whatever its state, and joins the queue if it has to wait.
 *
 * ARGV: me, lease and memory (columns), lease and memory together (ms), for how long I am believed to wait (ms; 0: I do not
 * wait), how many may hold it together (0: any number; empty: I alone). Returns 't' and the token; 'm' and how many may
 * hold it as others say; or how long (ms) nothing is going to happen by itself.
 */
export const ACQUIRE = `
local lock, queue, expiry, holders, since = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local me, columns, lifetime, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[5]
local isAlone = limit == ''
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
  redis.call('SET', lock, token .. as .. columns .. me, 'PX', lifetime)
  return 't' .. token
end

if isAlone and (before and state == '0' or not found and redis.call('EXISTS', queue, holders) == 0) then return take('1') end
${QUEUE}${GROUP}${ENTER}
local now = math.floor(us / 1000)
local left = 0 -- of the lease that is in my way, ms
local joins = false
local theirs -- how many may hold it, as those say that hold or wait
if found and not before then
  -- Not written by these scripts: taken, until it is gone.
  left = redis.call('PTTL', lock)
  if left < 0 then left = 60000 end
elseif state == '1' or state == 'W' then
  if string.sub(found, 38) == me then -- asked again, because the first answer was lost
    redis.call('PEXPIRE', lock, lifetime)
    return 't' .. string.sub(found, 1, 16)
  end
  local lease, memory = tonumber(string.sub(found, 18, 27)), tonumber(string.sub(found, 28, 37))
  left = redis.call('PTTL', lock) - memory
  if left > lease or left < -memory then -- the clock was set back, or it was made to last
    left = lease
    redis.call('PEXPIRE', lock, lease + memory)
  end
  theirs = '0'
elseif state == 's' or state == 'S' or not found then
  local lease = tonumber(string.sub(columns, 1, 10))
  local mine = tonumber(redis.call('ZSCORE', holders, me) or 0)
  if mine > 0 then -- asked again
    redis.call('ZADD', holders, now + lease, me)
    for _, key in ipairs({ lock, holders, since }) do
      if redis.call('PTTL', key) < lifetime then redis.call('PEXPIRE', key, lifetime) end
    end
    return 't' .. redis.call('HGET', since, me)
  end
  purge(now)
  if found then
    theirs = string.sub(found, 38)
    lease = math.max(lease, tonumber(string.sub(found, 18, 27)))
  end
  local last = tonumber(redis.call('ZRANGE', holders, -1, -1, 'WITHSCORES')[2] or 0)
  if last > now + lease then -- the clock was set back
    last = now + lease
    for _, holder in ipairs(redis.call('ZRANGEBYSCORE', holders, '(' .. last, '+inf')) do
      redis.call('ZADD', holders, last, holder)
    end
  end
  joins = last > now
  if joins then
    if isAlone or theirs and theirs ~= limit then
      left = last - now
    elseif limit ~= '0' and count(now) >= tonumber(limit) then
      left = redis.call('ZRANGEBYSCORE', holders, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] - now
    end
  end
elseif state == 'w' then
  theirs = string.match(string.sub(found, 38), '^%d+$') or '0'
end

local first, untilWhen = head(now)
if theirs and theirs ~= (isAlone and '0' or limit) and (left > 0 or first and first ~= me) then return 'm' .. theirs end
if left <= 0 and (not first or first == me) then
  if first then leave(me) end
  local isWaited = redis.call('EXISTS', queue) == 1
  if isAlone then return take(isWaited and 'W' or '1') end
  local token = enter(isWaited and 'S' or 's', joins, us, now)
  if isWaited and (limit == '0' or count(now) < tonumber(limit)) then
    first = head(now)
    if first then wake(first) end
  end
  return token
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
  if before and (state == '1' or state == 's') then redis.call('SETRANGE', lock, 16, state == '1' and 'W' or 'S') end
end
if left > 0 then return left end
wake(first) -- again: it may have missed that it is its turn
return untilWhen - now
`

/**
 * ARGV: me, and how long the token is remembered from now on (ms), if that is shorter than what is left. Gives up
 * what I hold alone and my place in the queue. Returns 1 if I held, and if I had given it up before.
 */
export const RELEASE = `
local lock, me = KEYS[1], ARGV[1]
local found = redis.call('GET', lock)
local mine = found and string.sub(found, 38) == me
local state = found and string.sub(found, 17, 17)

-- A server that has no memory left refuses to write. The lease is over all the same if only the memory is left.
local function mark(as)
  if type(redis.pcall('SETRANGE', lock, 16, as)) == 'table' then
    redis.call('PEXPIRE', lock, math.max(1, tonumber(string.sub(found, 28, 37))))
  end
  if ARGV[2] then redis.call('PEXPIRE', lock, ARGV[2]) end
end

if mine and state ~= 'W' then
  if state == '1' then mark('0') end
  return 1
end
local queue, expiry = KEYS[2], KEYS[3]
${QUEUE}
leave(me)
me = nil
local time = redis.call('TIME')
local first = head(time[1] * 1000 + math.floor(time[2] / 1000))
if mine then mark(first and 'w' or '0') end
-- One that leaves without having held was perhaps notified, or kept others out of a group: then the next one is.
local held = state == '1' or state == 'W'
local isOpen = not found or state == 'w' or state == 'S'
  or held and redis.call('PTTL', lock) <= tonumber(string.sub(found, 28, 37))
if first and (mine or isOpen) then wake(first) end
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
