// What Redis and its clients say, in words that say what to do.

import { LockEngineError } from '../contract.js'
import { showKey } from '../options.js'

export const messageOf = (error: unknown): string =>
  String((error as { message?: unknown } | undefined)?.message ?? error)

/** Whether asking again later cannot help. */
export const isFinal = (error: unknown): boolean =>
  !['ERR_ENGINE_TIMEOUT', 'ERR_ENGINE_FAILED'].includes((error as LockEngineError).code)

export const noAnswer = (label: string, ms?: number): LockEngineError =>
  new LockEngineError(
    'ERR_ENGINE_TIMEOUT',
    `${label}: the server has not answered${ms === undefined ? '' : ` within ${ms} ms`}. Look for a server that hangs, ` +
      'a slow script, or a connection that is down'
  )

/**
 * The commands that a user of the server needs. Those of the scripts are checked one by one.
 * docs/distributed/redis.md has the same list, and a test holds both to a server.
 */
const PERMISSIONS =
  '+eval +evalsha +subscribe +unsubscribe +wait, for the scripts +get +set +setrange +time +exists +pttl +pexpire ' +
  '+del +zadd +zrem +zremrangebyscore +zrange +zrangebyscore +zcount +zscore +hset +hget +hdel +publish, the keys ' +
  '~latchkey:* and the channels &latchkey:*'

/** Keys of several slots were asked for in one step. */
export const isCrossSlot = (error: unknown): boolean =>
  /CROSSSLOT|same slot|hash to the same/i.test(messageOf((error as { cause?: unknown } | undefined)?.cause ?? error))

/** As Redis 6 and 7 say it, of a command that was sent and of one in a script. */
const DENIED =
  /NOPERM|ACL failure|no permissions|can't (run this command|access|publish)|unknown (Redis )?command|this user has/i

/** Processes that do not agree how many may hold a key would each keep to a limit of their own. `key` as the server has it. */
export const otherCapacity = (label: string, key: string, own: number, theirs: number): LockEngineError =>
  new LockEngineError(
    'ERR_ENGINE_CAPACITY',
    `${label}: ${showKey(key)} is used with ${capacityOf(theirs)} at this moment, and here with ${capacityOf(own)}. Give all ` +
      'locks of one key the same options.capacity'
  )

const capacityOf = (limit: number): string => (limit <= 1 ? 'no capacity' : `a capacity of ${limit}`)

export function explain(label: string, error: unknown): LockEngineError {
  if (error instanceof LockEngineError) return error
  const message = messageOf(error)
  const options = { cause: error }
  if (message.includes('READONLY'))
    return new LockEngineError(
      'ERR_ENGINE_REPLICA',
      `${label}: this server is a replica, and cannot lock (${message}). Connect to the primary`,
      options
    )
  if (DENIED.test(message))
    return new LockEngineError(
      'ERR_ENGINE_SCRIPT_REFUSED',
      `${label}: the server does not let this user do what the lock needs (${message}). Allow ${PERMISSIONS}`,
      options
    )
  return new LockEngineError('ERR_ENGINE_FAILED', `${label}: the server could not be asked (${message})`, options)
}
