// The requests that have ended last, as numbers in a row: to remember one allocates nothing, and keeps no object alive
// that would otherwise be gone at once.

import { type AbandonReason, REASONS } from './reasons.js'
import type { MonitoredLock } from './track.js'

/** A request as it is remembered. Times in ms, undefined for what has not happened. */
export interface Remembered {
  readonly id: number
  readonly lock: MonitoredLock
  readonly keys: readonly unknown[]
  readonly queuedAt: number | undefined
  readonly grantedAt: number | undefined
  readonly endedAt: number | undefined
  readonly reason: AbandonReason | undefined
}

/** Numbers of each: its id, when it queued, was granted and ended, and the place of its reason in `REASONS`. */
const STRIDE = 5

export class Ring {
  readonly #size: number
  readonly #numbers: Float64Array
  readonly #locks: MonitoredLock[] = []
  readonly #keys: (readonly unknown[])[] = []
  /** Where the next one goes, which is where the oldest is once the ring is full. */
  #next = 0

  constructor(size: number) {
    this.#size = size
    this.#numbers = new Float64Array(size * STRIDE)
  }

  /** NaN for what has not happened. */
  push(
    id: number,
    lock: MonitoredLock,
    keys: readonly unknown[],
    queuedAt: number,
    grantedAt: number,
    endedAt: number,
    reason: AbandonReason | undefined
  ): void {
    if (this.#size === 0) return
    const index = this.#next
    this.#next = index + 1 === this.#size ? 0 : index + 1
    const numbers = this.#numbers
    const at = index * STRIDE
    numbers[at] = id
    numbers[at + 1] = queuedAt
    numbers[at + 2] = grantedAt
    numbers[at + 3] = endedAt
    numbers[at + 4] = reason === undefined ? -1 : REASONS.indexOf(reason)
    // An old object that is made to refer to another costs the garbage collector something. Mostly it is the same one.
    if (this.#locks[index] !== lock) this.#locks[index] = lock
    if (this.#keys[index] !== keys) this.#keys[index] = keys
  }

  /** The oldest first. */
  *[Symbol.iterator](): IterableIterator<Remembered> {
    const count = this.#locks.length
    const first = count < this.#size ? 0 : this.#next
    for (let i = 0; i < count; i++) yield this.#at((first + i) % count)
  }

  #at(index: number): Remembered {
    const at = index * STRIDE
    const [id = 0, queuedAt, grantedAt, endedAt, reason = -1] = this.#numbers.subarray(at, at + STRIDE)
    return {
      id,
      lock: this.#locks[index] as MonitoredLock,
      keys: this.#keys[index] as readonly unknown[],
      queuedAt: time(queuedAt),
      grantedAt: time(grantedAt),
      endedAt: time(endedAt),
      reason: REASONS[reason]
    }
  }
}

const time = (at: number | undefined): number | undefined => (Number.isNaN(at) ? undefined : at)
