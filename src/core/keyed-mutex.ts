// One mutex for each key, for as long as a caller needs it.
//
// An entry is in the map exactly while its key is locked: it enters when the free key is taken and leaves when there is no
// waiter to hand it to. So the map is the state, an idle key costs nothing, and no entry that a waiter needs can be
// missing.
//
// Many keys at once are taken together or not at all. A request for many stands in the queues of all its keys from the
// same instant, by a *claim* in each. A claim whose turn has come reserves its key: locked for all callers, held by no
// caller. When all claims of a request have their keys, it takes them; until then it holds none, so a reservation can be
// taken back when a higher priority comes. That is what makes it safe:
//
//   1  X holds b
//   2  low  (priority 0) asks for a and b:   a is claimed by low, which holds nothing
//   3  high (priority 1) asks for b and a:   is ahead of low in both queues, so it takes over the claim on a
//   4  X releases b:                         high takes a and b, then low does
//
// If low had taken a in step 2, then high would hold b and wait for a in step 4, and low would hold a and wait for b:
// forever. As it is, the first request of all waits for holders alone, never for another request, so no order of keys,
// nor any priority, can close a cycle (docs/decisions/acquire-many-all-or-nothing.md).

import { check, checkFunction, readAcquireOptions } from './arguments.js'
import { wrapFunction } from './hold.js'
import { Entry, MultiKeyRequest } from './keyed-requests.js'
import type { AcquireOptions, Lock, LockOptions, Task } from './lock.js'
import {
  $acquireUnchecked,
  $describe,
  $drain,
  $isFree,
  $kind,
  $lockNow,
  $read,
  $refusal,
  $rejectWaiters,
  $runUnchecked,
  $size
} from './members.js'
import { holdBack, letOut } from './observer.js'
import { Waitable } from './waitable.js'

/**
 * A mutex for each key, first come first served at every key. Keys are compared as a `Map` compares them. A key that
 * is not held takes no memory.
 *
 * Of the options, `maxWaiting` counts for each key by itself.
 *
 * @example
 * ```ts
 * import { KeyedMutex } from 'latchkey'
 *
 * const accounts = new KeyedMutex<string>()
 * const balance = new Map([['alice', 10], ['bob', 0]])
 *
 * async function transfer(from: string, to: string, amount: number) {
 *   await accounts.runExclusiveMany([from, to], async () => {
 *     balance.set(from, balance.get(from)! - amount)
 *     await Promise.resolve()
 *     balance.set(to, balance.get(to)! + amount)
 *   })
 * }
 *
 * await Promise.all([transfer('alice', 'bob', 7), transfer('bob', 'alice', 2)]) // no order of keys can deadlock
 * console.log(balance.get('alice'), balance.get('bob'), accounts.size) // prints: 5 5 0
 * ```
 */
export class KeyedMutex<K = string> extends Waitable<never> {
  readonly #entries = new Map<K, Entry<K>>()
  /** The requests for many keys that wait. */
  readonly #requests = new Set<MultiKeyRequest<K>>()

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: LockOptions) {
    super(options)
  }

  /** How many keys are locked. */
  get size(): number {
    return this.#entries.size
  }

  /** How many callers wait, over all keys. One that waits for many keys counts once. O(locked keys). */
  override get waiting(): number {
    let waiting = 0
    for (const entry of this.#entries.values()) waiting += entry.waiting
    for (const request of this.#requests) waiting -= request.entries.length - request[$size]
    return waiting
  }

  /** The keys that are locked now, in the order in which they became so. */
  keys(): IterableIterator<K> {
    return this.#entries.keys()
  }

  /** Whether `key` is held, or reserved for a caller that waits for other keys as well. */
  isLocked(key: K): boolean {
    return this.#entries.has(key)
  }

  /** How many callers wait for `key`, those that wait for other keys as well included. */
  waitingFor(key: K): number {
    return this.#entries.get(key)?.waiting ?? 0
  }

  /**
   * Waits until `key` is free and takes it: `Mutex.acquire` for one key. O(1); O(log p) with a priority, for p
   * different priorities in the queue.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once and takes nothing. If a grant
   * and an abort race, the one that came first stands: after a grant the promise resolves and the caller owns the key.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquire(key: K, options?: AcquireOptions): Promise<Lock> {
    const wait = this[$read](options)
    const entry = this.#entry(key)
    const refusal = this[$refusal](wait, entry)
    if (refusal !== undefined) return refusal
    if (entry.claimedBy === undefined) return entry[$acquireUnchecked](wait)
    return entry.enqueue(() => entry[$acquireUnchecked](wait))
  }

  /** Takes `key` if that needs no waiting, else returns `undefined`, as it does when the mutex is closed. O(1). */
  tryAcquire(key: K): Lock | undefined {
    return this.closed || this.#entries.has(key) ? undefined : this.#entry(key)[$lockNow]()
  }

  /**
   * Runs `task` while holding `key`: `Mutex.runExclusive` for one key. Resolves or rejects as the task does.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started: the key is passed on.
   * Once the task has started, neither signal nor timeout touches it.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, or
   * with what the task threw.
   */
  runExclusive<R>(key: K, task: Task<Lock, R>, options?: AcquireOptions): Promise<R> {
    checkFunction(this, 'task', task)
    const wait = this[$read](options)
    const entry = this.#entry(key)
    const refusal = this[$refusal](wait, entry)
    if (refusal !== undefined) return refusal
    if (entry.claimedBy === undefined) return entry[$runUnchecked](task, wait)
    return entry.enqueue(() => entry[$runUnchecked](task, wait))
  }

  /**
   * Returns a function that runs `fn` under the lock of a key: same `this` and arguments, and a promise of the same
   * result. `keyOf` makes the key of the arguments. The options apply to every call.
   *
   * *Cancellation*: as for `runExclusive`.
   *
   * @throws TypeError or RangeError for a wrong argument. A call rejects with what `keyOf` throws.
   *
   * @example
   * ```ts
   * import { KeyedMutex } from 'latchkey'
   *
   * const users = new KeyedMutex<string>()
   * const rename = users.wrap(async (id: string, name: string) => `${id} is ${name}`, id => id)
   * console.log(await rename('u1', 'Ann')) // prints: u1 is Ann
   * ```
   */
  wrap<This, Args extends unknown[], R>(
    fn: (this: This, ...args: Args) => R,
    keyOf: (...args: Args) => K,
    options?: AcquireOptions
  ): (this: This, ...args: Args) => Promise<Awaited<R>> {
    checkFunction(this, 'fn', fn)
    checkFunction(this, 'keyOf', keyOf)
    const wait = readAcquireOptions(this, options, undefined)
    return wrapFunction(fn, async (task, args) => this.runExclusive(keyOf(...args), task, wait))
  }

  /**
   * Waits until all of `keys` are free and takes them together, under one lock. It joins the queue of every key in the
   * same instant and holds none before it holds all, so no order of keys can deadlock, and every key stays first come
   * first served. A key named twice counts once; no keys at all are granted at once. O(keys).
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of every queue at once; every waiter behind it that
   * can now proceed does. If a grant and an abort race, the one that came first stands: after a grant the promise
   * resolves and the caller owns the keys.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquireMany(keys: Iterable<K>, options?: AcquireOptions): Promise<Lock> {
    const distinct = this.#distinct(keys)
    const wait = this[$read](options)
    const request = this.#request(distinct)
    return this[$refusal](wait, request) ?? request.acquire(wait)
  }

  /** Takes all of `keys` if that needs no waiting, else takes none and returns `undefined`. O(keys). */
  tryAcquireMany(keys: Iterable<K>): Lock | undefined {
    const request = this.#request(this.#distinct(keys))
    return this.closed || !request.free ? undefined : request.lockNow()
  }

  /**
   * Runs `task` while holding all of `keys`. Resolves or rejects as the task does.
   *
   * *Cancellation*: as for `acquireMany`, and a task whose signal has aborted is never started: the keys are passed on.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquireMany` rejects with,
   * or with what the task threw.
   */
  runExclusiveMany<R>(keys: Iterable<K>, task: Task<Lock, R>, options?: AcquireOptions): Promise<R> {
    checkFunction(this, 'task', task)
    const distinct = this.#distinct(keys)
    const wait = this[$read](options)
    const request = this.#request(distinct)
    return this[$refusal](wait, request) ?? request.run(task, wait)
  }

  override get [$kind](): string {
    return 'KeyedMutex'
  }

  override get [$isFree](): boolean {
    return this.#entries.size === 0
  }

  override [$rejectWaiters](reason: unknown): void {
    holdBack()
    try {
      const entries = [...this.#entries.values()]
      const places = entries.flatMap(entry => entry[$drain]())
      for (const entry of entries) entry.grantEligible() // the request that claimed it is gone: the key is free
      for (const place of places) place.reject(reason)
    } finally {
      letOut()
    }
  }

  override [$describe](): string {
    const { size } = this
    return `${size} ${size === 1 ? 'key' : 'keys'}`
  }

  #entry(key: K): Entry<K> {
    return this.#entries.get(key) ?? new Entry(key, this, this.#entries)
  }

  #distinct(keys: Iterable<K>): Set<K> {
    // A string is iterable too, but `acquireMany('alice')` does not mean five keys.
    const isIterable = typeof keys === 'object' && typeof keys?.[Symbol.iterator] === 'function'
    check(isIterable, this, 'keys', 'an iterable of keys', keys)
    return new Set(keys)
  }

  #request(keys: Set<K>): MultiKeyRequest<K> {
    return new MultiKeyRequest(
      this,
      Array.from(keys, key => this.#entry(key)),
      this.#requests
    )
  }
}
