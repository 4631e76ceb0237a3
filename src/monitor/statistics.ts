// What is counted of one lock, or of all locks that have the same name.

import { BusiestKeys } from './busiest-keys.js'
import { type Distribution, Histogram } from './histogram.js'
import type { AbandonReason } from './reasons.js'

const NOTHING: Distribution = { count: 0, sum: 0, min: 0, max: 0, p50: 0, p90: 0, p99: 0 }

export class LockStatistics {
  /** `Mutex "tools"`. */
  readonly label: string
  /** `Mutex`. */
  readonly kind: string
  readonly name: string | undefined
  acquisitions = 0
  /** How many had to wait, granted or not. */
  contended = 0
  waiting = 0
  peakWaiting = 0
  held = 0
  readonly abandoned = new Map<AbandonReason, number>()
  // Made when there is something to record: most locks are never contended, and most have no keys.
  #waits: Histogram | undefined = undefined
  #holds: Histogram | undefined = undefined
  #keys: BusiestKeys | undefined = undefined

  constructor(label: string, kind: string, name: string | undefined) {
    this.label = label
    this.kind = kind
    this.name = name
  }

  /** Counts from here on. What goes on is not touched. */
  reset(): void {
    this.acquisitions = 0
    this.contended = 0
    this.peakWaiting = this.waiting
    this.abandoned.clear()
    this.#waits = undefined
    this.#holds = undefined
    this.#keys = undefined
  }

  recordWait(ms: number): void {
    this.#waits ??= new Histogram()
    this.#waits.record(ms)
  }

  recordHold(ms: number): void {
    this.#holds ??= new Histogram()
    this.#holds.record(ms)
  }

  get wait(): Distribution {
    return this.#waits?.distribution() ?? NOTHING
  }

  get hold(): Distribution {
    return this.#holds?.distribution() ?? NOTHING
  }

  /** How many waits and holds are not above each of the limits, which rise, in ms. */
  countsUpTo(limits: readonly number[]): { wait: number[]; hold: number[] } {
    const none = limits.map(() => 0)
    return { wait: this.#waits?.countsUpTo(limits) ?? none, hold: this.#holds?.countsUpTo(limits) ?? none }
  }

  get keys(): BusiestKeys | undefined {
    return this.#keys
  }

  countKeys(keys: readonly unknown[], contended: boolean, counters: number): void {
    this.#keys ??= new BusiestKeys(counters)
    for (const key of keys) this.#keys.count(key, contended)
  }
}
