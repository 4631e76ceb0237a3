// One mutex for each key, for as long as somebody needs it.
//
// An entry is in the map exactly while its key is locked: it enters when the free key is taken and leaves when nobody
// is left to hand it over to. So the map is the state, an idle key costs nothing, and no entry that a waiter needs can
// be missing.
//
// Many keys at once are taken together or not at all. A *claim* stands in the lines of all its keys from the same
// instant, so any two claims meet in the same order everywhere. A key whose turn has come for it is *promised*: locked
// for everyone, held by nobody. The claim takes its keys when all are promised, and until then it holds none of them,
// so a promise can be taken back when a higher priority comes. The first claim of all therefore never waits for another
// claim, only for holders, and no order of keys, nor any priority, can close a cycle
// (docs/decisions/acquire-many-all-or-nothing.md).

import { must, show } from './errors.js'
import {
  type AcquireOptions,
  type Grantor,
  grantFree,
  Hold,
  type Lock,
  type LockOptions,
  type LockRequest,
  mustBeFunction,
  refuse,
  runGranted,
  runHolding,
  type Task
} from './lock.js'
import { Mutex } from './mutex.js'
import { labelOf, Place, Waitable, WaiterQueue } from './waiter-queue.js'

/** The mutex of one key, while that key is locked. */
class Entry<K> extends Mutex {
  readonly key: K
  /** Whose turn it is, if that is a claim which still lacks other keys. Nobody holds the key then, and it is locked. */
  promised: ClaimPlace<K> | undefined = undefined
  readonly #owner: KeyedMutex<K>
  readonly #entries: Map<K, Entry<K>>

  constructor(key: K, owner: KeyedMutex<K>, entries: Map<K, Entry<K>>) {
    super(owner.options)
    this.key = key
    this.#owner = owner
    this.#entries = entries
  }

  override occupy(): void {
    super.occupy()
    this.#entries.set(this.key, this)
  }

  override freed(): void {
    this.#entries.delete(this.key)
    this.#owner.freed()
  }

  override advance(): void {
    this.withdraw()
    super.advance()
  }

  /** Takes back what was promised: the key is about to be held, or promised anew. */
  withdraw(): void {
    if (this.promised === undefined) return
    this.promised.claim.missing++
    this.promised = undefined
  }

  /** Looks again at a key that nobody holds: whoever has just come or gone may have changed whose turn it is. */
  review(): void {
    if (this.promised !== undefined) this.advance()
  }

  override makeRequest(): LockRequest {
    return { source: this.#owner, keys: [this.key] }
  }

  override get label(): string {
    return `${this.#owner.label} key ${show(this.key)}`
  }
}

/** Where a claim stands in the line of one of its keys. */
class ClaimPlace<K> extends Place<Lock> {
  readonly claim: Claim<K>
  readonly entry: Entry<K>

  constructor(claim: Claim<K>, entry: Entry<K>) {
    super()
    this.claim = claim
    this.entry = entry
  }

  /** The key is promised, and stays in line until all are. */
  grant(): boolean {
    this.entry.promised = this
    if (--this.claim.missing === 0) this.claim.take()
    return true
  }

  reject(reason: unknown): void {
    this.claim.reject(reason)
  }
}

/** A request for many keys: waits for them, holds them, gives them back. */
class Claim<K> implements Grantor {
  readonly entries: readonly Entry<K>[]
  /** How many of the keys are not promised to this. */
  missing: number
  readonly #owner: KeyedMutex<K>
  /** All claims that wait for keys of the owner. */
  readonly #waiting: Set<Claim<K>>
  readonly #places: ClaimPlace<K>[] = []
  /** The line of one in which the caller itself waits, with its signal and its timeout. */
  readonly #turn: WaiterQueue<Lock>

  constructor(owner: KeyedMutex<K>, entries: readonly Entry<K>[], waiting: Set<Claim<K>>) {
    this.entries = entries
    this.missing = entries.length
    this.#owner = owner
    this.#waiting = waiting
    this.#turn = new WaiterQueue<Lock>({ observer: owner.options?.observer, onLeave: () => this.#giveUp() }, this)
  }

  /** Takes keys that are all free. */
  seize(): Lock {
    for (const entry of this.entries) entry.occupy()
    return grantFree(this, new Hold(this))
  }

  admit(options: AcquireOptions | undefined): Promise<Lock> {
    return this.free ? Promise.resolve(this.seize()) : this.#join(options)
  }

  run<R>(task: Task<Lock, R>, options: AcquireOptions | undefined): Promise<R> {
    if (this.free) return runHolding(task, this.seize())
    const signal = options?.signal
    return this.#join(options).then(lock => runGranted(task, lock, signal))
  }

  get free(): boolean {
    return !this.entries.some(entry => entry.locked)
  }

  /** Joins the lines of all keys in one instant. */
  #join(options: AcquireOptions | undefined): Promise<Lock> {
    if (options?.timeout === 0) return this.#turn.join(options) // which refuses it
    const full = this.entries.map(entry => entry.line.full).find(Boolean)
    if (full !== undefined) return refuse((this.options as LockOptions).observer, this, full)
    this.#enterLines(options)
    const granted = this.#turn.join(options)
    for (const { entry } of this.#places) entry.review() // a higher priority may have overtaken other claims everywhere
    return granted
  }

  #enterLines(options: AcquireOptions | undefined): void {
    this.#waiting.add(this)
    for (const entry of this.entries) {
      const place = new ClaimPlace(this, entry)
      this.#places.push(place)
      entry.line.enter(place, options)
      if (entry.locked) continue
      entry.occupy()
      place.grant() // not the last one: some other key was locked
    }
  }

  /** Takes all keys: each is promised. */
  take(): void {
    this.#leaveLines()
    for (const entry of this.entries) entry.withdraw()
    const lock = new Hold(this)
    if (!this.#turn.grant(lock)) lock.release() // the caller's signal has aborted, and we had not heard of it
  }

  /** Turns the caller away when all lines have been cleared. */
  reject(reason: unknown): void {
    this.#waiting.delete(this)
    this.#turn.rejectAll(reason)
  }

  /** Gives back what was held. */
  advance(): void {
    for (const entry of this.entries) entry.advance()
  }

  #giveUp(): void {
    if (!this.#waiting.has(this)) return // `take` found that the caller had left
    this.#leaveLines()
    for (const place of this.#places) if (place.entry.promised === place) place.entry.advance()
  }

  #leaveLines(): void {
    this.#waiting.delete(this)
    for (const place of this.#places) place.entry.line.exit(place)
  }

  /** 1 until the caller is served or gone. */
  get waiting(): number {
    return this.#turn.size
  }

  get options(): LockOptions | undefined {
    return this.#owner.options
  }

  get label(): string {
    return `${this.#owner.label} keys ${this.entries.map(entry => show(entry.key)).join(', ')}`
  }

  makeRequest(): LockRequest {
    return { source: this.#owner, keys: this.entries.map(entry => entry.key) }
  }
}

/**
 * A mutex for each key, first come first served at every key. Keys are compared as a `Map` compares them. A key that
 * nobody holds takes no memory.
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
export class KeyedMutex<K = string> extends Waitable {
  readonly #entries = new Map<K, Entry<K>>()
  /** The claims that wait. */
  readonly #claims = new Set<Claim<K>>()

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
  get waiting(): number {
    let waiting = 0
    for (const entry of this.#entries.values()) waiting += entry.waiting
    for (const claim of this.#claims) waiting -= claim.entries.length - claim.waiting
    return waiting
  }

  /** The keys that are locked now, in the order in which they became so. */
  keys(): IterableIterator<K> {
    return this.#entries.keys()
  }

  /** Whether `key` is held, or promised to somebody who waits for other keys as well. */
  isLocked(key: K): boolean {
    return this.#entries.has(key)
  }

  /** How many callers wait for `key`, those who wait for other keys as well included. */
  waitingFor(key: K): number {
    return this.#entries.get(key)?.waiting ?? 0
  }

  /**
   * Waits until `key` is free and takes it: `Mutex.acquire` for one key. O(1); O(log p) with a priority, for p
   * different priorities in line.
   *
   * *Cancellation*: an abort or a timeout (ms) gives up the place in line at once and takes nothing. If a grant and
   * an abort race, the one that came first stands: after a grant the promise resolves and the caller owns the key.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquire(key: K, options?: AcquireOptions): Promise<Lock> {
    const entry = this.#entry(key)
    return this.refusal(options, entry) ?? reviewed(entry, entry.admit(options))
  }

  /** Takes `key` if that needs no waiting, else returns `undefined`, as it does when the mutex is closed. O(1). */
  tryAcquire(key: K): Lock | undefined {
    return this.closed || this.#entries.has(key) ? undefined : this.#entry(key).take()
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
    mustBeFunction(this, 'task', task)
    const entry = this.#entry(key)
    return this.refusal(options, entry) ?? reviewed(entry, entry.run(task, options))
  }

  /**
   * Waits until all of `keys` are free and takes them together, under one lock. It joins the line of every key in the
   * same instant and holds none before it holds all, so no order of keys can deadlock, and every key stays first come
   * first served. A key named twice counts once; no keys at all are granted at once. O(keys).
   *
   * *Cancellation*: an abort or a timeout (ms) gives up the place in every line at once; those behind it that can run
   * do run. If a grant and an abort race, the one that came first stands: after a grant the promise resolves and the
   * caller owns the keys.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquireMany(keys: Iterable<K>, options?: AcquireOptions): Promise<Lock> {
    const claim = this.#claim(keys)
    return this.refusal(options, claim) ?? claim.admit(options)
  }

  /** Takes all of `keys` if that needs no waiting, else takes none and returns `undefined`. O(keys). */
  tryAcquireMany(keys: Iterable<K>): Lock | undefined {
    const claim = this.#claim(keys)
    return this.closed || !claim.free ? undefined : claim.seize()
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
    mustBeFunction(this, 'task', task)
    const claim = this.#claim(keys)
    return this.refusal(options, claim) ?? claim.run(task, options)
  }

  /** @internal */
  get label(): string {
    return labelOf('KeyedMutex', this.options)
  }

  /** @internal */
  get isFree(): boolean {
    return this.#entries.size === 0
  }

  /** @internal */
  rejectWaiters(reason: unknown): void {
    const entries = [...this.#entries.values()]
    const places = entries.flatMap(entry => entry.drain())
    for (const entry of entries) entry.review() // who was promised it is gone: the key is free
    for (const place of places) place.reject(reason)
  }

  /** @internal */
  describe(): string {
    const { size } = this
    return `${size} ${size === 1 ? 'key' : 'keys'}${this.andWaiting}`
  }

  #entry(key: K): Entry<K> {
    return this.#entries.get(key) ?? new Entry(key, this, this.#entries)
  }

  #claim(keys: Iterable<K>): Claim<K> {
    // A string is iterable too, but `acquireMany('alice')` does not mean five keys.
    const isIterable = typeof keys === 'object' && typeof keys?.[Symbol.iterator] === 'function'
    must(isIterable, this, 'keys', 'an iterable of keys', keys)
    return new Claim(
      this,
      Array.from(new Set(keys), key => this.#entry(key)),
      this.#claims
    )
  }
}

/** A higher priority may have come before the claim that a key was promised to. */
function reviewed<K, P>(entry: Entry<K>, waiting: P): P {
  entry.review()
  return waiting
}
