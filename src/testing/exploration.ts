// What an exploration is asked for, and what it has found: plain data.

import type { FaultKind, Guarantee } from './guarantees.js'
import type { Hints } from './hints.js'
import type { Schedule } from './steps.js'
import type { Timeline } from './timeline.js'

/** How large the world is in which a lock is explored. */
export interface ExploreOptions {
  /** How many use the lock at once. Default 3. */
  readonly clients?: number
  /** How many steps a schedule has at most. Default 8. */
  readonly depth?: number
  /** The larger world, in which schedules are drawn at random: by default 6 clients, 200 schedules of 40 steps, seed 1. */
  readonly random?: { schedules?: number; steps?: number; clients?: number; seed?: number }
  /** The keys to use, of a keyed lock. Default `['a']`. */
  readonly keys?: readonly string[]
  /** What the lock cannot tell by itself. */
  readonly hints?: Hints
  /**
   * How much processor time to spend, in ms: no longer schedule is begun after that, and `depth` of the result says how
   * far it came. Default: as much as it takes.
   */
  readonly budget?: number
  /** Is told of each guarantee that is seen broken, as soon as it is. */
  readonly onBreach?: (breach: Breach) => void
  /** Is told now and then how far it has come. */
  readonly onProgress?: (progress: { readonly schedules: number; readonly depth: number }) => void
}

/** A guarantee that was seen broken. */
export interface Breach {
  readonly guarantee: Guarantee
  readonly kind: FaultKind
  /** What was seen, in one sentence. */
  readonly text: string
  /** The shortest schedule, as data and in words. */
  readonly steps: Schedule
  readonly schedule: readonly string[]
  readonly timeline: Timeline
  /** The seed of the random schedule that found it. */
  readonly seed?: number
}

/** What an exploration has found, as plain data. */
export interface Exploration {
  /** How many schedules were played. */
  readonly schedules: number
  /** How many schedules up to the depth these stand for, up to the names of the clients. */
  readonly covered: number
  /** How many different worlds there were. */
  readonly worlds: number
  /** How many steps the longest schedules have. Less than was asked for where time was short. */
  readonly depth: number
  readonly clients: number
  /** Whether a caller was ever kept waiting. If not, it is no lock, or not as it was constructed or driven. */
  readonly waited: boolean
  /** Whether each schedule went the same way each time. */
  readonly deterministic: boolean
  readonly random: { readonly schedules: number; readonly steps: number; readonly seed: number }
  readonly breaches: readonly Breach[]
}
