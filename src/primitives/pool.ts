// A stock of resources that are dear to make, such as connections: made when they are first needed, lent to one user at
// a time, and kept for the next.
//
// Two things are waited for, one after the other. A *place*: at most `max` are taken, in order of arrival, as with the
// permits of a semaphore. And, in that place, a *resource*: the idle one that came back last, if there is one that is
// still good; otherwise a new one. A place is taken until its resource has come back, so there are never more than `max`.
//
//      waiting ──▶ has a place ──▶ validating ──▶ lent ──▶ idle ──▶ (lent again, or destroyed)
//                       │              │ no good    ▲
//                       └──────────────┴─▶ creating ┘
//
// A caller may give up in any of these. What was begun for it is finished all the same and then serves the next: a
// connection that is half made can be neither used nor forgotten.

import { must, mustBeWhole } from '../core/errors.js'
import {
  type AcquireOptions,
  Hold,
  inherit,
  type Lock,
  type LockOptions,
  mustBeFunction,
  noThenable,
  runGranted,
  runHolding
} from '../core/lock.js'
import { LONGEST_TIMER, labelOf, WaiterQueue } from '../core/waiter-queue.js'
import { Admission } from './admission.js'

/** What a `Pool` is made with. */
export interface PoolOptions<R> extends LockOptions {
  /** Makes a resource. If it fails, whoever it was made for is rejected with the error, untouched, and nobody else. */
  create: () => R | PromiseLike<R>
  /**
   * Ends a resource. It is counted no more when this is called; `close` waits for it. What it throws has nobody to catch
   * it, and is reported as an unhandled rejection.
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
  /** How old a resource may be when it is lent, in ms. Nothing is taken from whoever uses it. Default `Infinity`. */
  maxAge?: number | undefined
}

/** What a `Pool` grants: the use of a resource, until it is given back. */
export interface Lease<R> extends Lock {
  readonly resource: R
  /** Gives the place back, as `release` does, and has the resource destroyed: for one that is broken. */
  discard(): void
}

interface Item<R> {
  readonly resource: R
  /** When it was made. */
  readonly born: number
  /** How many times it has been lent. */
  uses: number
  /** When it was last given back. */
  idleSince: number
}

// biome-ignore lint/correctness/noUnusedVariables: half of the class below, see `inherit`
interface LeaseHold<R> extends Hold {}
class LeaseHold<R> implements Lease<R> {
  /** In a place that has nothing in it yet: `undefined`. Callers get it when there is something. */
  item: Item<R> | undefined = undefined
  discarded = false

  constructor(pool: Pool<R>) {
    this.grantor = pool
  }

  get resource(): R {
    return (this.item as Item<R>).resource
  }

  discard(): void {
    this.discarded = this.held
    this.release()
  }
}
inherit(LeaseHold, Hold)
noThenable(LeaseHold)

/**
 * Lends resources to one user at a time, and keeps them for the next. The one that came back last is lent first, so
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
export class Pool<R> extends Admission<Lease<R>> {
  readonly #settings: PoolOptions<R>
  readonly #min: number
  readonly #maxUses: number
  readonly #maxAge: number
  readonly #idleTimeout: number
  /** How many places are taken: each has a resource, or will have one. */
  #taken = 0
  /** The one that came back last is the last. */
  readonly #idle: Item<R>[] = []
  /** Those who have a place, and wait for what is to be in it. A line each, for one. */
  readonly #preparing = new Set<WaiterQueue<Lease<R>>>()
  #destroying = 0
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  /** When the timer is to look for what has been idle for too long, or is too old. */
  #wakeAt = Infinity

  /**
   * Makes nothing yet: that is done when a resource is first asked for, or by `warm`.
   *
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options: PoolOptions<R>) {
    must(options !== undefined, { label: 'Pool' }, 'options', 'an object', options)
    super(options)
    const { create, destroy, validate, min = 0, max, maxUses = Infinity, idleTimeout, maxAge } = options
    mustBeFunction(this, 'options.create', create)
    if (destroy !== undefined) mustBeFunction(this, 'options.destroy', destroy)
    if (validate !== undefined) mustBeFunction(this, 'options.validate', validate)
    mustBeWhole(this, 'options.max', max, 1, Infinity)
    mustBeWhole(this, 'options.min', min, 0, max)
    this.#maxUses = mustBeWhole(this, 'options.maxUses', maxUses, 1, Infinity)
    this.#idleTimeout = this.#checked('options.idleTimeout', idleTimeout)
    this.#maxAge = this.#checked('options.maxAge', maxAge)
    this.#min = min
    this.#settings = options
  }

  #checked(argument: string, ms: number | undefined = Infinity): number {
    must(typeof ms === 'number' && ms >= 0, this, argument, 'a number of ms >= 0', ms)
    return ms
  }

  /** How many resources there are: lent, idle, or being made. Those that are being destroyed are not counted. */
  get size(): number {
    return this.#taken + this.#idle.length
  }

  /** How many resources are there for the next who come. */
  get idle(): number {
    return this.#idle.length
  }

  /** How many callers have not been served yet: those who wait in line, and those whose resource is being prepared. */
  get pending(): number {
    return this.waiting + this.#preparing.size
  }

  /**
   * Waits for a resource, and takes it: an idle one that `validate` finds good, or a new one if there are fewer than
   * `max`. O(1); O(log p) with a priority, for p different priorities in line.
   *
   * *Cancellation*: an abort or a timeout (ms, for all the waiting together) gives up at once, in line or while a
   * resource is prepared. What is being made or validated for the caller is then for the next who comes. If a lease and
   * an abort race, the one that came first stands. `timeout: 0` takes what is idle and good, and makes nothing.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with what `create` failed with, with
   * `signal.reason` untouched, with `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquire(options?: AcquireOptions): Promise<Lease<R>> {
    return Promise.resolve(this.#lend(options))
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
  use<T>(task: (resource: R, lease: Lease<R>) => T | PromiseLike<T>, options?: AcquireOptions): Promise<T> {
    mustBeFunction(this, 'task', task)
    const withResource = (lease: Lease<R>) => task(lease.resource, lease)
    const lease = this.#lend(options)
    if (lease instanceof LeaseHold) return runHolding(withResource, lease)
    const signal = options?.signal
    return (lease as Promise<Lease<R>>).then(lease => runGranted(withResource, lease, signal))
  }

  /**
   * Makes resources until there are `min`, and resolves when they are there. Rejects with what `create` failed with
   * first; the others are made all the same. A closed pool makes none. O(min).
   */
  async warm(): Promise<void> {
    const made: Promise<void>[] = []
    while (this.size < this.#min && !this.closed) {
      const lease = this.#takePlace()
      made.push(this.#fill(lease).then(() => lease.release()))
    }
    await Promise.all(made)
  }

  /**
   * Closes for good: rejects everyone who waits and everyone who comes, and destroys what is idle now and what comes
   * back. Resolves when all have given back what they were lent, and all of it is destroyed.
   *
   * *Cancellation*: cannot be cancelled. Awaiting it while holding a lease waits for oneself.
   */
  override close(reason?: unknown): Promise<void> {
    clearTimeout(this.#timer)
    for (const item of this.#idle.splice(0)) this.#destroy(item)
    return super.close(reason)
  }

  /** A lease if one is ready now, or a promise of one. */
  #lend(options: AcquireOptions | undefined): LeaseHold<R> | Promise<Lease<R>> {
    const refusal = options === undefined && !this.closed ? undefined : this.refusal(options, this)
    if (refusal !== undefined) return refusal
    const lease = this.take(1) as LeaseHold<R> | undefined
    if (lease !== undefined) return this.#equip(lease, options)
    const since = options?.timeout ? Date.now() : 0
    return this.join(1, options).then(lease => {
      const timeout = options?.timeout && Math.max(1, options.timeout - (Date.now() - since))
      return this.#equip(lease as LeaseHold<R>, { signal: options?.signal, timeout })
    })
  }

  /** Hands over what came with the place if it is good, else a promise of something that is. */
  #equip(lease: LeaseHold<R>, options: AcquireOptions | undefined): LeaseHold<R> | Promise<Lease<R>> {
    const { item } = lease
    const good = item !== undefined && this.#isGood(item)
    if (good !== true) return this.#prepare(lease, good, options)
    item.uses++
    return lease
  }

  /** Waits for the place to be filled. Whoever gives up leaves the place to those who fill it. */
  #prepare(
    lease: LeaseHold<R>,
    good: boolean | Promise<boolean>,
    options: AcquireOptions | undefined
  ): Promise<Lease<R>> {
    const source = { label: `${this.label}, preparing a resource`, makeRequest: this.makeRequest }
    const caller = new WaiterQueue<Lease<R>>({ onLeave: () => this.#preparing.delete(caller) }, source)
    const served = caller.wait(options)
    // Nobody is there who will not wait, or has aborted since the grant; what is being validated still has to be.
    if (caller.size > 0) this.#preparing.add(caller)
    this.#fill(lease, good, caller).then(
      () => {
        this.#preparing.delete(caller)
        // There is an item if somebody is still there to take it.
        if (caller.grant(lease)) (lease.item as Item<R>).uses++
        else lease.release()
      },
      error => {
        this.#preparing.delete(caller)
        caller.rejectAll(error)
      }
    )
    return served
  }

  /**
   * Puts something good into a place: what lies there, if that is found `good`, else what is idle, else something new.
   * Gives the place back if that fails. Makes nothing for a caller who has gone.
   */
  async #fill(lease: LeaseHold<R>, good?: boolean | Promise<boolean>, caller?: WaiterQueue<Lease<R>>): Promise<void> {
    while (lease.item !== undefined && !(await good)) {
      this.#destroy(lease.item)
      lease.item = this.#nextIdle()
      good = lease.item && this.#isGood(lease.item)
    }
    if (lease.item !== undefined || caller?.size === 0) return
    try {
      const resource = await this.#settings.create()
      lease.item = { resource, born: Date.now(), uses: 0, idleSince: 0 }
    } catch (error) {
      lease.release()
      throw error
    }
  }

  /** Whoever asks whether it is good waits only if `validate` does. Never rejects. */
  #isGood({ resource }: Item<R>): boolean | Promise<boolean> {
    const { validate } = this.#settings
    try {
      const good = validate === undefined || validate(resource)
      return typeof good === 'boolean' ? good : Promise.resolve(good).catch(() => false)
    } catch {
      return false
    }
  }

  #isOld({ born }: Item<R>): boolean {
    return this.#maxAge < Infinity && Date.now() - born >= this.#maxAge
  }

  #nextIdle(): Item<R> | undefined {
    let item = this.#idle.pop()
    for (; item !== undefined && this.#isOld(item); item = this.#idle.pop()) this.#destroy(item)
    return item
  }

  #destroy({ resource }: Item<R>): void {
    const { destroy } = this.#settings
    if (destroy === undefined) return
    this.#destroying++
    const destroyed = new Promise(resolve => resolve(destroy(resource)))
    void destroyed.finally(() => {
      this.#destroying--
      this.freed()
    })
  }

  #keep(item: Item<R>): void {
    this.#idle.push(item)
    if (this.#idleTimeout === Infinity && this.#maxAge === Infinity) return // spares asking the clock
    item.idleSince = Date.now()
    this.#expect(item)
  }

  /** Has the timer look when the first of the idle ones is due, at the latest. */
  #expect(item: Item<R>): void {
    const due = Math.min(item.idleSince + this.#idleTimeout, item.born + this.#maxAge)
    if (due >= this.#wakeAt) return
    this.#wakeAt = due
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#expire(), Math.min(due - Date.now(), LONGEST_TIMER))
    // A stock of connections is no reason to keep a process alive, where the platform can be told so.
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  /** Destroys what is too old, or has been idle for too long and is not one of the last `min`. O(idle). */
  #expire(): void {
    this.#wakeAt = Infinity
    const now = Date.now()
    const spent: Item<R>[] = []
    let spare = this.size - this.#min
    for (const item of this.#idle.splice(0)) {
      const unused = now - item.idleSince >= this.#idleTimeout
      if (this.#isOld(item) || (unused && spare > 0)) {
        spare--
        spent.push(item)
        continue
      }
      if (unused) item.idleSince = Infinity // one of the last `min`: watched again when it has been lent
      this.#idle.push(item)
      this.#expect(item)
    }
    for (const item of spent) this.#destroy(item)
  }

  /** @internal */
  fits(): boolean {
    return this.#taken < this.#settings.max
  }

  /** @internal */
  admit(): Lease<R> {
    const lease = this.#takePlace() // first: what is destroyed for its age may call back
    lease.item = this.#nextIdle()
    return lease
  }

  #takePlace(): LeaseHold<R> {
    this.#taken++
    return new LeaseHold<R>(this)
  }

  /** @internal */
  remove(lease: Lease<R>): void {
    const { item, discarded } = lease as LeaseHold<R>
    this.#taken--
    if (item === undefined) return // there was none to be had
    if (discarded || this.closed || item.uses >= this.#maxUses || this.#isOld(item)) this.#destroy(item)
    else this.#keep(item)
  }

  /** @internal */
  override rejectWaiters(reason: unknown): void {
    super.rejectWaiters(reason)
    for (const caller of this.#preparing) caller.rejectAll(reason)
    this.#preparing.clear()
  }

  /** @internal */
  get label(): string {
    return labelOf('Pool', this.options)
  }

  /** Nothing is lent, and nothing is being destroyed. @internal */
  get isFree(): boolean {
    return this.#taken === 0 && this.#destroying === 0
  }

  /** @internal */
  describe(): string {
    return `${this.#taken} of ${this.#settings.max} taken, ${this.#idle.length} idle${this.andWaiting}`
  }
}
