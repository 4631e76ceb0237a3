// One request on its way: queued, holding, gone. And the lines in which those that wait and those that hold are kept.

import { inspect, type LockRequest } from '../core/lock.js'
import type { LockStatistics } from './statistics.js'

/** How a wait ended that was not granted. */
export type AbandonReason =
  | 'timeout'
  | 'aborted'
  | 'cancelled'
  | 'closed'
  | 'queue-full'
  | 'deadlock'
  | 'lease-lost'
  | 'barrier-broken'
  | 'other'

/** All of them, each at a place of its own. */
export const REASONS: readonly AbandonReason[] = [
  'timeout',
  'aborted',
  'cancelled',
  'closed',
  'queue-full',
  'deadlock',
  'lease-lost',
  'barrier-broken',
  'other'
]

const BY_CODE = new Map<unknown, AbandonReason>([
  ['ERR_LOCK_TIMEOUT', 'timeout'],
  ['ERR_LOCK_CANCELLED', 'cancelled'],
  ['ERR_LOCK_CLOSED', 'closed'],
  ['ERR_QUEUE_FULL', 'queue-full'],
  ['ERR_DEADLOCK', 'deadlock'],
  ['ERR_LEASE_LOST', 'lease-lost'],
  ['ERR_BARRIER_BROKEN', 'barrier-broken']
])

/** By code, so that another copy of the package is understood too. What the user rejects with is `other`. */
export function reasonOf(error: unknown): AbandonReason {
  if (typeof error !== 'object' || error === null) return 'other'
  const { code, name } = error as { code?: unknown; name?: unknown }
  // `AbortSignal.timeout` names its reason TimeoutError as well. It has a number as its code.
  const aborted = name === 'AbortError' || name === 'TimeoutError'
  return BY_CODE.get(code) ?? (aborted ? 'aborted' : 'other')
}

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
  /** What it is known by in episodes. */
  readonly id: number
  readonly owner: object
  readonly lock: LockStatistics
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

  constructor(id: number, owner: object, lock: LockStatistics, request: LockRequest) {
    this.id = id
    this.owner = owner
    this.lock = lock
    this.keys = request.keys
    this.other = (request as Tracked)[TRACK]
    ;(request as Tracked)[TRACK] = this
  }

  unlink(): void {
    this.next.previous = this.previous
    this.previous.next = this.next
    this.next = this
    this.previous = this
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

function ends(): Linked {
  const ends = {} as Linked
  return Object.assign(ends, { next: ends, previous: ends })
}

/** In order of arrival, and so by `since`. */
export class TrackList {
  readonly #ends = ends()

  get first(): Track | undefined {
    const { next } = this.#ends
    return next === this.#ends ? undefined : (next as Track)
  }

  push(track: Track): void {
    const last = this.#ends.previous
    last.next = track
    track.previous = last
    track.next = this.#ends
    this.#ends.previous = track
  }

  *[Symbol.iterator](): IterableIterator<Track> {
    for (let link = this.#ends.next; link !== this.#ends; link = link.next) yield link as Track
  }
}
