// A mutex that its holder may take again.
//
// Who the holder is, `AsyncLocalStorage` tells: each task under the lock runs in an *entry* of its own, and so does all
// that it starts. An entry is over when its task has settled. A caller that finds an entry around it that is not over is
// inside and goes on; one that was started in an entry that is over has outlived the holder, and waits as others do. The
// lock is given back when no entry is left.

import { AsyncLocalStorage } from 'node:async_hooks'
import { checkFunction } from '../core/arguments.js'
import { reasonOf } from '../core/cancellation.js'
import type { AcquireOptions, Lock, LockOptions, LockRequest } from '../core/lock.js'
import {
  $acquireUnchecked,
  $describe,
  $freed,
  $isFree,
  $kind,
  $label,
  $makeRequest,
  $read,
  $refusal,
  $rejectWaiters,
  $settings
} from '../core/members.js'
import { Mutex } from '../core/mutex.js'
import { Waitable } from '../core/waitable.js'

/** A task under the lock. */
interface Entry {
  readonly mutex: ReentrantMutex
  /** The next one outwards that was not over when it was last looked for. */
  outer: Entry | undefined
  over: boolean
}

/** One for all mutexes: each storage costs something at every promise of the program. */
const entries = new AsyncLocalStorage<Entry>()

/** The first that is not over, from `entry` outwards. */
function innermost(entry: Entry | undefined): Entry | undefined {
  let found = entry
  while (found?.over) found = found.outer
  return found
}

/** Runs `task` inside none, though the caller may be inside of some. */
export const outsideAll = <R>(task: () => R): R => entries.run(undefined as never, task)

/** The mutex inside, by the name of the one outside. */
class Core extends Mutex {
  readonly #owner: ReentrantMutex

  constructor(owner: ReentrantMutex) {
    super()
    this[$settings] = owner[$settings]
    this.#owner = owner
  }

  override get [$label](): string {
    return this.#owner[$label]
  }

  override [$makeRequest](): LockRequest {
    return this.#owner[$makeRequest]()
  }

  override [$freed](): void {
    this.#owner[$freed]()
  }
}

/**
 * A mutex that its holder may take again, without waiting for itself: for code that is called both with and
 * without the lock. First come, first served among all others.
 *
 * Only scoped: what is taken by hand belongs to no async context, so there would be no telling whether the next call
 * comes from its holder.
 *
 * @example
 * ```ts
 * import { ReentrantMutex } from 'latchkey/context'
 *
 * const mutex = new ReentrantMutex({ name: 'account' })
 * let balance = 10
 *
 * const add = (amount: number) => mutex.runExclusive(() => { balance += amount })
 * await mutex.runExclusive(async () => {
 *   await add(5) // inside: a Mutex would wait for itself
 *   await add(-2)
 * })
 * console.log(balance, mutex.locked) // prints: 13 false
 * ```
 */
export class ReentrantMutex extends Waitable<Lock> {
  #core: Core | undefined = undefined
  /** The entries that are not over, each in the lock. */
  #depth = 0
  #lock: Lock | undefined = undefined

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: LockOptions) {
    super(options)
  }

  /** Whether a caller holds the lock. */
  get locked(): boolean {
    return this.#core?.locked === true
  }

  override get waiting(): number {
    return this.#core === undefined ? 0 : this.#core.waiting
  }

  /** Whether the caller is inside: in a task under the lock, or in what such a task has started and is not over. */
  get inside(): boolean {
    for (let entry = innermost(entries.getStore()); entry !== undefined; entry = innermost(entry.outer))
      if (entry.mutex === this) return true
    return false
  }

  /**
   * Runs `task` under the lock; from inside at once, otherwise as `Mutex.runExclusive` does. Resolves or rejects as the
   * task does. The lock is given back when the outermost task has settled, and all that were started inside and take the
   * lock themselves.
   *
   * *Cancellation*: as for `Mutex.runExclusive`; a signal that is already aborted rejects inside too. Inside there is
   * nothing to wait for, so no timeout, and no `close`, keeps the holder from finishing.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError`, `LockCancelledError`, or with what the task threw.
   */
  runExclusive<R>(task: () => R | PromiseLike<R>, options?: AcquireOptions): Promise<R> {
    checkFunction(this, 'task', task)
    const wait = this[$read](options)
    const { inside } = this
    const refusal = inside && this.closed && !wait?.signal?.aborted ? undefined : this[$refusal](wait, this)
    if (refusal !== undefined) return refusal
    if (inside) return this.#enter(task)
    return this.#acquire(task, wait)
  }

  /** The entry is made under the lock, and holds it: the lock itself is only given back by the last to leave. */
  #acquire<R>(task: () => R | PromiseLike<R>, options: AcquireOptions | undefined): Promise<R> {
    const signal = options?.signal
    const enter = (lock: Lock): Promise<R> => {
      if (signal?.aborted) {
        lock.release()
        return Promise.reject(reasonOf(signal))
      }
      this.#lock = lock
      return this.#enter(task)
    }
    // On a free lock the task starts before this returns.
    const lock = this.#mutex.tryAcquire()
    return lock === undefined ? this.#mutex[$acquireUnchecked](options).then(enter) : enter(lock)
  }

  async #enter<R>(task: () => R | PromiseLike<R>): Promise<R> {
    const outer = innermost(entries.getStore())
    // Those in between are unlinked: a task that starts the next one would otherwise drag all before it along.
    if (outer !== undefined) outer.outer = innermost(outer.outer)
    const entry: Entry = { mutex: this, outer, over: false }
    this.#depth++
    try {
      return await entries.run(entry, task)
    } finally {
      entry.over = true
      if (--this.#depth === 0) this.#leave()
    }
  }

  #leave(): void {
    const lock = this.#lock
    this.#lock = undefined // first: the next one may come in before `release` returns
    lock?.release()
  }

  get #mutex(): Core {
    this.#core ??= new Core(this)
    return this.#core
  }

  override get [$kind](): string {
    return 'ReentrantMutex'
  }

  override get [$isFree](): boolean {
    return !this.locked
  }

  override [$rejectWaiters](reason: unknown): void {
    this.#core?.[$rejectWaiters](reason)
  }

  override [$describe](): string {
    return this.#mutex[$describe]()
  }
}
