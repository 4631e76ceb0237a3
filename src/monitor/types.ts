// What a monitor tells: plain data, without behaviour.

import type { BusyKey } from './busiest-keys.js'
import type { Distribution } from './histogram.js'
import type { AbandonReason } from './reasons.js'

/** What a `LockMonitor` is made with. */
export interface LockMonitorOptions {
  /**
   * Is told of waits and holds that are longer than their limit, and again when the last of them at a lock is over. All
   * that are found at one lock in one check are one warning. Called from a timer, or inside `release`. Default: a
   * warning of the process (`process.emitWarning`, elsewhere `console.warn`).
   */
  onWarning?: ((warning: LockWarning) => void) | undefined
  /** How long a wait may take, in ms. Default `Infinity`. */
  maxWait?: number | undefined
  /** How long a hold may take, in ms. Default `Infinity`. Nothing is taken from a caller that holds for longer. */
  maxHold?: number | undefined
  /**
   * Whether to record where each request comes from. Costs some µs for each, so it is for finding a fault. Default
   * `false`.
   */
  stacks?: boolean | undefined
  /** How many of the busiest keys are told. Eight times as many are counted. Default `10`. */
  keys?: number | undefined
  /** How many requests that have ended the timeline remembers. Default `1000`. */
  timeline?: number | undefined
  /** How many names of locks are counted apart; further ones are counted together, as `(others)`. Default `1000`. */
  maxLocks?: number | undefined
  /** The time in ms, from a clock that does not go back. Default `performance.now`. */
  now?: (() => number) | undefined
}

/** A caller that holds or waits now. */
export interface LockCaller {
  /** The number by which spans know it. */
  readonly id: number
  /** As text. */
  readonly keys: readonly string[]
  /** For how long it has held, or waited, in ms. */
  readonly ms: number
  /** Where it asked, innermost call first. Only with `stacks`. */
  readonly stack?: string
}

/** What is known of a lock, or of all locks that share a name. Durations are in ms. */
export interface LockSnapshot {
  /** Such as `Mutex "tools"`. */
  readonly lock: string
  /** Such as `Mutex`. */
  readonly kind: string
  readonly name?: string
  /** How many have been granted. */
  readonly acquisitions: number
  /** How many had to wait, granted or not. */
  readonly contended: number
  /** `contended` as a part of all who asked: from 0 to 1. */
  readonly contention: number
  /** How many left the queue or were refused, by reason. */
  readonly abandoned: Readonly<Partial<Record<AbandonReason, number>>>
  /** How many wait now. */
  readonly waiting: number
  /** How many have waited at once, at most. */
  readonly peakWaiting: number
  /** How many hold now. */
  readonly held: number
  /** How long callers have waited, all together: those whose wait has ended, and those that wait now. */
  readonly totalWait: number
  /** Waits that have ended, granted or not. Callers that did not have to wait are not among them. */
  readonly wait: Distribution
  /** Holds that have ended. */
  readonly hold: Distribution
  /** Those that have held for longest: ten at most. */
  readonly holders: readonly LockCaller[]
  /** Those that have waited for longest: ten at most. */
  readonly waiters: readonly LockCaller[]
  /** The keys that are asked for most. */
  readonly busiestKeys: readonly BusyKey[]
}

/** Everything that a monitor knows, as plain data. */
export interface MonitorSnapshot {
  /** Since when it has counted: since it was made or `reset`. On the monitor's clock, in ms. */
  readonly since: number
  /** The time on the monitor's clock, in ms. */
  readonly at: number
  /** In the order in which they were first used. */
  readonly locks: readonly LockSnapshot[]
}

/** Waits or holds that take too long. */
export interface LockWarning {
  readonly kind: 'wait' | 'hold'
  /** Such as `Mutex "tools"`. */
  readonly lock: string
  /** How many have become too long since the last warning; if `ended`, how many there were. */
  readonly count: number
  /** How long the longest of them takes, or took, and how long it may take, in ms. */
  readonly ms: number
  readonly limit: number
  /** Whether they are over. Then there may have been no warning before: the program was too busy for one in time. */
  readonly ended: boolean
  /** The caller whose wait or hold is the longest of them. */
  readonly caller: LockCaller
  /** The callers that hold the lock, or its keys in question, and that wait for them: ten of each at most. */
  readonly holders: readonly LockCaller[]
  readonly waiters: readonly LockCaller[]
  /** All of it in one line. */
  readonly message: string
}

/** What happens to a request, as it happens. */
export interface LockEvent {
  readonly type: 'contended' | 'acquire' | 'release' | 'abandon'
  /** Such as `Mutex "tools"`. */
  readonly lock: string
  readonly kind: string
  readonly name: string | undefined
  readonly keys: readonly unknown[]
  /** The number by which spans know the request. */
  readonly id: number
  /** The time on the monitor's clock, in ms. */
  readonly at: number
  /** Whether it had to wait. */
  readonly contended: boolean
  /** For how long it has waited and held, in ms. */
  readonly waited: number
  readonly held: number
  /** Only of `abandon`: why, and what the caller was rejected with. */
  readonly reason?: AbandonReason
  readonly error?: unknown
}

/** How a report is made. */
export interface ReportOptions {
  /** How many locks are shown, those that were waited for longest. Default `20`. */
  limit?: number | undefined
}

/** A wait or a hold, from its beginning to its end. */
export interface LockSpan {
  /** Of the request: its wait and its hold have the same. */
  readonly id: number
  /** Such as `Mutex "tools"`. */
  readonly lock: string
  /** As text. */
  readonly keys: readonly string[]
  readonly kind: 'wait' | 'hold'
  /** On the monitor's clock, in ms. */
  readonly from: number
  readonly to: number
  /** How it ended. `ongoing`: it had not, when the timeline was taken. */
  readonly outcome: 'granted' | 'released' | 'ongoing' | AbandonReason
}
