// What the server does for those that hold a key together: those that share it, and those that have a permit each. The
// state is drawn in scripts.ts.

import { ENTER, GROUP, QUEUE } from './script-parts.js'

/** What there is of a group. */
export const groupKeysOf = (id: string): string[] => [`${id}:holders`, `${id}:since`]

/** KEYS of `JOIN` for one key. */
export const joinKeysOf = (id: string): string[] => [id, `${id}:queue`, ...groupKeysOf(id)]

/**
 * Joins the groups of several keys, or begins them: all if each has room and no caller may wait for it, else none.
 *
 * KEYS: lock, queue, holders and since of each. ARGV: lease and memory (columns), lease and memory together (ms), how many
 * may hold a key together (0: any number), who I am for each key. Returns 't' and the token of each; or 0 if it takes
 * `ACQUIRE` to find out.
 */
export const JOIN = `
local columns, lifetime, limit = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local lock, holders, since, me, found, before
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)
${GROUP}${ENTER}
-- Whether there is a group to join, 'in' if I am in it already; or nil if there is no room.
local function look(i)
  local queue = KEYS[4 * i - 2]
  lock, holders, since, me = KEYS[4 * i - 3], KEYS[4 * i - 1], KEYS[4 * i], ARGV[i + 3]
  found = redis.call('GET', lock)
  before = found and tonumber(string.sub(found, 1, 16))
  if not found then
    if redis.call('EXISTS', queue, holders) == 0 then return false end
    return nil
  end
  if not before or #found < 38 then return nil end
  local state = string.sub(found, 17, 17)
  if state == '0' then return false end
  if state ~= 's' and state ~= 'S' or string.sub(found, 38) ~= limit then return nil end
  if state == 's' then
    purge(now)
    if limit == '0' or count(now) < tonumber(limit) then return true end
  end
  if tonumber(redis.call('ZSCORE', holders, me) or 0) > 0 then return 'in' end
  return nil
end

if #ARGV == 4 then
  local joins = look(1)
  if joins == nil then return 0 end
  if joins == 'in' then return 't' .. redis.call('HGET', since, me) end
  return enter('s', joins, us, now)
end
for i = 1, #ARGV - 3 do
  if look(i) == nil then return 0 end
end
local tokens = {}
for i = 1, #ARGV - 3 do
  local joins = look(i)
  tokens[i] = joins == 'in' and 't' .. redis.call('HGET', since, me) or enter('s', joins, us, now)
end
return tokens
`

/**
 * ARGV: me, for how long my release is remembered (ms), and how long the token is from now on (ms), if that is shorter than
 * what is left. Gives up what I hold together with others and my place in the queue. Returns 1 if I held, and if I had given
 * it up before.
 */
export const LEAVE = `
local lock, queue, expiry, holders, since, me = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], ARGV[1]
local found = redis.call('GET', lock)
local state = found and string.sub(found, 17, 17)
local isGroup = state == 's' or state == 'S'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local score = tonumber(redis.call('ZSCORE', holders, me) or 0)
if score > 0 then
  redis.call('HDEL', since, me)
  if isGroup then redis.call('ZADD', holders, -now - ARGV[2], me) else redis.call('ZREM', holders, me) end
end
local held = isGroup and score > 0
local isEmpty = isGroup and redis.call('ZCOUNT', holders, '(' .. now, '+inf') == 0
local function close(as)
  redis.call('SETRANGE', lock, 16, as)
  redis.call('PEXPIRE', holders, ARGV[2])
  if ARGV[3] then redis.call('PEXPIRE', lock, ARGV[3]) end
end

if held and state == 's' then
  if isEmpty then close('0') end
  return 1
end
${QUEUE}
leave(me)
me = nil
local first = head(now)
if state == 'S' then
  if isEmpty then close(first and 'w' or '0') elseif not first then redis.call('SETRANGE', lock, 16, 's') end
end
-- A permit is free, or no caller holds it; or one that leaves without having held was perhaps notified, or kept others out.
local isAlone = state == '1' or state == 'W'
local isOpen = not found or state == 'w' or isEmpty or isGroup and (not held or string.sub(found, 38) ~= '0')
  or isAlone and redis.call('PTTL', lock) <= tonumber(string.sub(found, 28, 37))
if first and isOpen then wake(first) end
return (held or score < 0) and 1 or 0
`

/**
 * ARGV: me, lease (ms), lease and memory together (ms). Returns 1 if I still held. A lease that has ended is taken up again if
 * no other caller was granted since.
 */
export const RENEW_GROUP = `
local lock, holders = KEYS[1], KEYS[2]
local found = redis.call('GET', lock)
local state = found and string.sub(found, 17, 17)
if state ~= 's' and state ~= 'S' then return 0 end
if tonumber(redis.call('ZSCORE', holders, ARGV[1]) or 0) <= 0 then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', holders, time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < tonumber(ARGV[3]) then redis.call('PEXPIRE', key, ARGV[3]) end
end
return 1
`

/** KEYS: lock, holders and since. Returns how each holder holds, who it is, and its token. */
export const INSPECT = `
local lock, holders, since = KEYS[1], KEYS[2], KEYS[3]
local found = redis.call('GET', lock)
if not found or #found < 38 or not tonumber(string.sub(found, 1, 16)) then return {} end
local state = string.sub(found, 17, 17)
if state == '1' or state == 'W' then
  if redis.call('PTTL', lock) <= tonumber(string.sub(found, 28, 37)) then return {} end
  return { 'exclusive', string.sub(found, 38), string.sub(found, 1, 16) }
end
if state ~= 's' and state ~= 'S' then return {} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local mode = string.sub(found, 38) == '0' and 'shared' or 'permit'
local seen = {}
for _, holder in ipairs(redis.call('ZRANGEBYSCORE', holders, '(' .. now, '+inf')) do
  table.insert(seen, mode)
  table.insert(seen, holder)
  table.insert(seen, redis.call('HGET', since, holder))
end
return seen
`
