/// <reference lib="esnext.disposable" preserve="true" />
// The half of a lock on an engine that is the same for every engine.
//
// Callers of this process queue here, in a `KeyedMutex` whose keys are those of the engine: at most one of them at a time
// stands at the engine for a key, so a thousand callers cost the engine one waiter. Keyed by the *engine's* key, because
// where two names fall on one (a hash), an engine may give the same process the same lock twice.
//
//      waiting here ──▶ has the place ──▶ waiting at the engine ──▶ holds ──▶ gives the key back, then the place
//
// A caller that cancels is rejected at once, in any of these. What was begun at the engine is finished all the same, and
// what it then grants is given back; only then does the place go to the next.

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
import { LockClosedError, LockTimeoutError } from '../core/errors.js'
import { asyncDispose } from '../core/hold.js'
import { KeyedMutex } from '../core/keyed-mutex.js'
import type { Lock, LockObserver, LockRequest } from '../core/lock.js'
import { $label, $settings } from '../core/members.js'
import { notifyObserver } from '../core/observer.js'
import {
  type DistributedOptions,
  type Guarantees,
  type KeyedLock,
  type KeyHolder,
  type Lease,
  LeaseLostDuringTaskError,
  type LockMode,
  type WaitOptions
} from './contract.js'
import { type EngineGrant, HeldLease } from './lease.js'
import { showKey, sourceOf } from './options.js'
import { timeoutError, Wait } from './wait.js'

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
export abstract class EngineLock<Id> implements KeyedLock, AsyncDisposable {
  /** What this lock promises; what is not named, it does not. */
  abstract readonly guarantees: Guarantees
  /** What messages call this lock. Private, so that a member of a subclass cannot take its place. */
  readonly #source: string
  /** What was kept of the options that all locks have. */
  readonly [$settings]: Settings
  readonly #local: KeyedMutex<Id>
  readonly #observer: LockObserver | undefined
  /** The callers that wait at the engine: one for a key. */
  readonly #waiting = new Map<Id, Wait>()
  #closed: { readonly reason: unknown; readonly done: Promise<void> } | undefined

  /** @param kind what messages call this class */
  constructor(kind: string, options?: DistributedOptions) {
    check(options === undefined || isObject(options), kind, 'options', 'an object', options)
    const { name, maxWaiting, timeout, observer } = options ?? {}
    this.#source = sourceOf(kind, { name })
    const own = { [$label]: this.#source, [$settings]: NO_SETTINGS }
    readOptions(own, { name, maxWaiting, timeout, observer })
    this[$settings] = own[$settings]
    this.#observer = observer
    this.#local = new KeyedMutex<Id>({ name: name ?? kind, maxWaiting })
  }

  get [$label](): string {
    return this.#source
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

  /** How many callers of this process wait: for each other, or at the engine. */
  get waiting(): number {
    return this.#local.waiting + this.#waiting.size
  }

  /**
   * Waits until `key` is free, in this process and beyond, and takes it.
   *
   * *Cancellation*: an abort or a timeout (ms) rejects at once. What was asked of the engine meanwhile is undone in the
   * background, and nothing stays there. If a grant and an abort race, the one that came first stands.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError`, or a `LockEngineError` that says what to do.
   */
  acquire(key: string, options?: WaitOptions): Promise<Lease> {
    return this.#observe(key, this.#check(key, options))
  }

  /**
   * Takes `key` if it is free now, else resolves to `undefined`, as it does when the lock is closed.
   *
   * *Cancellation*: none; it takes as long as the engine's answer.
   */
  tryAcquire(key: string): Promise<Lease | undefined> {
    this.#check(key, undefined)
    const lease = this.#tryAcquire(key)
    return this.#observer === undefined ? lease : lease.then(lease => lease && this.#granted(lease, this.#request(key)))
  }

  /**
   * Runs `task` while holding `key`, always waits for it, and gives the key back. Resolves or rejects as the task does;
   * a failure to give back hides neither.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started. Once it has started only its
   * lease tells it to stop (`lease.signal`).
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, with
   * what the task threw, or with a `LeaseLostDuringTaskError` if the task succeeded and its lease was lost meanwhile.
   */
  runExclusive<T>(key: string, task: (lease: Lease) => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    const wait = this.#check(key, options)
    checkFunction(this.#source, 'task', task)
    return this.#run(key, task, wait)
  }

  /**
   * Closes for good: rejects current waiters and all later calls, with `reason` if one is given, else with a
   * `LockClosedError`. Resolves when the last holder has released and the engine has been left. A further call returns
   * the same promise, and the first reason stands.
   *
   * *Cancellation*: none. Awaiting it while holding a key waits for oneself.
   */
  close(reason: unknown = new LockClosedError(`${this.#source}: closed`)): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = { reason, done: this.#local.close(reason).then(() => this.disconnect()) }
      for (const wait of this.#waiting.values()) wait.end(reason)
    }
    return this.#closed.done
  }

  /** `close()`, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  [inspect](): string {
    const { size, waiting: local } = this.#local
    const waiting = local + this.#waiting.size
    const keys = `${size} ${size === 1 ? 'key' : 'keys'}${waiting > 0 ? `, ${waiting} waiting` : ''}`
    return `${this.#source} { ${this.#closed ? 'closed, ' : ''}${keys} }`
  }

  /** How many callers of this process wait behind one that has, or had, the place at the engine for a key. */
  protected waitingHere(id: Id): number {
    return this.#local.waitingFor(id)
  }

  /** Throws what `close` was given, if it has been called. */
  protected throwIfClosed(): void {
    if (this.#closed !== undefined) throw this.#closed.reason
  }

  /**
   * For an engine that can also acquire synchronously: the place of one caller in the queue of this process, if that is
   * free. The caller then takes the key at the engine by itself, and says so; asynchronous callers wait behind it.
   */
  protected tryEnter(key: string): SyncPlace | undefined {
    const place = this.#local.tryAcquire(this.keyId(key))
    if (place === undefined) return undefined
    const request = this.#request(key)
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

  #request(key: string): LockRequest {
    return { source: this, keys: [key] }
  }

  #granted(lease: HeldLease, request: LockRequest): HeldLease {
    notifyObserver(this.#observer, 'granted', request)
    lease.onReleased = () => notifyObserver(this.#observer, 'released', request)
    return lease
  }

  /** `#acquire`, with an observer notified. */
  #observe(key: string, options: WaitOptions | undefined): Promise<HeldLease> {
    if (this.#observer === undefined) return this.#acquire(key, options)
    const request = this.#request(key)
    notifyObserver(this.#observer, 'queued', request)
    return this.#acquire(key, options).then(
      lease => this.#granted(lease, request),
      reason => {
        notifyObserver(this.#observer, 'abandoned', request, reason)
        throw reason
      }
    )
  }

  #acquire(key: string, options: WaitOptions | undefined): Promise<HeldLease> {
    const id = this.keyId(key)
    // Most find the key free here: for them there is no queue to wait in.
    const place = options?.signal?.aborted ? undefined : this.#local.tryAcquire(id)
    return place === undefined ? this.#queue(key, id, options) : this.#acquireAt(key, id, place, options, undefined)
  }

  async #queue(key: string, id: Id, options: WaitOptions | undefined): Promise<HeldLease> {
    const since = performance.now()
    const place = await this.#local.acquire(id, options).catch(error => this.#explainTimeout(key, id, options, error))
    return this.#acquireAt(key, id, place, options, since)
  }

  /** With the place of this process. `since` when it was waited for, if it was. */
  async #acquireAtOnce(key: string, id: Id, place: Lock): Promise<HeldLease> {
    const lease = await this.#attempt(key, id, place)
    if (lease !== undefined) return lease
    throw new LockTimeoutError(`${this.#labelOf(key)}: would have to wait, and timeout is 0 ms`)
  }

  #acquireAt(
    key: string,
    id: Id,
    place: Lock,
    options: WaitOptions | undefined,
    since: number | undefined
  ): Promise<HeldLease> {
    if (options?.timeout === 0) return this.#acquireAtOnce(key, id, place)
    // The label is for a timeout, and takes long to make.
    const label = options?.timeout === undefined ? '' : this.#labelOf(key)
    return this.#wait(key, id, place, new Wait(label, options, since ?? performance.now()))
  }

  /** A caller that waits here waits for the one at the engine: what keeps that one back keeps this one back. */
  #explainTimeout(key: string, id: Id, options: WaitOptions | undefined, error: unknown): never {
    const diagnosis = this.#waiting.get(id)?.diagnosis
    if (diagnosis === undefined || !(error instanceof LockTimeoutError)) throw error
    throw timeoutError(`${this.#labelOf(key)}: waited longer than ${options?.timeout} ms`, diagnosis)
  }

  async #tryAcquire(key: string): Promise<HeldLease | undefined> {
    const id = this.keyId(key)
    const place = this.#local.tryAcquire(id)
    return place && this.#attempt(key, id, place)
  }

  async #attempt(key: string, id: Id, place: Lock): Promise<HeldLease | undefined> {
    try {
      const grant = await this.acquireKey(id, undefined, 'exclusive')
      if (grant !== undefined) return new HeldLease(this.#source, key, grant, place)
    } catch (error) {
      place.release()
      throw error
    }
    place.release()
    return undefined
  }

  #wait(key: string, id: Id, place: Lock, wait: Wait): Promise<HeldLease> {
    this.#waiting.set(id, wait)
    if (this.#closed !== undefined) wait.end(this.#closed.reason)
    return new Promise((resolve, reject) => {
      wait.onEnd(reason => {
        this.#waiting.delete(id)
        reject(reason)
      })
      const acquired = wait.ended ? Promise.resolve(undefined) : this.acquireKey(id, wait, 'exclusive')
      acquired.then(
        grant => {
          if (grant === undefined) place.release()
          else {
            const lease = new HeldLease(this.#source, key, grant, place)
            // Here, and in the same instant as `resolve`, is where a grant and an abort race.
            if (wait.ended) void lease.release()
            else resolve(lease)
          }
          this.#leave(id, wait)
        },
        error => {
          place.release()
          this.#leave(id, wait)
          reject(error)
        }
      )
    })
  }

  #leave(id: Id, wait: Wait): void {
    this.#waiting.delete(id)
    wait.dispose()
  }

  async #run<T>(key: string, task: (lease: Lease) => T | PromiseLike<T>, options: WaitOptions | undefined): Promise<T> {
    const lease = await this.#observe(key, options)
    let result: T
    try {
      if (options?.signal?.aborted) throw reasonOf(options.signal)
      result = await task(lease)
    } finally {
      await lease.release()
    }
    if (lease.loss === undefined) return result
    throw new LeaseLostDuringTaskError(lease.loss.message, result, { cause: lease.loss })
  }

  #labelOf(key: string): string {
    return `${this.#source} key ${showKey(key)}`
  }

  /** Checks what every call is given, and reads how it waits. */
  #check(key: unknown, options: WaitOptions | undefined): WaitOptions | undefined {
    check(typeof key === 'string', this.#source, 'key', 'a string', key)
    return readAcquireOptions(this.#source, options, this[$settings].wait)
  }
}
