/// <reference lib="esnext.disposable" preserve="true" />
// The half of a lock on an engine that is the same for every engine: what callers see of it.
//
//      waiting here ──▶ has the place ──▶ waiting at the engine ──▶ holds ──▶ gives the key back, then the place
//
// A caller that cancels is rejected at once, in any of these. Whose turn it is, and what is shared within this process,
// is up to `KeyQueue`. Long because each public method says what it does; there is little code between.

import {
  check,
  checkFunction,
  inspect,
  isObject,
  NO_SETTINGS,
  readAcquireOptions,
  readOptions,
  type Settings
} from '../core/arguments.js'
import { reasonOf } from '../core/cancellation.js'
import { type LeaseLostError, LockClosedError } from '../core/errors.js'
import { asyncDispose } from '../core/hold.js'
import type { LockObserver, LockRequest } from '../core/lock.js'
import { $isFree, $isReturning, $label, $makeRequest, $settings } from '../core/members.js'
import { notifyObserver } from '../core/observer.js'
import { type Caller, callForMany, callForOne, type KeyCall } from './calls.js'
import {
  type DistributedLock,
  type DistributedOptions,
  type Guarantees,
  type KeyHolder,
  type Lease,
  LeaseLostDuringTaskError,
  type LockMode,
  type MultiLease,
  type Offers,
  type SharedOptions,
  type TryOptions,
  type WaitOptions
} from './contract.js'
import { KeyQueue } from './key-queue.js'
import type { EngineGrant, HeldLease } from './lease.js'
import type { HeldMultiLease } from './multi-lease.js'
import { capacityOf, type EngineAbilities, EXCLUSIVE_ONLY, modeOf, sourceOf, unsupported } from './options.js'
import type { Wait } from './wait.js'

/** The place of a synchronous caller in the queue of its process. */
export interface SyncPlace {
  /** The engine has granted the key. */
  granted(): void
  /** Gives the place to the next caller of this process. The key was given back before. */
  release(): void
}

/**
 * Builds a `KeyedLock` on an engine: say how a key is called there, how to acquire one, and how to disconnect.
 *
 * A key is any string. Callers are served in order of arrival within this process; between processes the engine decides.
 * Misuse throws a `TypeError` or `RangeError` at the call.
 */
export abstract class EngineLock<Id extends string | number | bigint> implements DistributedLock {
  /** What this lock promises; what is not named, it does not. */
  abstract readonly guarantees: Guarantees
  /** What messages call this lock. Private, so that a member of a subclass cannot take its place. */
  readonly #source: string;
  /** What was kept of the options that all locks have. What watches the lock puts its own observer here. */
  [$settings]: Settings
  /** Requests whose holders have begun to release: only what has an observer is looked up here. */
  readonly #returning = new WeakSet<LockRequest>()
  readonly #caller: Caller<Id>
  readonly #abilities: EngineAbilities
  readonly #queue: KeyQueue<Id>
  #closed: { readonly reason: unknown; readonly done: Promise<void> } | undefined
  /** What this lock can do: by what its engine can, and by its `capacity`. */
  readonly offers: Offers

  /**
   * @param kind what messages call this class
   * @param abilities what the engine can do beside holding one key alone. Default: nothing
   */
  constructor(kind: string, options?: DistributedOptions, abilities: EngineAbilities = EXCLUSIVE_ONLY) {
    check(options === undefined || isObject(options), kind, 'options', 'an object', options)
    const { name, maxWaiting, timeout, observer, owner } = options ?? {}
    this.#source = sourceOf(kind, { name })
    const own = { [$label]: this.#source, [$settings]: NO_SETTINGS }
    readOptions(own, { name, maxWaiting, timeout, observer })
    this[$settings] = own[$settings]
    const capacity = capacityOf(this.#source, options, abilities)
    this.#abilities = abilities
    this.#caller = { source: this.#source, owner, keyId: key => this.keyId(key) }
    this.offers = {
      modes: capacity > 1 ? ['exclusive'] : abilities.modes,
      capacity: abilities.capacity,
      many: this.acquireKeys === undefined ? 'in order' : 'one step',
      inspect: this.inspectKey !== undefined && abilities.inspect !== false
    }
    const engine = {
      acquireKey: (id: Id, wait: Wait | undefined, mode: LockMode) => this.acquireKey(id, wait, mode),
      acquireKeys: this.acquireKeys && ((ids: readonly Id[], mode: LockMode) => this.#acquireKeys(ids, mode))
    }
    this.#queue = new KeyQueue<Id>(engine, capacity, { name: name ?? kind, maxWaiting })
  }

  get [$label](): string {
    return this.#source
  }

  get #observer(): LockObserver | undefined {
    return this[$settings].observer
  }

  get [$isFree](): boolean {
    return this.#queue.isIdle
  }

  [$isReturning](request: LockRequest): boolean {
    return this.#returning.has(request)
  }

  [$makeRequest](keys: readonly string[] = [], mode?: LockMode): LockRequest {
    return mode === 'shared' ? { source: this, keys, mode } : { source: this, keys }
  }

  /** What the engine calls `key`. Two keys with one id share a lock. */
  protected abstract keyId(key: string): Id

  /**
   * Acquires a key at the engine. Without `wait` it does not wait, and resolves to `undefined` if the key is taken.
   *
   * It settles when the engine either has granted or holds nothing of ours; when `wait` ends it should hurry to get
   * there, as the caller has been rejected. A grant that comes later than that is given back by the caller of this.
   *
   * It may be called while this object holds the key already: a shared key for a second group of callers, or for one that
   * wants it alone, and with a `capacity` for one more permit. Each is another holder to the engine.
   */
  protected abstract acquireKey(id: Id, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined>

  /**
   * Acquires several keys in one step, or none of them: then it resolves to `undefined`. The keys differ, and are in the
   * order in which all processes take them. Without it they are tried one after the other.
   */
  protected acquireKeys?(ids: readonly Id[], mode: LockMode): Promise<readonly EngineGrant[] | undefined>

  /** Who holds a key now, in this process or elsewhere; first the one that has held it longest. */
  protected inspectKey?(id: Id): Promise<readonly KeyHolder[]>

  /** Ends what connects this lock to its engine. There are no holders and no waiters any more. */
  protected abstract disconnect(): Promise<void>

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed !== undefined
  }

  /** How many may hold one key at a time. */
  get capacity(): number {
    return this.#queue.capacity
  }

  /** How many callers of this process wait: for each other, or at the engine. */
  get waiting(): number {
    return this.#queue.waiting
  }

  /**
   * Waits until `key` is free, in this process and beyond, and takes it: alone, or shared with others (`mode`). A caller
   * that waits for the key alone stops later ones that would share it.
   *
   * *Cancellation*: an abort or a timeout (ms) rejects at once. What was asked of the engine meanwhile is undone in the
   * background, and nothing stays there. If a grant and an abort race, the one that came first stands.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument, and `LockEngineError` with
   * `ERR_ENGINE_UNSUPPORTED` for a mode that the engine does not offer. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError`, or a `LockEngineError` that says what to do.
   */
  acquire(key: string, options?: WaitOptions): Promise<Lease> {
    const { call, wait } = this.#read(key, options)
    return this.#acquire(call, wait)
  }

  /**
   * Takes `key` if it is free now, else resolves to `undefined`, as it does when the lock is closed.
   *
   * *Cancellation*: none; it takes as long as the engine's answer.
   *
   * @throws as `acquire`, at the call.
   */
  tryAcquire(key: string, options?: TryOptions): Promise<Lease | undefined> {
    return this.#tryAcquire(this.#read(key, options).call)
  }

  /**
   * Runs `task` while holding `key`, always waits for it, and gives the key back. Resolves or rejects as the task does;
   * a failure to give back hides neither.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started. Once it has started only its
   * lease tells it to stop (`lease.signal`).
   *
   * @throws as `acquire`, at the call. Rejects with what `acquire` rejects with, with what the task threw, or with a
   * `LeaseLostDuringTaskError` if the task succeeded and its lease was lost meanwhile.
   */
  runExclusive<T>(key: string, task: (lease: Lease) => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    const { call, wait } = this.#read(key, options)
    checkFunction(this.#source, 'task', task)
    return this.#run(() => this.#acquire(call, wait), task, wait)
  }

  /**
   * Runs `task` while sharing `key`: `runExclusive` with `mode: 'shared'`.
   *
   * *Cancellation*: as for `runExclusive`.
   *
   * @throws as `runExclusive`.
   */
  runShared<T>(key: string, task: (lease: Lease) => T | PromiseLike<T>, options?: SharedOptions): Promise<T> {
    check(options === undefined || isObject(options), this.#source, 'options', 'an object', options)
    const { call, wait } = this.#read(key, options, { mode: 'shared' })
    checkFunction(this.#source, 'task', task)
    return this.#run(() => this.#acquire(call, wait), task, wait)
  }

  /**
   * Waits until all of `keys` are free and takes them. All processes take keys in one order, that of the engine, so no
   * order of `keys` can deadlock; where all are free, it is one step if the engine has one (`offers.many`). A key that is
   * named twice, or that the engine cannot tell from another one, counts once. No keys at all are granted at once.
   *
   * Take all that you need in one call: a caller that holds one key and then asks for another can still deadlock with a
   * caller that does the reverse.
   *
   * *Cancellation*: as for `acquire`; what was taken is given back.
   *
   * @throws as `acquire`.
   */
  acquireMany(keys: Iterable<string>, options?: WaitOptions): Promise<MultiLease> {
    const { call, wait } = this.#readMany(keys, options)
    return this.#acquire(call, wait)
  }

  /**
   * Takes all of `keys` if they are free now, else takes none and resolves to `undefined`.
   *
   * *Cancellation*: none; it takes as long as the engine's answers.
   *
   * @throws as `acquire`, at the call.
   */
  tryAcquireMany(keys: Iterable<string>, options?: TryOptions): Promise<MultiLease | undefined> {
    return this.#tryAcquire(this.#readMany(keys, options).call)
  }

  /**
   * Runs `task` while holding all of `keys`, as `runExclusive` does for one.
   *
   * *Cancellation*: as for `acquireMany`, and a task whose signal has aborted is never started.
   *
   * @throws as `runExclusive`.
   */
  runExclusiveMany<T>(
    keys: Iterable<string>,
    task: (lease: MultiLease) => T | PromiseLike<T>,
    options?: WaitOptions
  ): Promise<T> {
    const { call, wait } = this.#readMany(keys, options)
    checkFunction(this.#source, 'task', task)
    return this.#run(() => this.#acquire(call, wait), task, wait)
  }

  /**
   * Who holds `key` now, in any process; of several, the one that has held it longest. It is a look from outside: by the
   * time it is there, another one may hold the key.
   *
   * *Cancellation*: none; it takes as long as the engine's answer.
   *
   * @throws TypeError, at the call, for a wrong key, and `LockEngineError` with `ERR_ENGINE_UNSUPPORTED` where the engine
   * cannot tell. Rejects with a `LockEngineError`, or with what `close` was given.
   */
  inspect(key: string): Promise<KeyHolder | undefined> {
    return this.#holders(key).then(([first]) => first)
  }

  /**
   * All that hold `key` now, as `inspect` shows the first. Shared callers of one process may be one holder to the engine.
   *
   * *Cancellation*: none; it takes as long as the engine's answer.
   *
   * @throws as `inspect`.
   */
  holders(key: string): Promise<readonly KeyHolder[]> {
    return this.#holders(key)
  }

  #holders(key: string): Promise<readonly KeyHolder[]> {
    const { ids } = callForOne(this.#caller, key, 'exclusive')
    if (this.inspectKey === undefined || this.#abilities.inspect === false)
      throw unsupported(this.#source, 'this engine cannot tell who holds a key')
    if (this.#closed !== undefined) return Promise.reject(this.#closed.reason)
    return this.inspectKey(ids[0] as Id)
  }

  /**
   * Closes for good: rejects current waiters and all later calls, with `reason` if one is given, else with a
   * `LockClosedError`. Resolves when the last holder has released and the engine has been left. A further call returns
   * the same promise, and the first reason stands.
   *
   * *Cancellation*: none. Awaiting it while holding a key waits for oneself.
   */
  close(reason: unknown = new LockClosedError(`${this.#source}: closed`)): Promise<void> {
    this.#closed ??= { reason, done: this.#queue.close(reason).then(() => this.disconnect()) }
    return this.#closed.done
  }

  /** `close()`, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  [inspect](): string {
    const { size, waiting } = this.#queue
    const keys = `${size} ${size === 1 ? 'key' : 'keys'}${waiting > 0 ? `, ${waiting} waiting` : ''}`
    return `${this.#source} { ${this.#closed ? 'closed, ' : ''}${keys} }`
  }

  /** How many callers of this process wait behind one that has, or had, the place at the engine for a key. */
  protected waitingHere(id: Id): number {
    return this.#queue.waitingFor(id)
  }

  /** Throws what `close` was given, if it has been called. */
  protected throwIfClosed(): void {
    if (this.#closed !== undefined) throw this.#closed.reason
  }

  /**
   * For an engine that can also acquire synchronously, alone: the place of one caller in the queue of this process, if that
   * is free. The caller then takes the key at the engine by itself, and says so; asynchronous callers wait behind it.
   */
  protected tryEnter(key: string): SyncPlace | undefined {
    const place = this.#queue.tryEnter(this.keyId(key))
    if (place === undefined) return undefined
    const request = this[$makeRequest]([key])
    let isGranted = false
    return {
      granted: () => {
        isGranted = true
        notifyObserver(this.#observer, 'granted', request)
      },
      release: () => {
        if (isGranted) notifyObserver(this.#observer, 'released', request)
        place.release()
      }
    }
  }

  async #acquireKeys(ids: readonly Id[], mode: LockMode): Promise<readonly EngineGrant[] | undefined> {
    return this.acquireKeys?.(ids, mode)
  }

  #granted<L extends HeldLease | HeldMultiLease>(lease: L, request: LockRequest): L {
    notifyObserver(this.#observer, 'granted', request)
    lease.onReleasing = () => this.#returning.add(request)
    lease.onReleased = () => notifyObserver(this.#observer, 'released', request)
    return lease
  }

  async #tryAcquire<L extends HeldLease | HeldMultiLease>(call: KeyCall<Id, L>): Promise<L | undefined> {
    // Made at the call: what watches the lock knows then whose it is.
    const request = this.#observer && this[$makeRequest](call.keys, call.mode)
    const taken = await this.#queue.tryAcquire(call)
    if (taken === undefined) return undefined
    const lease = call.lease(taken.grants, taken.place)
    return request === undefined ? lease : this.#granted(lease, request)
  }

  #acquire<L extends HeldLease | HeldMultiLease>(call: KeyCall<Id, L>, wait: WaitOptions | undefined): Promise<L> {
    const request = this.#observer && this[$makeRequest](call.keys, call.mode)
    if (request !== undefined) notifyObserver(this.#observer, 'queued', request)
    return this.#queue.acquire(call, wait).then(
      ({ grants, place }) => {
        const lease = call.lease(grants, place)
        return request === undefined ? lease : this.#granted(lease, request)
      },
      reason => {
        if (request !== undefined) notifyObserver(this.#observer, 'abandoned', request, reason)
        throw reason
      }
    )
  }

  async #run<L extends HeldLease | HeldMultiLease, T>(
    acquire: () => Promise<L>,
    task: (lease: L) => T | PromiseLike<T>,
    options: WaitOptions | undefined
  ): Promise<T> {
    const lease = await acquire()
    let result: T
    try {
      if (options?.signal?.aborted) throw reasonOf(options.signal)
      result = await task(lease)
    } finally {
      await lease.release()
    }
    const loss: LeaseLostError | undefined = lease.loss
    if (loss === undefined) return result
    throw new LeaseLostDuringTaskError(loss.message, result, { cause: loss })
  }

  /** Checks what a call for one key is given, and reads how it waits. */
  #read(key: string, options: WaitOptions | undefined, taking: TryOptions | undefined = options) {
    const wait = readAcquireOptions(this.#source, options, this[$settings].wait)
    return { call: callForOne(this.#caller, key, this.#modeOf(taking)), wait }
  }

  #readMany(keys: Iterable<string>, options: WaitOptions | undefined) {
    const wait = readAcquireOptions(this.#source, options, this[$settings].wait)
    return { call: callForMany(this.#caller, keys, this.#modeOf(options)), wait }
  }

  #modeOf(options: TryOptions | undefined): LockMode {
    return modeOf(this.#source, options, this.#abilities, this.#queue.capacity)
  }
}
