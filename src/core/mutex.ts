// Mutual exclusion: one holder at a time, handed off in order of arrival.
//
// The whole state is `#locked`. It becomes true when a caller takes the free lock and stays true through every hand-off:
// `$handOff` makes the first waiter the owner, and only when there is none does it become false. There is no moment in
// which the lock is free while a caller waits, so no caller can overtake and none needs to check again after waking up.

import { checkFunction, readAcquireOptions } from './arguments.js'
import { grantFree, Hold, rejectImmediately, runHolding, wrapFunction } from './hold.js'
import type { AcquireOptions, Lock, LockOptions, Task } from './lock.js'
import {
  $acquireUnchecked,
  $cannotWait,
  $count,
  $describe,
  $first,
  $freed,
  $grant,
  $handOff,
  $isFree,
  $join,
  $kind,
  $lanes,
  $lockNow,
  $occupy,
  $read,
  $refusal,
  $runUnchecked,
  $settings
} from './members.js'
import { holdBack, letOut } from './observer.js'
import { joinLine, type TaskLine } from './task-batches.js'
import { Waitable } from './waitable.js'

/**
 * A mutual exclusion lock, first come first served.
 *
 * @example
 * ```ts
 * import { Mutex } from 'latchkey'
 *
 * const mutex = new Mutex({ name: 'counter' })
 * let count = 0
 *
 * async function increment() {
 *   await mutex.runExclusive(async () => {
 *     const seen = count
 *     await Promise.resolve() // whatever else runs here cannot interfere
 *     count = seen + 1
 *   })
 * }
 *
 * await Promise.all([increment(), increment(), increment()])
 * console.log(count) // prints: 3
 * ```
 */
export class Mutex extends Waitable<Lock> {
  /** True from the first grant until the last of an unbroken row of holders has released. */
  #locked = false
  /** Where callers of `runExclusive` join. Made when one first has to wait. */
  #tasks: TaskLine | undefined = undefined

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: LockOptions) {
    super(options)
  }

  /** Whether a caller holds the lock. */
  get locked(): boolean {
    return this.#locked
  }

  /**
   * Waits until the lock is free and takes it. O(1); O(log p) with a priority, for p different priorities in the queue.
   * The caller owns the lock from the moment of the hand-off and must release it: by `lock.release()`, or by `using`.
   * `runExclusive` does so by itself.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once and takes nothing; the order of
   * the others is unchanged. If a grant and an abort race, the one that came first stands: after a grant the promise
   * resolves and the caller owns the lock, aborted signal or not. A signal that is already aborted rejects even when
   * the lock is free.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquire(options?: AcquireOptions): Promise<Lock> {
    const wait = this[$read](options)
    // Asking first whether anything can refuse saves 10 ns where nothing can.
    const refusal = wait === undefined && !this.closed ? undefined : this[$refusal](wait, this)
    return refusal ?? this[$acquireUnchecked](wait)
  }

  /** Takes the lock if that needs no waiting, else returns `undefined`, as it does when the mutex is closed. O(1). */
  tryAcquire(): Lock | undefined {
    return this.#locked || this.closed ? undefined : this[$lockNow]()
  }

  /**
   * Runs `task` under the lock and releases it when the task has ended, whichever way; resolves or rejects as the task
   * does. On a free lock the task starts before this returns, as in calling an async function; otherwise it starts in
   * a microtask after the hand-off, in the caller's async context. The task is given the lock and may release it early.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started: the lock is passed on. Once
   * the task has started, neither signal nor timeout touches it.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, or
   * with what the task threw.
   */
  runExclusive<R>(task: Task<Lock, R>, options?: AcquireOptions): Promise<R> {
    checkFunction(this, 'task', task)
    const wait = this[$read](options)
    return this[$refusal](wait, this) ?? this[$runUnchecked](task, wait)
  }

  /**
   * Returns a function that runs `fn` under the lock: same `this` and arguments, and a promise of the same result. The
   * options apply to every call.
   *
   * *Cancellation*: as for `runExclusive`.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  wrap<This, Args extends unknown[], R>(
    fn: (this: This, ...args: Args) => R,
    options?: AcquireOptions
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    checkFunction(this, 'fn', fn)
    const wait = readAcquireOptions(this, options, undefined)
    return wrapFunction(fn, task => this.runExclusive(task, wait))
  }

  [$acquireUnchecked](wait: AcquireOptions | undefined): Promise<Lock> {
    return this.#locked ? this[$join](wait) : Promise.resolve(this[$lockNow]())
  }

  [$runUnchecked]<R>(task: Task<Lock, R>, wait: AcquireOptions | undefined): Promise<R> {
    if (!this.#locked) return runHolding(task, this[$lockNow]())
    if (wait !== undefined || this[$settings].observer !== undefined) return this[$join](wait, 1, task)
    const refusal = this[$cannotWait](undefined)
    if (refusal !== undefined) return rejectImmediately(this, refusal)
    this.#tasks ??= { lanes: this[$lanes], lastTaskWasSync: true }
    return joinLine(this.#tasks, task, this[$count]())
  }

  [$lockNow](): Lock {
    this[$occupy]()
    return grantFree(this, new Hold(this))
  }

  [$occupy](): void {
    this.#locked = true
  }

  /** Makes the first waiter the owner; if there is none, the lock is free. */
  [$handOff](): void {
    const first = this[$first]
    if (first === undefined) this.#becomeFree()
    else if (!first.aborted) first.grant(this, new Hold(this))
    else {
      // Waiters have aborted without our having heard of it, and others may stand behind them.
      holdBack()
      try {
        if (!this[$grant](new Hold(this))) this.#becomeFree()
      } finally {
        letOut()
      }
    }
  }

  #becomeFree(): void {
    this.#locked = false
    this[$freed]()
  }

  override get [$kind](): string {
    return 'Mutex'
  }

  override get [$isFree](): boolean {
    return !this.#locked
  }

  override [$describe](): string {
    return this.#locked ? 'locked' : 'free'
  }
}
