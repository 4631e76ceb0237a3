// A stock of resources that are expensive to create, such as connections: made when they are first needed, lent to one
// caller at a time, and kept for the next.
//
// Two things are waited for, one after the other. A *place*: at most `max` are taken, in order of arrival, as with the
// permits of a semaphore. And, in that place, a *resource*: the idle one that came back last, if it is still good;
// otherwise a new one. A place is taken until its resource has come back, so there are never more than `max`.
//
//      waiting ──▶ has a place ──▶ validating ──▶ lent ──▶ idle ──▶ (lent again, or destroyed)
//                       │              │ no good    ▲
//                       └──────────────┴─▶ creating ┘
//
// A caller may leave in any of these. What was begun for it is finished all the same and then serves the next: a
// connection that is half made can be neither used nor forgotten.

import { check, checkFunction, checkMs, checkWhole } from '../core/arguments.js'
import { Deadline, expires, reasonOf } from '../core/cancellation.js'
import { awaited, type Hold, inheritHold, runGranted, runHolding, type Source } from '../core/hold.js'
import type { AcquireOptions, Lock, LockOptions } from '../core/lock.js'
import {
  $acquireUnchecked,
  $add,
  $describe,
  $fits,
  $freed,
  $grant,
  $grantor,
  $isFree,
  $join,
  $kind,
  $label,
  $lockNow,
  $read,
  $refusal,
  $rejectWaiters,
  $remove,
  $settings,
  $size,
  $waiterLeft
} from '../core/members.js'
import { afterwards, holdBack, letOut } from '../core/observer.js'
import { PartQueue } from '../core/queue.js'
import { IdleResources, type PooledResource } from './pool-resources.js'
import { WeightedLock } from './weighted-lock.js'

/** What a `Pool` is made with. */
export interface PoolOptions<R> extends LockOptions {
  /** Makes a resource. If it fails, the caller that it was made for is rejected with the error, untouched, and no other. */
  create: () => R | PromiseLike<R>
  /**
   * Ends a resource. It is counted no more when this is called; `close` waits for it. What it throws is reported as an
   * unhandled rejection.
   */
  destroy?: ((resource: R) => unknown) | undefined
  /** Whether an idle resource is still good: asked before it is lent again. `false`, or an error, destroys it. */
  validate?: ((resource: R) => boolean | PromiseLike<boolean>) | undefined
  /** How many `idleTimeout` leaves alone, and `warm` makes. Default `0`. */
  min?: number | undefined
  /** How many there are at most: a whole number >= 1, or `Infinity`. */
  max: number
  /** How long a resource may be idle before it is destroyed, in ms. Default `Infinity`. */
  idleTimeout?: number | undefined
  /** How many times a resource is lent. Default `Infinity`. */
  maxUses?: number | undefined
  /** How old a resource may be when it is lent, in ms. It is not taken from its holder. Default `Infinity`. */
  maxAge?: number | undefined
}

/** What a `Pool` grants: the use of a resource, until it is released. */
export interface PoolLease<R> extends Lock {
  readonly resource: R
  /** Releases, and has the resource destroyed: for one that is broken. */
  discard(): void
}

const $item = Symbol('item')

// biome-ignore lint/correctness/noUnusedVariables: half of the class below, see `inheritHold`
interface LeaseHold<R> extends Hold {}
class LeaseHold<R> implements PoolLease<R> {
  /** In a place that has nothing in it yet: `undefined`. Callers get it when there is something. */
  declare [$item]: PooledResource<R> | undefined

  constructor(pool: Pool<R>) {
    this[$grantor] = pool
    this[$item] = undefined
  }

  get resource(): R {
    return (this[$item] as PooledResource<R>).resource
  }

  discard(): void {
    if (this.held) (this[$item] as PooledResource<R>).expired = true
    this.release()
  }
}
inheritHold(LeaseHold)

/** A caller that has a place, and waits for what is to be in it. */
class PreparingCaller<R> extends PartQueue<PoolLease<R>> {
  readonly #callers: Set<PreparingCaller<R>>

  constructor(pool: Source, callers: Set<PreparingCaller<R>>) {
    super(pool)
    this.#callers = callers
  }

  override get [$label](): string {
    return `${super[$label]}, preparing a resource`
  }

  override [$waiterLeft](): void {
    this.#callers.delete(this)
  }
}

/**
 * Lends resources to one caller at a time, and keeps them for the next. The one that came back last is lent first, so
 * those that are not needed grow old and go.
 *
 * @example
 * ```ts
 * import { Pool } from 'latchkey'
 *
 * let made = 0
 * const pool = new Pool({ create: async () => ({ id: ++made }), max: 2, name: 'connections' })
 *
 * const ids = await Promise.all([1, 2, 3, 4].map(() => pool.use(async connection => connection.id)))
 * console.log(ids.join(' '), pool.size) // prints: 1 2 1 2 2
 *
 * await pool.close()
 * console.log(pool.size) // prints: 0
 * ```
 */
export class Pool<R> extends WeightedLock<PoolLease<R>> {
  readonly #options: PoolOptions<R>
  readonly #min: number
  /** How many places are taken: each has a resource, or will have one. */
  #taken = 0
  readonly #idle: IdleResources<R>
  readonly #preparing = new Set<PreparingCaller<R>>()
  #destroying = 0

  /**
   * Makes nothing yet: that is done when a resource is first asked for, or by `warm`.
   *
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options: PoolOptions<R>) {
    check(options !== undefined, 'Pool', 'options', 'an object', options)
    super(options, ['create', 'destroy', 'validate', 'min', 'max', 'idleTimeout', 'maxUses', 'maxAge'])
    this.#options = this[$settings] as PoolOptions<R>
    const { create, destroy, validate, min = 0, max, maxUses = Infinity, idleTimeout, maxAge } = this.#options
    checkFunction(this, 'options.create', create)
    if (destroy !== undefined) checkFunction(this, 'options.destroy', destroy)
    if (validate !== undefined) checkFunction(this, 'options.validate', validate)
    checkWhole(this, 'options.max', max, 1, Infinity)
    this.#min = checkWhole(this, 'options.min', min, 0, max)
    checkWhole(this, 'options.maxUses', maxUses, 1, Infinity)
    checkMs(this, 'idleTimeout', idleTimeout)
    checkMs(this, 'maxAge', maxAge)
    this.#idle = new IdleResources<R>(
      { maxUses, idleTimeout: idleTimeout ?? Infinity, maxAge: maxAge ?? Infinity },
      () => this.size > this.#min,
      resource => this.#destroy(resource)
    )
  }

  /** How many resources there are: lent, idle, or being made. Those that are being destroyed are not counted. */
  get size(): number {
    return this.#taken + this.#idle.size
  }

  /** How many resources are there for the next callers. */
  get idle(): number {
    return this.#idle.size
  }

  /** How many callers have not been served yet: those in the queue, and those whose resource is being prepared. */
  get pending(): number {
    return this.waiting + this.#preparing.size
  }

  /**
   * Waits for a resource, and takes it: an idle one that `validate` finds good, or a new one if there are fewer than
   * `max`. O(1); O(log p) with a priority, for p different priorities in the queue.
   *
   * *Cancellation*: an abort or a timeout (ms, for all the waiting together) ends it at once, in the queue or while a
   * resource is prepared. What is being made or validated for the caller is then for the next caller. If a lease and
   * an abort race, the one that came first stands. `timeout: 0` takes what is idle and good, and makes nothing.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with what `create` failed with, with
   * `signal.reason` untouched, with `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquire(options?: AcquireOptions): Promise<PoolLease<R>> {
    return Promise.resolve(this.#lend(this[$read](options)))
  }

  /**
   * Runs `task` with a resource, and gives it back when the task has ended, whichever way; resolves or rejects as the
   * task does. If a resource is idle and good, the task starts before this returns. A task that finds the resource
   * broken calls `lease.discard()`.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started. Once the task has started,
   * neither signal nor timeout touches it.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, or
   * with what the task threw.
   */
  use<T>(task: (resource: R, lease: PoolLease<R>) => T | PromiseLike<T>, options?: AcquireOptions): Promise<T> {
    checkFunction(this, 'task', task)
    const wait = this[$read](options)
    const withResource = (lease: PoolLease<R>) => task(lease.resource, lease)
    const lease = this.#lend(wait)
    if (lease instanceof LeaseHold) return runHolding(withResource, lease)
    return lease.then(lease => runGranted(withResource, lease, wait?.signal))
  }

  /**
   * Makes resources until there are `min`, and resolves when they are there. Rejects with what `create` failed with
   * first; the others are made all the same. A closed pool makes none. O(min).
   */
  async warm(): Promise<void> {
    const made: Promise<void>[] = []
    // Counted before: `create` may fail at once, and then the place is free again.
    for (let missing = this.#min - this.size; missing > 0 && !this.closed && this[$fits](); missing--) {
      const lease = this.#takePlace()
      made.push(this.#fill(lease).then(() => lease.release()))
    }
    await Promise.all(made)
  }

  /**
   * Closes for good: rejects current waiters and all later calls, and destroys what is idle now and what comes back.
   * Resolves when all holders have released, and all resources are destroyed.
   *
   * *Cancellation*: cannot be cancelled. A holder that awaits it waits for itself.
   */
  override close(reason?: unknown): Promise<void> {
    const { closed } = this
    const done = super.close(reason) // first: what comes back while others are destroyed is destroyed too
    if (!closed) {
      this.#idle.endAll()
      this[$freed]()
    }
    return done
  }

  /** A lease if one is ready now, or a promise of one. */
  #lend(wait: AcquireOptions | undefined): LeaseHold<R> | Promise<PoolLease<R>> {
    const refusal = wait === undefined && !this.closed ? undefined : this[$refusal](wait, this)
    if (refusal !== undefined) return refusal
    const lease = this[$lockNow](1) as LeaseHold<R> | undefined
    if (lease !== undefined) return this.#ready(lease, wait)
    if (!expires(wait) || wait.timeout === 0)
      return this[$acquireUnchecked](1, wait).then(lease => this.#ready(lease as LeaseHold<R>, wait))
    // One timer for both waits.
    const deadline = new Deadline(this[$label], wait)
    const each: AcquireOptions = { signal: deadline.signal, priority: (wait as AcquireOptions).priority }
    return this[$acquireUnchecked](1, each)
      .then(lease => this.#ready(lease as LeaseHold<R>, each))
      .finally(() => deadline.stop())
  }

  /** Hands over what came with the place if it is good, else a promise of something that is. */
  #ready(lease: LeaseHold<R>, wait: AcquireOptions | undefined): LeaseHold<R> | Promise<PoolLease<R>> {
    const item = lease[$item]
    const good = item !== undefined && this.#isGood(item)
    if (good !== true) return this.#prepare(lease, good, wait)
    item.uses++
    return lease
  }

  /** Waits for the place to be filled. A caller that leaves leaves the place to the task that fills it. */
  #prepare(
    lease: LeaseHold<R>,
    good: boolean | Promise<boolean>,
    wait: AcquireOptions | undefined
  ): Promise<PoolLease<R>> {
    const caller = new PreparingCaller<R>(this, this.#preparing)
    const signal = wait?.signal
    const served = signal?.aborted ? Promise.reject(reasonOf(signal)) : caller[$join](wait)
    // No caller is there that will not wait, or has aborted since the grant; what is being validated still has to be.
    if (caller[$size] > 0) this.#preparing.add(caller)
    this.#fill(lease, good, caller).then(
      () => {
        this.#preparing.delete(caller)
        // There is an item if the caller is still there to take it.
        if (caller[$grant](lease)) (lease[$item] as PooledResource<R>).uses++
        else lease.release()
      },
      error => {
        this.#preparing.delete(caller)
        caller[$rejectWaiters](error)
      }
    )
    return served
  }

  /**
   * Puts something good into a place: what lies there, if that is found `good`, else what is idle, else something new.
   * Gives the place back if that fails. Makes nothing for a caller that has left.
   */
  async #fill(lease: LeaseHold<R>, good?: boolean | Promise<boolean>, caller?: PreparingCaller<R>): Promise<void> {
    for (let item = lease[$item]; item !== undefined; item = lease[$item]) {
      if (await good) return
      lease[$item] = this.#idle.take()
      this.#idle.end(item)
      good = lease[$item] && this.#isGood(lease[$item])
    }
    if (caller?.[$size] === 0) return
    const { create } = this.#options
    try {
      lease[$item] = this.#idle.made(await create())
    } catch (error) {
      lease.release()
      throw error
    }
  }

  /** Waits only if `validate` does. Never rejects. */
  #isGood({ resource }: PooledResource<R>): boolean | Promise<boolean> {
    const { validate } = this.#options
    try {
      const good = validate === undefined || validate(resource)
      return typeof good === 'boolean' ? good : Promise.resolve(good).catch(() => false)
    } catch {
      return false
    }
  }

  #destroy(resource: R): void {
    const { destroy } = this.#options
    if (destroy === undefined) return
    this.#destroying++
    // Not in the middle of a grant: it may use the pool.
    afterwards(() => {
      void awaited(() => destroy(resource)).finally(() => {
        this.#destroying--
        this[$freed]()
      })
    })
  }

  override [$fits](): boolean {
    return this.#taken < this.#options.max
  }

  override [$add](): PoolLease<R> {
    const lease = this.#takePlace()
    lease[$item] = this.#idle.take()
    return lease
  }

  #takePlace(): LeaseHold<R> {
    this.#taken++
    return new LeaseHold<R>(this)
  }

  override [$remove](lease: PoolLease<R>): void {
    const item = (lease as LeaseHold<R>)[$item]
    this.#taken--
    if (item === undefined) return // there was none to be had
    if (this.closed) this.#idle.end(item)
    else this.#idle.keep(item)
  }

  override [$rejectWaiters](reason: unknown): void {
    holdBack()
    try {
      super[$rejectWaiters](reason)
      const callers = [...this.#preparing]
      this.#preparing.clear()
      for (const caller of callers) caller[$rejectWaiters](reason)
    } finally {
      letOut()
    }
  }

  override get [$kind](): string {
    return 'Pool'
  }

  /** Nothing is lent and nothing is being destroyed, nor will it be. */
  override get [$isFree](): boolean {
    return this.#taken === 0 && this.#destroying === 0 && !(this.closed && this.#idle.size > 0)
  }

  override [$describe](): string {
    return `${this.#taken} of ${this.#options.max} taken, ${this.#idle.size} idle`
  }
}
