// Waiting, under a lock, for what others change under the same lock.
//
// A caller stands in two queues, one after the other: first here, until it is notified, then in that of the mutex. A
// notification is handed to a waiter that is still there, so none is lost to one that has just left; and whatever ends a
// wait, the mutex is taken again before the caller hears of it. Names as in POSIX and Python's threading.Condition.

import { check, checkFunction, checkWhole, isObject } from '../core/arguments.js'
import { Deadline, expires, retraced } from '../core/cancellation.js'
import type { Hold } from '../core/hold.js'
import type { AcquireOptions, Lock, LockOptions } from '../core/lock.js'
import { $cannotWait, $freed, $grantor, $join, $kind, $label, $read, $refusal, $transferTo } from '../core/members.js'
import type { Mutex } from '../core/mutex.js'
import { grantTogether } from '../core/queue.js'
import { EventPrimitive } from './event-primitive.js'

/**
 * A condition variable: `wait` releases the mutex until it is notified, and holds it again when it settles. `waiting`
 * counts the callers that wait to be notified, not those that then wait for the mutex again.
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
export class Condition extends EventPrimitive<void> {
  readonly #mutex: Mutex

  /**
   * @param mutex guards whatever the condition is about.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(mutex: Mutex, options?: LockOptions) {
    super(options)
    // By its kind, not by its class: it may come from another copy of the package.
    check(isObject(mutex) && (mutex as Mutex)[$kind] === 'Mutex', this, 'mutex', 'a Mutex', mutex)
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
   * meets a waiter that has left goes to the next. A signal that is already aborted rejects and leaves the mutex
   * alone.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument, such as a lock that is not held. Rejects with
   * `signal.reason` untouched, with `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`,
   * and holds the mutex; only if that cannot be had again, because it was closed, its waiters were cancelled or its
   * line is full, `wait` rejects with what the mutex says, and `lock` is not held.
   */
  wait(lock: Lock, options?: AcquireOptions): Promise<void> {
    const wait = this[$read](options)
    const hold = this.#held(lock)
    return this[$refusal](wait, this) ?? this.#wait(hold, wait)
  }

  #wait(hold: Hold, wait: AcquireOptions | undefined): Promise<void> {
    if (this[$cannotWait](wait) !== undefined) return this[$join](wait) // which rejects; the mutex is never released
    const notified = this[$join](wait)
    hold.release()
    // A timeout of the mutex is for its own callers. This one holds it again, however long that takes.
    const retake = async () => {
      const fresh = (await this.#mutex.acquire({ timeout: Infinity })) as Hold
      try {
        fresh[$transferTo](hold)
      } finally {
        if (!hold.held) fresh.release() // it was frozen meanwhile
      }
    }
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
    checkFunction(this, 'predicate', predicate)
    const wait = this[$read](options)
    this.#held(lock)
    return this[$refusal](wait, this) ?? this.#waitFor(lock, predicate, wait)
  }

  async #waitFor(
    lock: Lock,
    predicate: () => boolean | PromiseLike<boolean>,
    wait: AcquireOptions | undefined
  ): Promise<void> {
    const found = predicate()
    if (found === true) return
    // One timer for all the waiting together.
    const deadline = expires(wait) && wait.timeout > 0 ? new Deadline(this[$label], wait) : undefined
    const each = deadline === undefined ? wait : { signal: deadline.signal, priority: wait?.priority }
    try {
      for (let holds = await found; !holds; holds = await predicate()) {
        const hold = this.#held(lock)
        await (this[$refusal](each, this) ?? this.#wait(hold, each))
      }
    } catch (error) {
      if (error === deadline?.expired) return retraced(error as Error)
      throw error
    } finally {
      deadline?.stop()
    }
  }

  /**
   * Wakes the first `n` that wait. They go on when they hold the mutex again, one after the other. Returns how many
   * were woken. Usually called under the lock, which is not checked. O(n).
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  notify(n = 1): number {
    checkWhole(this, 'n', n, 1, Infinity)
    const woken = grantTogether(this, undefined, n)
    this[$freed]()
    return woken
  }

  /** Wakes all current waiters. Returns how many were woken. O(waiting). */
  notifyAll(): number {
    return this.waiting === 0 ? 0 : this.notify(this.waiting)
  }

  #held(lock: Lock): Hold {
    const isHeld = isObject(lock) && (lock as Hold)[$grantor] === this.#mutex && lock.held
    check(isHeld, this, 'lock', `a lock of ${this.#mutex[$label]} that is held`, lock)
    check(!Object.isFrozen(lock), this, 'lock', 'a lock that is not frozen: it is to be released and taken again', lock)
    return lock as Hold
  }

  override get [$kind](): string {
    return 'Condition'
  }

  /** What this is and how it stands, such as `Condition "filled" { 2 waiting }`. */
  override toString(): string {
    return `${this[$label]} { ${this.closed ? 'closed, ' : ''}${this.waiting} waiting }`
  }
}
