// Every way in which a latchkey primitive says no.
//
// Two kinds. *State* errors reject a promise: the call was right, the answer is no (too late, closed, full). They form
// the closed set below, each with a stable `code`; compare that rather than the class where two copies of the package
// may meet in one process. *Misuse* throws at the call itself, a plain `TypeError` or `RangeError`: nothing has been
// taken or queued yet, and the stack points at the line to mend even if nobody awaits the result.

/** The wait was longer than `timeout` allows. Named `TimeoutError`, as the platform names its own. */
export class LockTimeoutError extends Error {
  readonly code = 'ERR_LOCK_TIMEOUT'
  override get name(): 'TimeoutError' {
    return 'TimeoutError'
  }
}

/** `cancelWaiters()` was called without a reason while this caller waited. */
export class LockCancelledError extends Error {
  readonly code = 'ERR_LOCK_CANCELLED'
  override get name(): 'LockCancelledError' {
    return 'LockCancelledError'
  }
}

/** The primitive was closed, before this call or while it waited. */
export class LockClosedError extends Error {
  readonly code = 'ERR_LOCK_CLOSED'
  override get name(): 'LockClosedError' {
    return 'LockClosedError'
  }
}

/** As many callers wait already as `maxWaiting` allows. */
export class QueueFullError extends Error {
  readonly code = 'ERR_QUEUE_FULL'
  override get name(): 'QueueFullError' {
    return 'QueueFullError'
  }
}

/** The barrier was reset while this party waited at it. */
export class BrokenBarrierError extends Error {
  readonly code = 'ERR_BARRIER_BROKEN'
  override get name(): 'BrokenBarrierError' {
    return 'BrokenBarrierError'
  }
}

/** One step of a deadlock: somebody waits for what somebody else holds, who makes the next step. */
export interface DeadlockEdge {
  /** What is waited for, such as `Mutex "tools"`. */
  readonly lock: string
  /** The keys that are waited for, and held or promised; empty where the lock has none. */
  readonly keys: readonly unknown[]
  /** Who waits: the name of a line of work, or its number such as `#1`. */
  readonly waiter: string
  /** Who holds it. */
  readonly holder: string
  /** `false`: the holder has no more than its turn, and itself waits for other keys. */
  readonly held: boolean
  /** Where the waiter asked, and where the holder did. Only if stacks are recorded. */
  readonly waitingAt?: string
  readonly heldAt?: string
}

/** Waiting would have closed a cycle of holders that wait for each other. */
export class DeadlockError extends Error {
  /** The cycle, beginning with the wait that was refused, if what found it tells. */
  declare readonly cycle?: readonly DeadlockEdge[]
  readonly code = 'ERR_DEADLOCK'
  override get name(): 'DeadlockError' {
    return 'DeadlockError'
  }
}

/** A lease on a shared engine can no longer be trusted. */
export class LeaseLostError extends Error {
  readonly code = 'ERR_LEASE_LOST'
  override get name(): 'LeaseLostError' {
    return 'LeaseLostError'
  }
}

/**
 * A value as a message shows it: strings in quotes, objects by their kind, never a call to user code that may throw.
 * @internal
 */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** What messages call a primitive. @internal */
export interface Named {
  readonly label: string
}

/**
 * Throws unless `ok`: a `RangeError` for a number out of range, a `TypeError` for anything else.
 * @internal
 */
export function must(ok: boolean, source: Named, argument: string, expected: string, value: unknown): asserts ok {
  if (ok) return
  const ErrorClass = typeof value === 'number' && expected.includes('number') ? RangeError : TypeError
  throw new ErrorClass(`${source.label}: ${argument} must be ${expected}, got ${show(value)}`)
}

/** A whole number from `least` to `most`, if that is given. `Infinity` is one only as `most`. @internal */
export function mustBeWhole(source: Named, argument: string, value: unknown, least: number, most?: number): number {
  const isWhole = Number.isInteger(value) && (value as number) >= least && (value as number) <= (most ?? Infinity)
  const range = most === undefined || most === Infinity ? `>= ${least}` : `from ${least} to ${most}`
  const expected = `a whole number ${range}${most === Infinity ? ' or Infinity' : ''}`
  must(isWhole || (value === Infinity && most === Infinity), source, argument, expected, value)
  return value as number
}
