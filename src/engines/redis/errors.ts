// What Redis and its clients say, in words that say what to do.

import { LockEngineError } from '../contract.js'

export const messageOf = (error: unknown): string =>
  String((error as { message?: unknown } | undefined)?.message ?? error)

/** Whether asking again later cannot help. */
export const isFinal = (error: unknown): boolean =>
  !['ERR_ENGINE_TIMEOUT', 'ERR_ENGINE_FAILED'].includes((error as LockEngineError).code)

export const noAnswer = (label: string, ms: number): LockEngineError =>
  new LockEngineError(
    'ERR_ENGINE_TIMEOUT',
    `${label}: the server has not answered within ${ms} ms. Look for a server that hangs, a slow script, or a ` +
      'connection that is down'
  )

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
  if (/NOPERM|unknown command/i.test(message))
    return new LockEngineError(
      'ERR_ENGINE_SCRIPT_REFUSED',
      `${label}: the server does not let this user run the script (${message}). Allow +eval +evalsha, the commands +time ` +
        '+get +mget +exists +set +del +pexpire +pttl +zadd +zrem +zrange +zscore +hset +hget +hdel +publish, the keys ~latchkey:* and ' +
        'the channels &latchkey:*',
      options
    )
  return new LockEngineError('ERR_ENGINE_FAILED', `${label}: the server could not be asked (${message})`, options)
}
