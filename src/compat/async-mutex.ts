// The interface of the package async-mutex, so that a program can move by changing one import. docs/migration/async-mutex.md
// says what differs, row by row.
//
// What is kept of it: any caller may release (`mutex.release()` takes the lock from its holder, as documented there), higher
// priorities first, three errors that are compared by identity. What is not: the faults. A releaser frees only its own hold, and
// a waiter that has timed out is gone.
//
// It stands on `WaiterQueue` and not on `Mutex`: a mutex that any caller may release is what `Mutex` refuses to be.
//
//              acquire            the releaser, or mutex.release()
//   free ──────────────────▶ held ────────────────────────────────▶ held by the first waiter
//     ▲                        │
//     └────────────────────────┘ the same, where no caller waits

import { LockTimeoutError, WaiterQueue } from 'latchkey'

/** What a mutex can do, and what `withTimeout` and `tryAcquire` make of one. */
export interface MutexInterface {
  /** Waits for the lock and takes it. Resolves to the function that releases it. */
  acquire(priority?: number): Promise<MutexInterface.Releaser>
  /** Runs `callback` under the lock. */
  runExclusive<T>(callback: MutexInterface.Worker<T>, priority?: number): Promise<T>
  /** Resolves when the lock could be taken with this priority, without taking it. */
  waitForUnlock(priority?: number): Promise<void>
  /** Whether a caller holds the lock. */
  isLocked(): boolean
  /** Takes the lock from its holder and hands it to the first waiter. */
  release(): void
  /** Rejects the callers that wait in `acquire` and `runExclusive`. */
  cancel(): void
}

/** The functions in the signatures of a mutex. */
export namespace MutexInterface {
  /** Releases what its `acquire` was granted. Further calls do nothing. */
  export type Releaser = () => void
  /** What runs under the lock. */
  export type Worker<T> = () => Promise<T> | T
}

/** What a wait that timed out rejects with: one object for all of them, to be compared with `===`. */
export const E_TIMEOUT: Error = new Error('timeout while waiting for mutex to become available')
/** What `tryAcquire` rejects with when the lock is taken: one object for all of them, to be compared with `===`. */
export const E_ALREADY_LOCKED: Error = new Error('mutex already locked')
/** What `cancel` rejects with: one object for all of them, to be compared with `===`. */
export const E_CANCELED: Error = new Error('request for lock canceled')

/** How long a caller waits, in ms, and what it is rejected with then. */
interface Limit {
  readonly timeout: number
  readonly error: Error
}

// For every copy of this module that the program has loaded, as ESM and as CommonJS: a mutex of one may be passed to another.
const $acquireWithin: unique symbol = Symbol.for('latchkey.compat.async-mutex.acquire') as never
const $waitWithin: unique symbol = Symbol.for('latchkey.compat.async-mutex.wait') as never

/** What `withTimeout` needs of a mutex beyond its interface: waits that leave the queue when their time is over. */
interface Limitable extends MutexInterface {
  [$acquireWithin](priority: number | undefined, limit: Limit | undefined): Promise<MutexInterface.Releaser>
  [$waitWithin](priority: number | undefined, limit: Limit | undefined): Promise<void>
}

/** The callers of one priority. */
interface Lane {
  readonly priority: number
  readonly callers: WaiterQueue<MutexInterface.Releaser>
  /** Callers of `waitForUnlock`, which take nothing. */
  readonly watchers: WaiterQueue<void>
}

/**
 * A mutual exclusion lock with the interface of async-mutex.
 *
 * @example
 * ```ts
 * import { E_CANCELED, Mutex } from 'latchkey/compat/async-mutex' // was: 'async-mutex'
 *
 * const mutex = new Mutex()
 * const release = await mutex.acquire()
 * const waiter = mutex.acquire().catch(error => error === E_CANCELED)
 * mutex.cancel()
 * await waiter // → true
 * release()
 * mutex.isLocked() // → false
 * ```
 */
export class Mutex implements MutexInterface {
  readonly #cancelError: Error
  /** What was given to the holder, and what alone can end this hold besides `release()`. `undefined`: the lock is free. */
  #holder: MutexInterface.Releaser | undefined = undefined
  /** Highest priority first. Empty while the lock is free. */
  readonly #lanes: Lane[] = []

  /**
   * @param cancelError what `cancel` rejects waiters with. Default: `E_CANCELED`.
   */
  constructor(cancelError: Error = E_CANCELED) {
    this.#cancelError = cancelError
  }

  /**
   * Waits for the lock and takes it. Resolves to the function that releases it, which does nothing when it is called again
   * or after the lock was taken from this holder by `release()`. O(p) for p different priorities in the queue.
   *
   * *Cancellation*: `cancel()` rejects the waiter, which takes nothing.
   *
   * @param priority a higher one goes first, in order of arrival within one. Default: `0`.
   */
  acquire(priority?: number): Promise<MutexInterface.Releaser> {
    return this[$acquireWithin](priority, undefined)
  }

  /**
   * Runs `callback` under the lock, and releases it when the callback has returned or failed. Resolves or rejects as the
   * callback does. The callback never starts before this returns.
   *
   * *Cancellation*: as for `acquire`. Once the callback has started, nothing here touches it.
   *
   * @param priority as for `acquire`.
   */
  runExclusive<T>(callback: MutexInterface.Worker<T>, priority?: number): Promise<T> {
    return runWithin(this[$acquireWithin](priority, undefined), callback)
  }

  /**
   * Resolves when the lock could be taken with this priority, without taking it: another may have it by the time that the
   * caller goes on. `cancel()` does not reject it.
   *
   * @param priority as for `acquire`: the wait is over before a waiter of a lower priority gets the lock.
   */
  waitForUnlock(priority?: number): Promise<void> {
    return this[$waitWithin](priority, undefined)
  }

  /** Whether a caller holds the lock. */
  isLocked(): boolean {
    return this.#holder !== undefined
  }

  /**
   * Takes the lock from its holder and hands it to the first waiter. Does nothing on a free lock. Any caller may do so, and what
   * the holder runs goes on, no longer alone: prefer the function that `acquire` gives, or `runExclusive`.
   */
  release(): void {
    if (this.#holder !== undefined) this.#handOff()
  }

  /** Rejects the callers that wait in `acquire` and `runExclusive`. The holder keeps the lock. O(waiters). */
  cancel(): void {
    for (const { callers } of this.#lanes) callers.rejectAll(this.#cancelError)
  }

  async [$acquireWithin](priority: number | undefined, limit: Limit | undefined): Promise<MutexInterface.Releaser> {
    if (this.#holder !== undefined) return this.#inTime(this.#laneOf(priority).callers, limit)
    this.#holder = this.#releaser()
    return this.#holder
  }

  async [$waitWithin](priority: number | undefined, limit: Limit | undefined): Promise<void> {
    if (this.#holder !== undefined) await this.#inTime(this.#laneOf(priority).watchers, limit)
  }

  /** A wait that rejects with the error of its limit. */
  async #inTime<T>(queue: WaiterQueue<T>, limit: Limit | undefined): Promise<T> {
    if (limit === undefined) return queue.wait()
    try {
      return await queue.wait({ timeout: limit.timeout })
    } catch (error) {
      throw error instanceof LockTimeoutError && error !== this.#cancelError ? limit.error : error
    }
  }

  #releaser(): MutexInterface.Releaser {
    const release = () => {
      if (this.#holder === release) this.#handOff()
    }
    return release
  }

  #handOff(): void {
    const next = this.#releaser()
    this.#holder = next
    for (let lane = this.#lanes[0]; lane !== undefined; lane = this.#lanes[0]) {
      if (lane.callers.grant(next)) return
      // No caller of this priority or of a higher one waits: the lock could be taken with it.
      this.#lanes.shift()
      while (lane.watchers.grant()) {}
    }
    this.#holder = undefined
  }

  #laneOf(asked: number | undefined): Lane {
    const priority = Number(asked ?? 0)
    if (Number.isNaN(priority)) throw new TypeError(`Mutex: priority must be a number, got ${String(asked)}`)
    const index = this.#lanes.findIndex(lane => lane.priority <= priority)
    const found = this.#lanes[index]
    if (found?.priority === priority) return found
    const lane = { priority, callers: new WaiterQueue<MutexInterface.Releaser>(), watchers: new WaiterQueue<void>() }
    this.#lanes.splice(index === -1 ? this.#lanes.length : index, 0, lane)
    return lane
  }
}

/**
 * A view of `mutex` whose waits end after `timeout` ms: they leave the queue and reject with `timeoutError`. Its hold and
 * its waiters are those of `mutex` itself. It can be given a view again; then the shorter time counts.
 *
 * @param mutex a `Mutex` of this module, or what `withTimeout` or `tryAcquire` made of one.
 * @param timeout in ms; `0` does not wait, `Infinity` waits forever.
 * @param timeoutError what waits reject with. Default: `E_TIMEOUT`.
 * @throws TypeError if `mutex` comes from elsewhere.
 */
export function withTimeout(mutex: MutexInterface, timeout: number, timeoutError: Error = E_TIMEOUT): MutexInterface {
  if (!isLimitable(mutex))
    throw new TypeError('withTimeout: mutex must be a Mutex of latchkey/compat/async-mutex, or a view of one')
  // A time that is over, or none, does not wait.
  const own: Limit = { timeout: timeout > 0 ? timeout : 0, error: timeoutError }
  const shorter = (limit: Limit | undefined) => (limit !== undefined && limit.timeout <= own.timeout ? limit : own)
  const view: Limitable = {
    acquire: priority => view[$acquireWithin](priority, undefined),
    runExclusive: (callback, priority) => runWithin(view.acquire(priority), callback),
    waitForUnlock: priority => view[$waitWithin](priority, undefined),
    isLocked: () => mutex.isLocked(),
    release: () => mutex.release(),
    cancel: () => mutex.cancel(),
    [$acquireWithin]: (priority, limit) => mutex[$acquireWithin](priority, shorter(limit)),
    [$waitWithin]: (priority, limit) => mutex[$waitWithin](priority, shorter(limit))
  }
  return view
}

/**
 * A view of `mutex` that does not wait: where the lock is taken, `acquire` and `runExclusive` reject with `alreadyLockedError`.
 *
 * @param mutex a `Mutex` of this module, or what `withTimeout` or `tryAcquire` made of one.
 * @param alreadyLockedError what they reject with. Default: `E_ALREADY_LOCKED`.
 * @throws TypeError if `mutex` comes from elsewhere.
 */
export function tryAcquire(mutex: MutexInterface, alreadyLockedError: Error = E_ALREADY_LOCKED): MutexInterface {
  return withTimeout(mutex, 0, alreadyLockedError)
}

const isLimitable = (mutex: MutexInterface): mutex is Limitable =>
  typeof mutex === 'object' && mutex !== null && $acquireWithin in mutex

async function runWithin<T>(grant: Promise<MutexInterface.Releaser>, callback: MutexInterface.Worker<T>): Promise<T> {
  const release = await grant
  try {
    return await callback()
  } finally {
    release()
  }
}
