// Many readers or one writer, in order of arrival.
//
// A waiting writer stops the readers behind it, and readers that stand next to each other go together, so neither kind
// can keep the other out: a caller waits for those before it, and for no others. That is the task-fair lock of
// Mellor-Crummey and Scott (1991), with direct hand-off.

import { checkFunction, readAcquireOptions } from '../core/arguments.js'
import { type Hold, inheritHold, wrapFunction } from '../core/hold.js'
import type { AcquireOptions, Lock, LockOptions, Task } from '../core/lock.js'
import {
  $acquireUnchecked,
  $add,
  $describe,
  $fits,
  $grantEligible,
  $grantor,
  $isFree,
  $kind,
  $lockNow,
  $read,
  $remove,
  $runUnchecked,
  $transferTo
} from '../core/members.js'
import { WeightedLock } from './weighted-lock.js'

/** A share of the right to read. */
export interface ReadLock extends Lock {
  /**
   * Becomes a write lock if no other reads, else returns `undefined` and stays as it is. Atomic: no caller comes
   * between, waiters included. On success this lock is used up, and the one that is returned has to be released.
   * O(1).
   */
  tryUpgrade(): WriteLock | undefined
}

/** The right to write, alone. */
export interface WriteLock extends Lock {
  /**
   * Becomes a read lock. Atomic: no writer comes between, and readers at the head of the queue are granted in the same
   * instant. This lock is used up, and the one that is returned has to be released. O(granted).
   *
   * @throws TypeError if this lock was released.
   */
  downgrade(): ReadLock
}

const READ = 1
const WRITE = 2

const $upgrade = Symbol('upgrade')
const $downgrade = Symbol('downgrade')

// biome-ignore lint/correctness/noUnusedVariables: half of the class below, see `inheritHold`
interface ReadHold extends Hold {}
class ReadHold implements ReadLock {
  constructor(lock: ReadWriteLock) {
    this[$grantor] = lock
  }

  tryUpgrade(): WriteLock | undefined {
    return this.held ? (this[$grantor] as ReadWriteLock)[$upgrade](this) : undefined
  }
}
inheritHold(ReadHold)

// biome-ignore lint/correctness/noUnusedVariables: half of the class below, see `inheritHold`
interface WriteHold extends Hold {}
class WriteHold implements WriteLock {
  constructor(lock: ReadWriteLock) {
    this[$grantor] = lock
  }

  downgrade(): ReadLock {
    if (!this.held) throw new TypeError('ReadWriteLock: a write lock that was released cannot be downgraded')
    return (this[$grantor] as ReadWriteLock)[$downgrade](this)
  }
}
inheritHold(WriteHold)

/**
 * A lock for things that many may read at once and one may change alone, first come first served. No caller starves: a
 * waiting writer stops new readers, and readers who queued behind it go next.
 *
 * Not reentrant, and a reader that asks for the write lock while it reads waits for itself: see `tryUpgrade`.
 *
 * @example
 * ```ts
 * import { ReadWriteLock } from 'latchkey'
 *
 * const lock = new ReadWriteLock({ name: 'config' })
 * let config = { version: 1 }
 *
 * const versions = Promise.all([1, 2].map(() => lock.runRead(async () => config.version)))
 * await lock.runWrite(async () => {
 *   config = { version: config.version + 1 }
 * })
 * console.log(await versions, await lock.runRead(() => config.version)) // prints: [ 1, 1 ] 2
 * ```
 */
export class ReadWriteLock extends WeightedLock<ReadLock | WriteLock> {
  #readers = 0
  /** Never while a caller reads. */
  #writing = false

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: LockOptions) {
    super(options)
  }

  /** How many hold a read lock. */
  get readers(): number {
    return this.#readers
  }

  /** Whether a caller holds the write lock. */
  get writing(): boolean {
    return this.#writing
  }

  /**
   * Waits for the writers that came before, and joins the readers. O(1); O(log p) with a
   * priority, for p different priorities in the queue.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once and takes nothing; those behind it
   * that can go now go in the same instant. If a grant and an abort race, the one that came first stands: after a grant
   * the promise resolves and the caller owns the lock.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquireRead(options?: AcquireOptions): Promise<ReadLock> {
    return this[$acquireUnchecked](READ, this[$read](options)) as Promise<ReadLock>
  }

  /**
   * Waits until all who came before have gone, and writes alone. O(1); O(log p) with a priority, for p different
   * priorities in the queue.
   *
   * *Cancellation*: as for `acquireRead`. The readers behind a writer that leaves are granted at once if others read now.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects as `acquireRead` does.
   */
  acquireWrite(options?: AcquireOptions): Promise<WriteLock> {
    return this[$acquireUnchecked](WRITE, this[$read](options)) as Promise<WriteLock>
  }

  /** Takes a read lock if that needs no waiting, else returns `undefined`, as it does behind a waiting writer. O(1). */
  tryAcquireRead(): ReadLock | undefined {
    return this[$lockNow](READ) as ReadLock | undefined
  }

  /** Takes the write lock if no caller reads, writes or waits, else returns `undefined`. O(1). */
  tryAcquireWrite(): WriteLock | undefined {
    return this[$lockNow](WRITE) as WriteLock | undefined
  }

  /**
   * Runs `task` under a read lock and releases it when the task has ended, whichever way; resolves or rejects as the
   * task does. Without waiting the task starts before this returns, otherwise in a microtask after the grant, in the
   * caller's async context.
   *
   * *Cancellation*: as for `acquireRead`, and a task whose signal has aborted is never started.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquireRead` rejects with,
   * or with what the task threw.
   */
  runRead<R>(task: Task<ReadLock, R>, options?: AcquireOptions): Promise<R> {
    checkFunction(this, 'task', task)
    return this[$runUnchecked](task as Task<Lock, R>, READ, this[$read](options))
  }

  /**
   * Runs `task` under the write lock: as `runRead`, alone.
   *
   * *Cancellation*: as for `acquireWrite`, and a task whose signal has aborted is never started.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquireWrite` rejects with,
   * or with what the task threw.
   */
  runWrite<R>(task: Task<WriteLock, R>, options?: AcquireOptions): Promise<R> {
    checkFunction(this, 'task', task)
    return this[$runUnchecked](task as Task<Lock, R>, WRITE, this[$read](options))
  }

  /**
   * Returns a function that runs `fn` under the write lock: same `this` and arguments, and a promise of the same result.
   * The options apply to every call.
   *
   * *Cancellation*: as for `runWrite`.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  wrap<This, Args extends unknown[], R>(
    fn: (this: This, ...args: Args) => R,
    options?: AcquireOptions
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    checkFunction(this, 'fn', fn)
    const wait = readAcquireOptions(this, options, undefined)
    return wrapFunction(fn, task => this.runWrite(task, wait))
  }

  /**
   * The same under a read lock: the calls share it with each other and with other readers.
   *
   * *Cancellation*: as for `runRead`.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  wrapRead<This, Args extends unknown[], R>(
    fn: (this: This, ...args: Args) => R,
    options?: AcquireOptions
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    checkFunction(this, 'fn', fn)
    const wait = readAcquireOptions(this, options, undefined)
    return wrapFunction(fn, task => this.runRead(task, wait))
  }

  [$upgrade](reader: ReadHold): WriteLock | undefined {
    if (this.#readers > 1) return undefined
    this.#readers = 0
    this.#writing = true
    return reader[$transferTo](new WriteHold(this))
  }

  [$downgrade](writer: WriteHold): ReadLock {
    this.#writing = false
    this.#readers = 1
    const reader = writer[$transferTo](new ReadHold(this))
    this[$grantEligible]()
    return reader
  }

  override [$fits](weight: number): boolean {
    return !this.#writing && (weight === READ || this.#readers === 0)
  }

  override [$add](weight: number): ReadLock | WriteLock {
    if (weight === READ) {
      this.#readers++
      return new ReadHold(this)
    }
    this.#writing = true
    return new WriteHold(this)
  }

  override [$remove](lock: ReadLock | WriteLock): void {
    if (lock instanceof ReadHold) this.#readers--
    else this.#writing = false
  }

  override get [$kind](): string {
    return 'ReadWriteLock'
  }

  override get [$isFree](): boolean {
    return !this.#writing && this.#readers === 0
  }

  override [$describe](): string {
    const readers = this.#readers === 1 ? '1 reader' : `${this.#readers} readers`
    return this.#writing ? 'writing' : this.#readers > 0 ? readers : 'free'
  }
}
