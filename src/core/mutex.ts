// Mutual exclusion: one holder at a time, handed over in order of arrival.
//
// The whole state is `#locked`. It becomes true when somebody takes a free lock and stays true through every hand-off:
// `advance` makes the first waiter the owner, and only when nobody is left does it become false. There is no moment in
// which the lock is free while somebody waits, so nobody can overtake and nobody needs to check again after waking up.

import {
  type AcquireOptions,
  grantFree,
  Hold,
  type Lock,
  type LockOptions,
  mustBeFunction,
  runHolding,
  type Task
} from './lock.js'
import { labelOf, type Place, Waitable, WaiterQueue } from './waiter-queue.js'

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
export class Mutex extends Waitable {
  /** True from the first grant until the last of an unbroken row of holders has released. */
  #locked = false
  #line: WaiterQueue<Lock> | undefined = undefined

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: LockOptions) {
    super(options)
  }

  /** Whether somebody holds the lock. */
  get locked(): boolean {
    return this.#locked
  }

  get waiting(): number {
    return this.#line === undefined ? 0 : this.#line.size
  }

  /**
   * Waits until the lock is free and takes it. O(1); O(log p) with a priority, for p different priorities in line.
   * The caller owns the lock from the moment of the hand-off and must release it: by `lock.release()`, or by `using`.
   * `runExclusive` does so by itself.
   *
   * *Cancellation*: an abort or a timeout (ms) gives up the place in line at once and takes nothing; the order of the
   * others is unchanged. If a grant and an abort race, the one that came first stands: after a grant the promise
   * resolves and the caller owns the lock, aborted signal or not. A signal that is already aborted rejects even when
   * the lock is free.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquire(options?: AcquireOptions): Promise<Lock> {
    // Asking first whether anything can refuse saves 10 ns where nothing can.
    const refusal = options === undefined && !this.closed ? undefined : this.refusal(options, this)
    return refusal ?? this.admit(options)
  }

  /** Takes the lock if that needs no waiting, else returns `undefined`, as it does when the mutex is closed. O(1). */
  tryAcquire(): Lock | undefined {
    return this.#locked || this.closed ? undefined : this.take()
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
    mustBeFunction(this, 'task', task)
    return this.refusal(options, this) ?? this.run(task, options)
  }

  /** `acquire` for those who are not refused. @internal */
  admit(options: AcquireOptions | undefined): Promise<Lock> {
    return this.#locked ? this.line.join(options) : Promise.resolve(this.take())
  }

  /** `runExclusive` for those who are not refused. @internal */
  run<R>(task: Task<Lock, R>, options: AcquireOptions | undefined): Promise<R> {
    return this.#locked ? this.line.run(task, options) : runHolding(task, this.take())
  }

  /** Takes the free lock. @internal */
  take(): Lock {
    this.occupy()
    return grantFree(this, new Hold(this))
  }

  /** @internal */
  occupy(): void {
    this.#locked = true
  }

  /** Makes the first in line the owner; if there is none, the lock is free. @internal */
  advance(): void {
    const line = this.#line
    if (line !== undefined && line.size > 0 && line.grant(new Hold(this))) return
    this.#locked = false
    this.freed()
  }

  /** Made when somebody first has to wait: most mutexes are never contended. @internal */
  get line(): WaiterQueue<Lock> {
    this.#line ??= new WaiterQueue<Lock>(this.options, this)
    return this.#line
  }

  /** @internal */
  get label(): string {
    return labelOf('Mutex', this.options)
  }

  /** @internal */
  get isFree(): boolean {
    return !this.#locked
  }

  /** Takes everybody out of the line, to be rejected by the caller. @internal */
  drain(): Place<Lock>[] {
    return this.#line === undefined ? [] : this.#line.drain()
  }

  /** @internal */
  rejectWaiters(reason: unknown): void {
    for (const place of this.drain()) place.reject(reason)
  }

  /** @internal */
  describe(): string {
    return `${this.#locked ? 'locked' : 'free'}${this.andWaiting}`
  }
}
