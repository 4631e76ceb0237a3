// What PostgreSQL and its client say, in words that say what to do.

import { LockEngineError } from '../contract.js'

export const codeOfLoss = (timedOut = false) => (timedOut ? 'ERR_ENGINE_TIMEOUT' : 'ERR_ENGINE_FAILED')

export function explain(label: string, error: unknown): unknown {
  if (error instanceof LockEngineError) return error
  const { code, message } = error as { code?: string; message?: string }
  if (code === '53300')
    return new LockEngineError(
      'ERR_ENGINE_TOO_MANY_CONNECTIONS',
      `${label}: the server has too many connections (${message}). Lower options.connections of the locks, the sizes of ` +
        'the pools beside them, or raise max_connections',
      { cause: error }
    )
  return new LockEngineError('ERR_ENGINE_FAILED', `${label}: the server could not be asked (${message})`, {
    cause: error
  })
}
