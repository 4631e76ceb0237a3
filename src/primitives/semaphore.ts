// So many at a time, each of them for as much as it asks for.
//
// The whole state is `#out`, how many permits are held. What comes back is given to the head of the queue as long as it
// fits, so releasing costs O(granted), whatever the capacity. A request that does not fit yet stops all behind it: small
// ones do not overtake a large one, as in golang.org/x/sync/semaphore and tokio's batch_semaphore.

import { check, checkFunction, checkWhole } from '../core/arguments.js'
import { grantFree, type Hold, inheritHold, wrapFunction } from '../core/hold.js'
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
  $label,
  $lockNow,
  $neverFits,
  $read,
  $remove,
  $runUnchecked
} from '../core/members.js'
import { checkIterable, mapItems } from './map.js'
import { WeightedLock } from './weighted-lock.js'

/** How one call asks for permits. */
export interface PermitOptions extends AcquireOptions {
  /** How many permits at once. Default `1`. */
  permits?: number | undefined
}

/** What a `Semaphore` grants: some of its permits, until they are given back. */
export interface Permit extends Lock {
  /** How many permits this stands for; what was split off is not counted. */
  readonly permits: number
  /**
   * Splits off `n` of the permits, as a lock of their own that is released by itself. What is out stays the same.
   *
   * @throws RangeError unless 1 <= n < `permits`, and when this has been released.
   */
  split(n: number): Permit
}

// biome-ignore lint/correctness/noUnusedVariables: half of the class below, see `inheritHold`
interface PermitHold extends Hold {}
class PermitHold implements Permit {
  permits: number

  constructor(semaphore: Semaphore, permits: number) {
    this[$grantor] = semaphore
    this.permits = permits
  }

  split(n: number): Permit {
    const semaphore = this.held ? (this[$grantor] as Semaphore) : undefined
    const most = semaphore === undefined ? 0 : this.permits - 1
    checkWhole(semaphore ?? 'Semaphore', 'n', n, 1, most)
    this.permits -= n
    return grantFree(semaphore as Semaphore, new PermitHold(semaphore as Semaphore, n))
  }
}
inheritHold(PermitHold)

/**
 * A counting semaphore with weights, first come first served: at most `capacity` permits are out at any time.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'latchkey'
 *
 * const downloads = new Semaphore(2, { name: 'downloads' })
 * let running = 0
 * let most = 0
 *
 * async function download() {
 *   await downloads.run(async () => {
 *     most = Math.max(most, ++running)
 *     await Promise.resolve()
 *     running--
 *   })
 * }
 *
 * await Promise.all([download(), download(), download(), download()])
 * console.log(most, downloads.available) // prints: 2 2
 * ```
 */
export class Semaphore extends WeightedLock<Permit> {
  #capacity: number
  /** How many permits are held. More than the capacity only after it was made smaller. */
  #out = 0

  /**
   * @param permits the capacity: a whole number >= 1, or `Infinity`. It costs nothing: a billion is as cheap as 1.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(permits: number, options?: LockOptions) {
    super(options)
    this.#capacity = checkWhole(this, 'permits', permits, 1, Infinity)
  }

  /** How many permits there are, held or not. */
  get capacity(): number {
    return this.#capacity
  }

  /** How many permits are not held. While callers wait, they are kept for the first of them. */
  get available(): number {
    return Math.max(0, this.#capacity - this.#out)
  }

  /**
   * Waits until as many permits as are asked for are free, and takes them. O(1); O(log p) with a priority, for p
   * different priorities in the queue. No caller overtakes: a request that does not fit yet stops those behind it, however
   * small.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once and takes nothing. Those behind it
   * that fit now are granted in the same instant. If a grant and an abort race, the one that came first stands: after a
   * grant the promise resolves and the caller owns the permits.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option; more permits than the capacity are one. Rejects
   * with `signal.reason` untouched, with `LockTimeoutError`, `QueueFullError`, `LockClosedError` or
   * `LockCancelledError`; and with a `RangeError` if `resize` has made the capacity too small for it when its turn
   * comes.
   */
  acquire(options?: PermitOptions): Promise<Permit> {
    const wait = this.#read(options)
    return this[$acquireUnchecked](wait?.permits ?? 1, wait)
  }

  /**
   * Takes `permits` if that needs no waiting, else returns `undefined`, as it does when the semaphore is closed. O(1).
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  tryAcquire(permits = 1): Permit | undefined {
    return this[$lockNow](this.#count('permits', permits))
  }

  /**
   * Runs `task` while holding permits, and releases them when the task has ended, whichever way; resolves or rejects as
   * the task does. If the permits are free the task starts before this returns, otherwise in a microtask after the
   * grant, in the caller's async context.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started: the permits are passed on.
   * Once the task has started, neither signal nor timeout touches it.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, or
   * with what the task threw.
   */
  run<R>(task: Task<Permit, R>, options?: PermitOptions): Promise<R> {
    checkFunction(this, 'task', task)
    const wait = this.#read(options)
    return this[$runUnchecked](task, wait?.permits ?? 1, wait)
  }

  /**
   * Returns a function that runs `fn` under the semaphore: same `this` and arguments, and a promise of the same result. The
   * options apply to every call.
   *
   * *Cancellation*: as for `run`.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  wrap<This, Args extends unknown[], R>(
    fn: (this: This, ...args: Args) => R,
    options?: PermitOptions
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    checkFunction(this, 'fn', fn)
    const own = this.#read(options)
    return wrapFunction(fn, task => this.run(task, own))
  }

  /**
   * Calls `mapper` with each item, its index and the permit, under the semaphore; resolves with the results, in the order
   * of the items. Each call holds permits of its own (`options.permits`, default 1), so callers of `run` and other maps
   * share the semaphore with it. Items are pulled as they can be started, at most one ahead: the iterable may be endless.
   * O(1) for each item, beside the results.
   *
   * The first thing that fails ends it: the mapper, the iterable, or a wait for permits. Nothing more is pulled or
   * started, and the iterator's `return()` is called. It rejects with that error once every mapper that was started has
   * ended.
   *
   * *Cancellation*: an abort ends it in the same way, with `signal.reason`, even while an async iterable is waited for. It
   * changes nothing once all items have started. A timeout (ms) limits the wait of each item for its permits.
   *
   * @example
   * ```ts
   * import { Semaphore } from 'latchkey'
   *
   * const requests = new Semaphore(2)
   * const lengths = await requests.map(['a', 'bb', 'ccc'], async (text, index) => index + text.length)
   * console.log(lengths) // prints: [ 1, 3, 5 ]
   * ```
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what the mapper or the iterable threw,
   * or with what `acquire` rejects with.
   */
  map<T, R>(
    iterable: Iterable<T> | AsyncIterable<T>,
    mapper: (item: T, index: number, permit: Permit) => R | PromiseLike<R>,
    options?: PermitOptions
  ): Promise<R[]> {
    checkIterable(this, iterable)
    checkFunction(this, 'mapper', mapper)
    const wait = this.#read(options)
    return mapItems(iterable, mapper, (task, signal) => this.run(task, { ...wait, signal }), wait?.signal)
  }

  /**
   * Changes the capacity; what is out counts towards it. Larger: waiters at the head of the queue that fit now are granted
   * before this returns. Smaller than what is out: holders keep their permits, and nothing is granted until enough
   * has come back. A waiter for more than the new capacity is rejected with a `RangeError` when its turn comes,
   * unless there is room again by then. O(granted).
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  resize(permits: number): void {
    this.#capacity = checkWhole(this, 'permits', permits, 1, Infinity)
    this[$grantEligible]()
  }

  override [$fits](permits: number): boolean {
    return permits <= this.#capacity - this.#out
  }

  override [$add](permits: number): Permit {
    this.#out += permits
    return new PermitHold(this, permits)
  }

  override [$remove](permit: Permit): void {
    this.#out -= permit.permits
  }

  override [$neverFits](permits: number): Error | undefined {
    if (permits <= this.#capacity) return undefined
    return new RangeError(`${this[$label]}: the capacity is ${this.#capacity} now, too little for ${permits} permits`)
  }

  #read(options: PermitOptions | undefined): PermitOptions | undefined {
    const permits: unknown = (options as PermitOptions | null | undefined)?.permits
    const wait = this[$read](options)
    return permits === undefined ? wait : { ...wait, permits: this.#count('options.permits', permits) }
  }

  #count(argument: string, permits: unknown = 1): number {
    const isCount = Number.isInteger(permits) && (permits as number) >= 1 && (permits as number) <= this.#capacity
    check(isCount, this, argument, `a whole number from 1 to ${this.#capacity}, the capacity`, permits)
    return permits as number
  }

  override get [$kind](): string {
    return 'Semaphore'
  }

  override get [$isFree](): boolean {
    return this.#out === 0 // and so none waits: no request is larger than the capacity
  }

  override [$describe](): string {
    return `${this.available} of ${this.#capacity} available`
  }
}
