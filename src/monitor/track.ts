// One request on its way: queued, holding, gone. And the lock that it is about, with all that wait for it and hold it.

import { inspect } from '../core/arguments.js'
import type { LockOptions, LockRequest } from '../core/lock.js'
import { $label, $settings } from '../core/members.js'
import type { AbandonReason } from './reasons.js'
import { LockStatistics } from './statistics.js'

/** Where a `Track` is kept on its request: a property costs a tenth of a WeakMap. */
const TRACK = Symbol('latchkey.monitor')
type Tracked = LockRequest & { [TRACK]?: Track | undefined }

/** What lists are linked of. What is in no list is linked to itself. */
interface Linked {
  next: Linked
  previous: Linked
}

export class Track implements Linked {
  next: Linked = this
  previous: Linked = this
  /** What it is known by in spans. */
  readonly id: number
  readonly owner: object
  readonly lock: MonitoredLock
  readonly keys: readonly unknown[]
  // All times in ms. Undefined rather than NaN until they are known: V8 makes an object for each number in such a field.
  /** Undefined for one that never waited. */
  queuedAt: number | undefined = undefined
  grantedAt: number | undefined = undefined
  /** It has not ended: what has is in the ring. */
  readonly endedAt = undefined
  /** Set if it was abandoned. */
  reason: AbandonReason | undefined = undefined
  /** What a warning was given of last. */
  warned: 'wait' | 'hold' | undefined = undefined
  /** Where it was asked for, if that is recorded. */
  origin: Error | undefined = undefined
  /** That of another monitor, which watches the same lock. */
  other: Track | undefined

  constructor(id: number, owner: object, lock: MonitoredLock, request: LockRequest) {
    this.id = id
    this.owner = owner
    this.lock = lock
    this.keys = request.keys
    this.other = (request as Tracked)[TRACK]
    ;(request as Tracked)[TRACK] = this
  }

  static of(request: LockRequest, owner: object): Track | undefined {
    let track = (request as Tracked)[TRACK]
    while (track !== undefined && track.owner !== owner) track = track.other
    return track
  }

  /** Since when it does what it does now. */
  get since(): number {
    return this.grantedAt ?? (this.queuedAt as number)
  }

  /** @internal */
  [inspect](): string {
    return `Track { #${this.id} of ${this.lock.label} }`
  }
}

/**
 * Those that wait for one lock, or hold it, in order of arrival, and so by `since`. The overdue ones are therefore always
 * the first of the list, and `fresh` is the first that is not overdue.
 */
class TrackList implements Linked {
  /** The list itself is the link between the last and the first. */
  next: Linked = this
  previous: Linked = this
  #fresh: Linked = this

  get first(): Track | undefined {
    return this.next === this ? undefined : (this.next as Track)
  }

  /** The first that is not overdue, as far as `passFresh` has been told. */
  get fresh(): Track | undefined {
    return this.#fresh === this ? undefined : (this.#fresh as Track)
  }

  /** `fresh` is overdue: the next one is looked at. */
  passFresh(): void {
    this.#fresh = this.#fresh.next
  }

  push(track: Track): void {
    const last = this.previous
    last.next = track
    track.previous = last
    track.next = this
    this.previous = track
    if (this.#fresh === this) this.#fresh = track
  }

  remove(track: Track): void {
    if (this.#fresh === track) this.#fresh = track.next
    track.next.previous = track.previous
    track.previous.next = track.next
    track.next = track
    track.previous = track
  }

  *[Symbol.iterator](): IterableIterator<Track> {
    for (let link = this.next; link !== this; link = link.next) yield link as Track
  }
}

/** A lock as a monitor knows it, or all locks that have the same name: what is counted of it, and who is on its way. */
/** How a lock says what it is called. */
interface Described {
  readonly [$label]?: unknown
  readonly [$settings]?: LockOptions
  readonly label?: unknown
  readonly options?: { readonly name?: unknown }
}

export class MonitoredLock extends LockStatistics {
  /** Whether what it grants is given back: a gate is passed, a mutex is held. */
  readonly holdable: boolean
  readonly waits = new TrackList()
  /** The sum of `queuedAt` over `waits`: their ages are `waiting * now` less this. */
  queuedAtSum = 0
  /** All holders but the one without a `Track`. */
  readonly holds = new TrackList()
  /** One of the holders that did not wait and of which nothing more has to be known: it needs no `Track`. */
  untracked: LockRequest | undefined = undefined
  untrackedId = 0
  /** In ms. Not an integer: V8 then keeps the number in place, where it can be changed without making another. */
  untrackedSince = 0.5

  constructor(label: string, kind: string, name: string | undefined, holdable: boolean) {
    super(label, kind, name)
    this.holdable = holdable
  }

  /** How long all callers have waited, in ms. */
  totalWait(now: number): number {
    return this.wait.sum + this.waiting * now - this.queuedAtSum
  }

  /** What a lock is called, as far as it says. A lock of another package has at least a class. */
  static of(source: object): MonitoredLock {
    // A lock of this package says so by symbols; one that is built on it, by members.
    const { [$label]: own, [$settings]: settings, label = own, options = settings } = source as Described
    const name = typeof options?.name === 'string' ? options.name : undefined
    const text = typeof label === 'string' ? label : (source.constructor?.name ?? 'lock')
    const kind = name === undefined ? text : text.replace(` "${name}"`, '')
    // What is acquired is released; what is waited for, arrived at or run is not.
    const holdable = 'acquire' in source || 'acquireRead' in source || !($label in source || 'label' in source)
    return new MonitoredLock(text, kind, name, holdable)
  }
}
