// Waiting, under a lock, for what others change under the same lock.
//
// Who waits stands in two lines, one after the other: first here, until it is notified, then in that of the mutex. A
// notification is handed to a waiter that is still there, so none is lost to one that has just given up; and whatever
// ends a wait, the mutex is taken again before the caller hears of it. Names as in POSIX and Python's
// threading.Condition.

import { must, mustBeWhole } from '../core/errors.js'
import { type AcquireOptions, Hold, type Lock, type LockOptions, mustBeFunction } from '../core/lock.js'
import { Mutex } from '../core/mutex.js'
import { labelOf } from '../core/waiter-queue.js'
import { Crowd } from './crowd.js'

/**
 * A condition variable: `wait` gives up the mutex until somebody notifies, and holds it again when it settles.
 * `waiting` counts those who wait to be notified, not those who then wait for the mutex again.
 *
 * @example
 * ```ts
 * import { Condition, Mutex } from 'latchkey'
 *
 * const mutex = new Mutex()
 * const filled = new Condition(mutex)
 * const items: string[] = []
 *
 * async function take() {
 *   const lock = await mutex.acquire()
 *   try {
 *     await filled.waitFor(lock, () => items.length > 0)
 *     return items.shift()
 *   } finally {
 *     lock.release()
 *   }
 * }
 *
 * const taken = take()
 * await mutex.runExclusive(() => {
 *   items.push('an item')
 *   filled.notify()
 * })
 * console.log(await taken) // prints: an item
 * ```
 */
export class Condition extends Crowd<void> {
  readonly #mutex: Mutex

  /**
   * @param mutex guards whatever the condition is about.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(mutex: Mutex, options?: LockOptions) {
    super(options)
    must(mutex instanceof Mutex, this, 'mutex', 'a Mutex', mutex)
    this.#mutex = mutex
  }

  /**
   * Releases the mutex, waits to be notified, and takes the mutex again. `lock` is the same object before and after; in
   * between it is not held. O(1).
   *
   * Whatever it was that one waits for may have changed again by the time the mutex is there: look, or use `waitFor`.
   *
   * *Cancellation*: an abort or a timeout (ms) ends the waiting for a notification, not that for the mutex, which is
   * taken again before this rejects. If a notification and an abort race, the one that came first stands; one that
   * meets a waiter which has given up goes to the next. A signal that is already aborted rejects and leaves the mutex
   * alone.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument, such as a lock that is not held. Rejects with
   * `signal.reason` untouched, with `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`,
   * and holds the mutex; only if that cannot be had again, because it was closed, its waiters were cancelled or its
   * line is full, `wait` rejects with what the mutex says, and `lock` is not held.
   */
  wait(lock: Lock, options?: AcquireOptions): Promise<void> {
    const hold = this.#held(lock)
    const refusal = this.refusal(options, this)
    if (refusal !== undefined) return refusal
    const refuses = options?.timeout === 0 || this.waiting >= (this.options?.maxWaiting ?? Infinity)
    if (refuses) return this.join(options) // the mutex is never given up
    const notified = this.join(options)
    hold.release()
    const retake = () => this.#mutex.acquire().then(fresh => void (fresh as Hold).become(hold))
    return notified.then(retake, reason =>
      retake().then(() => {
        throw reason
      })
    )
  }

  /**
   * Waits until `predicate` holds: looks, and while it does not, waits to be notified. It is always called under the
   * lock.
   *
   * *Cancellation*: as for `wait`; the timeout (ms) counts for all the waiting together. If the predicate holds, a
   * timeout that is over does not matter.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects as `wait` does, or with what the
   * predicate threw.
   */
  waitFor(lock: Lock, predicate: () => boolean | PromiseLike<boolean>, options?: AcquireOptions): Promise<void> {
    this.#held(lock)
    mustBeFunction(this, 'predicate', predicate)
    return this.refusal(options, this) ?? this.#waitFor(lock, predicate, options)
  }

  async #waitFor(lock: Lock, predicate: () => boolean | PromiseLike<boolean>, options?: AcquireOptions): Promise<void> {
    const deadline = Date.now() + (options?.timeout ?? Infinity)
    while (!(await predicate())) await this.wait(lock, { ...options, timeout: Math.max(0, deadline - Date.now()) })
  }

  /**
   * Wakes the first `n` that wait. They go on when they hold the mutex again, one after the other. Returns how many
   * were woken. Usually called under the lock, which is not checked. O(n).
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  notify(n = 1): number {
    mustBeWhole(this, 'n', n, 1, Infinity)
    let woken = 0
    while (woken < n && this.line?.grant()) woken++
    this.freed()
    return woken
  }

  /** Wakes all that wait now. O(waiting). */
  notifyAll(): number {
    return this.waiting === 0 ? 0 : this.notify(this.waiting)
  }

  #held(lock: Lock): Hold {
    const isHeld = lock instanceof Hold && lock.grantor === this.#mutex
    must(isHeld, this, 'lock', `a lock of ${this.#mutex.label} that is held`, lock)
    return lock as Hold
  }

  /** @internal */
  get label(): string {
    return labelOf('Condition', this.options)
  }

  /** @internal */
  describe(): string {
    return `${this.waiting} waiting`
  }
}
