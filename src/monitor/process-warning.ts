// Where warnings go if the user does not say so.

import { check } from '../core/arguments.js'
import type { LockWarning } from './types.js'

/** Tells the process, where there is one, else the console. */
export function processWarning(): (warning: LockWarning) => void {
  const { process, console } = globalThis as {
    process?: { emitWarning?: (message: string, type: string) => void }
    console?: { warn?: (message: string) => void }
  }
  if (typeof process?.emitWarning === 'function') return ({ message }) => process.emitWarning?.(message, 'LockWarning')
  check(
    typeof console?.warn === 'function',
    'LockMonitor',
    'options.onWarning',
    'a function where there is a limit',
    undefined
  )
  return ({ message }) => console?.warn?.(message)
}
