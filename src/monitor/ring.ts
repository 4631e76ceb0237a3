// The requests that have ended last, in columns: to remember one allocates nothing, and keeps no object alive that would
// otherwise be gone at once.

import type { LockStatistics } from './statistics.js'
import type { AbandonReason } from './track.js'

/** A request as it is remembered. Times in ms, undefined for what has not happened. */
export interface Remembered {
  readonly id: number
  readonly lock: LockStatistics
  readonly keys: readonly unknown[]
  readonly queuedAt: number | undefined
  readonly grantedAt: number | undefined
  readonly endedAt: number | undefined
  readonly reason: AbandonReason | undefined
}

export class Ring {
  readonly #size: number
  readonly #ids: Float64Array
  readonly #queuedAt: Float64Array
  readonly #grantedAt: Float64Array
  readonly #endedAt: Float64Array
  readonly #locks: LockStatistics[] = []
  readonly #keys: (readonly unknown[])[] = []
  readonly #reasons: (AbandonReason | undefined)[] = []
  /** Where the next one goes, which is where the oldest is once the ring is full. */
  #next = 0

  constructor(size: number) {
    this.#size = size
    const column = () => new Float64Array(size)
    this.#ids = column()
    this.#queuedAt = column()
    this.#grantedAt = column()
    this.#endedAt = column()
  }

  /** NaN for what has not happened. */
  push(
    id: number,
    lock: LockStatistics,
    keys: readonly unknown[],
    queuedAt: number,
    grantedAt: number,
    endedAt: number,
    reason: AbandonReason | undefined
  ): void {
    const index = this.#next
    if (this.#size === 0) return
    this.#next = index + 1 === this.#size ? 0 : index + 1
    this.#ids[index] = id
    this.#queuedAt[index] = queuedAt
    this.#grantedAt[index] = grantedAt
    this.#endedAt[index] = endedAt
    this.#locks[index] = lock
    this.#keys[index] = keys
    this.#reasons[index] = reason
  }

  /** The oldest first. */
  *[Symbol.iterator](): IterableIterator<Remembered> {
    const count = this.#locks.length
    const first = count < this.#size ? 0 : this.#next
    for (let i = 0; i < count; i++) {
      const index = (first + i) % count
      yield {
        id: this.#ids[index] as number,
        lock: this.#locks[index] as LockStatistics,
        keys: this.#keys[index] as readonly unknown[],
        queuedAt: time(this.#queuedAt[index]),
        grantedAt: time(this.#grantedAt[index]),
        endedAt: time(this.#endedAt[index]),
        reason: this.#reasons[index]
      }
    }
  }
}

const time = (at: number | undefined): number | undefined => (Number.isNaN(at) ? undefined : at)
