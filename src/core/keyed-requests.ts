// What a `KeyedMutex` is made of: the mutex of each locked key, and a request for many keys with a claim on each of them.
// Why they are taken all or nothing stands in keyed-mutex.ts.
//
//      waiting ──(its turn at a key)──▶ claimed: reserved, and not held
//         ▲                               │
//         └──(a higher priority came)─────┤
//                                         └──(all keys are claimed)──▶ held, all at once

import { show } from './arguments.js'
import { type Grantor, grantFree, Hold, rejectImmediately, runHolding } from './hold.js'
import type { AcquireOptions, Lock, LockRequest, Task } from './lock.js'
import {
  $cannotWait,
  $enter,
  $exit,
  $first,
  $freed,
  $grant,
  $handOff,
  $join,
  $kind,
  $label,
  $makeRequest,
  $occupy,
  $rejectWaiters,
  $settings,
  $waiterLeft
} from './members.js'
import { Mutex } from './mutex.js'
import { holdBack, letOut } from './observer.js'
import { Queue } from './queue.js'
import type { Waitable } from './waitable.js'
import { type CancellableWaiter, Place } from './waiters.js'

/** The mutex of one key, while that key is locked. */
export class Entry<K> extends Mutex {
  readonly key: K
  /** The claim whose turn it is, while its request lacks other keys. No caller holds the key then, and it is locked. */
  claimedBy: Claim<K> | undefined = undefined
  readonly #owner: Waitable<never>
  readonly #entries: Map<K, Entry<K>>

  constructor(key: K, owner: Waitable<never>, entries: Map<K, Entry<K>>) {
    super()
    this[$settings] = owner[$settings]
    this.key = key
    this.#owner = owner
    this.#entries = entries
  }

  override [$occupy](): void {
    super[$occupy]()
    this.#entries.set(this.key, this)
  }

  override [$freed](): void {
    this.#entries.delete(this.key)
    this.#owner[$freed]()
  }

  override [$handOff](): void {
    this.revokeClaim()
    super[$handOff]()
  }

  /** Takes back the reservation: the key is about to be held, or claimed anew. */
  revokeClaim(): void {
    if (this.claimedBy === undefined) return
    this.claimedBy.request.unclaimed++
    this.claimedBy = undefined
  }

  /** Looks again at a key that no caller holds: a caller that came or went may have changed whose turn it is. */
  grantEligible(): void {
    if (this.claimedBy !== undefined) this[$handOff]()
  }

  /** Has `join` wait for the key. Its priority may be higher than that of the claim on it. */
  enqueue<R>(join: () => Promise<R>): Promise<R> {
    holdBack()
    try {
      const joined = join()
      this.grantEligible()
      return joined
    } finally {
      letOut()
    }
  }

  override [$makeRequest](): LockRequest {
    return { source: this.#owner, keys: [this.key] }
  }

  override get [$label](): string {
    return `${this.#owner[$label]} key ${show(this.key)}`
  }
}

/** Where a request for many keys stands in the queue of one of them, and the reservation of that key. */
class Claim<K> extends Place<Lock> {
  readonly request: MultiKeyRequest<K>
  readonly entry: Entry<K>

  constructor(request: MultiKeyRequest<K>, entry: Entry<K>) {
    super()
    this.request = request
    this.entry = entry
  }

  /** The key is reserved. The claim stays in the queue until all keys are. */
  grant(): void {
    this.entry.claimedBy = this
    if (--this.request.unclaimed === 0) this.request.takeAll()
  }

  reject(reason: unknown): void {
    this.request.reject(reason)
  }

  override get aborted(): boolean {
    return this.request.aborted
  }

  override dropAborted(): void {
    this.request.dropAborted()
  }
}

/** A request for many keys: waits for them, holds them, gives them back. It is a queue with its caller in it. */
export class MultiKeyRequest<K> extends Queue<Lock> implements Grantor {
  readonly entries: readonly Entry<K>[]
  /** How many of the keys are not reserved for this. */
  unclaimed: number
  readonly #owner: Waitable<never>
  /** All requests that wait for keys of the owner. */
  readonly #waiting: Set<MultiKeyRequest<K>>
  readonly #claims: Claim<K>[] = []

  constructor(owner: Waitable<never>, entries: readonly Entry<K>[], waiting: Set<MultiKeyRequest<K>>) {
    super(owner[$settings])
    this.entries = entries
    this.unclaimed = entries.length
    this.#owner = owner
    this.#waiting = waiting
  }

  get free(): boolean {
    return !this.entries.some(entry => entry.locked)
  }

  /** Takes keys that are all free. */
  lockNow(): Lock {
    for (const entry of this.entries) entry[$occupy]()
    return grantFree(this, new Hold(this))
  }

  acquire(wait: AcquireOptions | undefined): Promise<Lock> {
    return this.free ? Promise.resolve(this.lockNow()) : this.#enqueue(wait, () => this[$join](wait))
  }

  run<R>(task: Task<Lock, R>, wait: AcquireOptions | undefined): Promise<R> {
    return this.free ? runHolding(task, this.lockNow()) : this.#enqueue(wait, () => this[$join](wait, 1, task))
  }

  /** Joins the queues of all keys in one instant. */
  #enqueue<R>(wait: AcquireOptions | undefined, join: () => Promise<R>): Promise<R> {
    const refusal = this[$cannotWait](wait) ?? this.entries.map(entry => entry[$cannotWait](wait)).find(Boolean)
    if (refusal !== undefined) return rejectImmediately(this, refusal)
    holdBack()
    try {
      this.#waiting.add(this)
      for (const entry of this.entries) this.#claim(entry, wait?.priority)
      const joined = join()
      for (const { entry } of this.#claims) entry.grantEligible() // a higher priority may overtake other claims
      return joined
    } finally {
      letOut()
    }
  }

  #claim(entry: Entry<K>, priority: number | undefined): void {
    const claim = new Claim(this, entry)
    this.#claims.push(claim)
    entry[$enter](claim, priority)
    if (entry.locked) return
    entry[$occupy]()
    claim.grant() // not the last one: another key was locked
  }

  /** Takes all keys: each is reserved. */
  takeAll(): void {
    this.#leaveQueues()
    for (const entry of this.entries) entry.revokeClaim()
    const lock = new Hold(this)
    if (!this[$grant](lock)) lock.release()
  }

  /** Rejects the caller when all queues have been emptied. */
  reject(reason: unknown): void {
    this.#waiting.delete(this)
    this[$rejectWaiters](reason)
  }

  get aborted(): boolean {
    return this[$first]?.aborted === true
  }

  /** Lets the caller leave, which has aborted. */
  dropAborted(): void {
    ;(this[$first] as CancellableWaiter<Lock>).abort()
  }

  /** Gives back what was held. */
  [$handOff](): void {
    holdBack()
    try {
      for (const entry of this.entries) entry[$handOff]()
    } finally {
      letOut()
    }
  }

  /** The caller left. */
  override [$waiterLeft](): void {
    if (!this.#waiting.has(this)) return // `takeAll` found that the caller had left
    this.#leaveQueues()
    for (const claim of this.#claims) if (claim.entry.claimedBy === claim) claim.entry[$handOff]()
  }

  #leaveQueues(): void {
    this.#waiting.delete(this)
    for (const claim of this.#claims) claim.entry[$exit](claim)
  }

  override get [$kind](): string {
    return ''
  }

  override get [$label](): string {
    return `${this.#owner[$label]} keys ${this.entries.map(entry => show(entry.key)).join(', ')}`
  }

  override [$makeRequest](): LockRequest {
    return { source: this.#owner, keys: this.entries.map(entry => entry.key) }
  }
}
