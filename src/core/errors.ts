// Every way in which a latchkey primitive says no.
//
// Two kinds. *State* errors reject a promise: the call was right, the answer is no (too late, closed, full). They form
// the closed set below, each with a stable `code`; compare that rather than the class where two copies of the package
// may meet in one process. *Misuse* throws at the call itself, a plain `TypeError` or `RangeError`: nothing has been
// taken or queued yet, and the stack points at the line to mend even if no code awaits the result.

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

/** One step of a deadlock: a waiter waits for what a holder holds, and that holder makes the next step. */
export interface DeadlockEdge {
  /** The lock that is waited for, such as `Mutex "tools"`. */
  readonly lock: string
  /** The keys that are waited for, and held or claimed; empty where the lock has none. */
  readonly keys: readonly unknown[]
  /** What waits: the name of a task scope, or its number such as `#1`. */
  readonly waiter: string
  /** What holds it, named in the same way. */
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
