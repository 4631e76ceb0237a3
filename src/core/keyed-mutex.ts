// One mutex for each key, for as long as somebody needs it.
//
// An entry is in the map exactly while its key is locked: it enters when the free key is taken and leaves when nobody
// is left to hand it over to. So the map is the state, an idle key costs nothing, and no entry that a waiter needs can
// be missing.
//
// Many keys at once are taken together or not at all. A *claim* stands in the lines of all its keys from the same
// instant, so any two claims meet in the same order everywhere, and it takes its keys only when it is first in every
// line and every key is without a holder. Until then it holds none of them: a key whose turn has come for a claim
// that is not complete stays *vacant*, locked for everyone but held by nobody. The first claim of all therefore never
// waits for another claim, only for holders, and no order of keys, nor any priority, can close a cycle
// (docs/decisions/acquire-many-all-or-nothing.md).

import { misuse, show } from './errors.js'
import {
  type AcquireOptions,
  checkLockOptions,
  type Grantor,
  Hold,
  type Lock,
  type LockOptions,
  type LockRequest,
  runHolding,
  runWhenGranted,
  type Task,
  tell,
  tellTaken
} from './lock.js'
import { Mutex } from './mutex.js'
import { labelOf, Place, refuse, Waitable, WaiterQueue } from './waiter-queue.js'

/** The mutex of one key, while that key is locked. */
class Entry<K> extends Mutex {
  readonly key: K
  /** Locked, but held by nobody: promised to the claim that is first in line. */
  vacant = false
  #advancing = false
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
    if (this.#advancing) return // a claim has given up while it was asked below: the loop there looks again
    this.#advancing = true
    for (let next = this.line?.next; next instanceof ClaimedPlace; next = this.line?.next) {
      this.vacant = true
      next.claim.take()
      if (this.vacant && this.line?.next !== next) continue // it gave up
      this.#advancing = false
      return
    }
    this.#advancing = false
    this.vacant = false
    super.advance()
  }

  override makeRequest(): LockRequest {
    return { source: this.#owner, keys: [this.key] }
  }

  override get label(): string {
    return `${this.#owner.label} key ${show(this.key)}`
  }

  override get plain(): boolean {
    return this.#owner.plain
  }

  override get closed(): boolean {
    return this.#owner.closed
  }

  override get closedReason(): unknown {
    return this.#owner.closedReason
  }
}

/** Where a claim stands in the line of one of its keys. */
class ClaimedPlace<K> extends Place<Lock> {
  readonly claim: Claim<K>
  readonly entry: Entry<K>

  constructor(claim: Claim<K>, entry: Entry<K>) {
    super()
    this.claim = claim
    this.entry = entry
  }

  // `Entry.advance` asks the claim instead: it is served at all its places or at none.
  grant(): void {}

  reject(_: WaiterQueue<Lock>, reason: unknown): number {
    this.claim.reject(reason)
    return 1
  }
}

/** A request for many keys: waits for them, holds them, gives them back. */
class Claim<K> implements Grantor {
  readonly #owner: KeyedMutex<K>
  readonly #waiting: Set<Claim<K>>
  readonly entries: readonly Entry<K>[]
  readonly #places: ClaimedPlace<K>[] = []
  /** The line of one in which the caller itself waits, with its signal and its timeout. */
  readonly #turn: WaiterQueue<Lock>
  /**
   * The place that was not ready when last looked at: the first to look at again, so that being asked often is cheap.
   */
  #obstacle = 0

  constructor(owner: KeyedMutex<K>, entries: readonly Entry<K>[], waiting: Set<Claim<K>>) {
    this.#owner = owner
    this.entries = entries
    this.#waiting = waiting
    this.#turn = new WaiterQueue<Lock>({ observer: owner.options?.observer, onLeave: () => this.#giveUp() }, this)
  }

  /** Takes keys that are all free. */
  seize(): Lock {
    for (const entry of this.entries) entry.occupy()
    const hold = new Hold(this)
    const observer = this.#owner.options?.observer
    if (observer !== undefined) tellTaken(observer, hold, this.makeRequest())
    return hold
  }

  /** Joins the lines of all keys in one instant. */
  join(options: AcquireOptions | undefined): Promise<Lock> {
    if (options?.timeout === 0) return this.#turn.join(options) // which refuses it
    for (const entry of this.entries) {
      const { full } = entry.getLine()
      if (full !== undefined) return refuse(this.#owner.options, this, full)
    }
    this.#waiting.add(this)
    for (const entry of this.entries) {
      const place = new ClaimedPlace(this, entry)
      this.#places.push(place)
      entry.getLine().enter(place, options)
      if (entry.locked) continue
      entry.occupy()
      entry.vacant = true
    }
    const promise = this.#turn.join(options)
    this.take() // a higher priority may have overtaken other claims everywhere
    return promise
  }

  /** Takes all keys if it is the turn of this claim at each of them and none is held. */
  take(): void {
    if (this.#turn.next === undefined) return // an aborted signal: the line of one has called `#giveUp`
    const places = this.#places
    for (let ready = 0; ready < places.length; ready++) {
      const place = places[this.#obstacle] as ClaimedPlace<K>
      if (!place.entry.vacant || place.entry.line?.next !== place) return
      this.#obstacle = (this.#obstacle + 1) % places.length
    }
    this.#leaveLines()
    for (const entry of this.entries) entry.vacant = false
    this.#turn.grant(new Hold(this))
  }

  /** Leaves every line and turns the caller away. */
  reject(reason: unknown): void {
    this.#leaveLines()
    this.#turn.rejectAll(reason)
  }

  /** 1 until the caller is served or gone. */
  get waiting(): number {
    return this.#turn.size
  }

  get label(): string {
    return `${this.#owner.label} keys ${this.entries.map(entry => show(entry.key)).join(', ')}`
  }

  makeRequest(): LockRequest {
    return { source: this.#owner, keys: this.entries.map(entry => entry.key) }
  }

  handOff(hold: Hold): void {
    if (hold.request !== undefined) tell(this.#owner.options?.observer, 'released', hold.request)
    for (const entry of this.entries) entry.advance()
  }

  #giveUp(): void {
    this.#leaveLines()
    for (const entry of this.entries) if (entry.vacant) entry.advance()
  }

  #leaveLines(): void {
    this.#waiting.delete(this)
    for (const place of this.#places) place.entry.line?.exit(place)
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
    checkLockOptions(this, options)
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
    const granted = entry.acquire(options)
    if (entry.vacant) entry.advance() // a higher priority may have overtaken the claim it is vacant for
    return granted
  }

  /** Takes `key` if that needs no waiting, else returns `undefined`, as it does when the mutex is closed. O(1). */
  tryAcquire(key: K): Lock | undefined {
    return this.#entries.has(key) ? undefined : this.#entry(key).tryAcquire()
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
    const entry = this.#entry(key)
    const result = entry.runExclusive(task, options)
    if (entry.vacant) entry.advance()
    return result
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
    return this.refusal(options, claim) ?? (isFree(claim) ? Promise.resolve(claim.seize()) : claim.join(options))
  }

  /** Takes all of `keys` if that needs no waiting, else takes none and returns `undefined`. O(keys). */
  tryAcquireMany(keys: Iterable<K>): Lock | undefined {
    const claim = this.#claim(keys)
    return isFree(claim) && !this.closed ? claim.seize() : undefined
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
    if (typeof task !== 'function') misuse(this, 'task', 'a function', task)
    const claim = this.#claim(keys)
    const refusal = this.refusal(options, claim)
    if (refusal !== undefined) return refusal
    if (isFree(claim)) return runHolding(task, claim.seize())
    return runWhenGranted(claim.join(options), task, options?.signal)
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
  makeRequest(): LockRequest {
    return { source: this, keys: [] }
  }

  /** @internal */
  rejectWaiters(reason: unknown): void {
    const lines = Array.from(this.#entries.values(), ({ line }) => ({ line, places: line?.places() ?? [] }))
    for (const { line, places } of lines) line?.rejectThese(places, reason)
    // Only now that nobody waits who is to be sent away: keys that were promised to claims are free.
    for (const entry of this.#entries.values()) if (entry.vacant) entry.advance()
  }

  /** @internal */
  describe(): string {
    const { size, waiting } = this
    return `${size} ${size === 1 ? 'key' : 'keys'}${waiting > 0 ? `, ${waiting} waiting` : ''}`
  }

  #entry(key: K): Entry<K> {
    return this.#entries.get(key) ?? new Entry(key, this, this.#entries)
  }

  #claim(keys: Iterable<K>): Claim<K> {
    // A string is iterable too, but `acquireMany('alice')` does not mean five keys.
    if (typeof keys !== 'object' || typeof keys?.[Symbol.iterator] !== 'function')
      misuse(this, 'keys', 'an iterable of keys', keys)
    return new Claim(
      this,
      Array.from(new Set(keys), key => this.#entry(key)),
      this.#claims
    )
  }
}

const isFree = <K>(claim: Claim<K>): boolean => !claim.entries.some(entry => entry.locked)
