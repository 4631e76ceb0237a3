// Waits and holds that take too long, and the warnings of them.
//
// Each lock has its waits and its holds in lists by the time at which they began, so the one that is due for a warning is
// the first that was not warned of, and one timer for all locks is enough.

import { callOut } from '../core/lock.js'
import { describeCaller } from './describe.js'
import type { MonitoredLock, Track } from './track.js'
import type { LockCaller, LockWarning } from './types.js'

/** How many callers a warning or a snapshot names. */
const MOST_CALLERS = 10

interface OverdueOptions {
  /** In ms; `Infinity` for none. */
  readonly maxWait: number
  readonly maxHold: number
  readonly now: () => number
  readonly onWarning: (warning: LockWarning) => void
  /** All locks. */
  readonly locks: () => Iterable<MonitoredLock>
  /** Those that hold a lock now, the longest first. */
  readonly holdersOf: (lock: MonitoredLock) => Iterable<Track>
}

type Kind = LockWarning['kind']

export class OverdueWatch {
  readonly #options: OverdueOptions
  readonly #limits: Readonly<Record<Kind, number>>
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  /** When the timer is to look for what is overdue. Most of what is watched is over by then, and sets no timer. */
  #wakeAt = Infinity

  constructor(options: OverdueOptions) {
    this.#options = options
    this.#limits = { wait: options.maxWait, hold: options.maxHold }
  }

  /** A wait or a hold has begun. */
  began(kind: Kind, now: number): void {
    const limit = this.#limits[kind]
    if (now + limit < this.#wakeAt) this.#arm(now, limit)
  }

  /** A wait or a hold is about to end. */
  ending(kind: Kind, track: Track, now: number): void {
    if (track.warned !== kind && now - track.since >= this.#limits[kind]) this.#warn(kind, track, now, true)
  }

  /** A watch keeps no process alive, where the platform can be told so. */
  #arm(now: number, ms: number): void {
    clearTimeout(this.#timer)
    this.#wakeAt = now + ms
    this.#timer = setTimeout(() => this.#checkOverdue(), Math.min(ms, 2 ** 31 - 1))
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  /** Warns of what is overdue, and comes back when the next is due. O(warnings + locks). */
  #checkOverdue(): void {
    this.#wakeAt = Infinity
    const now = this.#options.now()
    let next = Infinity
    for (const lock of this.#options.locks()) {
      for (const kind of ['wait', 'hold'] as const) {
        const list = kind === 'wait' ? lock.waits : lock.holds
        const limit = this.#limits[kind]
        for (let { fresh } = list; fresh !== undefined; fresh = list.fresh) {
          if (now - fresh.since < limit) {
            next = Math.min(next, fresh.since + limit)
            break
          }
          list.passFresh()
          this.#warn(kind, fresh, now, false)
        }
      }
    }
    if (next < this.#wakeAt) this.#arm(now, Math.max(1, next - now))
  }

  #warn(kind: Kind, track: Track, now: number, ended: boolean): void {
    const { lock } = track
    track.warned = kind
    const holders = involved(this.#options.holdersOf(lock), track, now)
    const waiters = involved(lock.waits, track, now)
    const limit = this.#limits[kind]
    const caller = describeCaller(track, now)
    const { ms } = caller
    const message = messageOf(kind, lock.label, caller, limit, holders, lock.waiting)
    const warning: LockWarning = { kind, lock: lock.label, ms, limit, ended, caller, holders, waiters, message }
    callOut(() => this.#options.onWarning(warning))
  }
}

/** Those in a list that have to do with the same keys, if the lock has keys. */
function involved(list: Iterable<Track>, { keys }: Track, now: number): LockCaller[] {
  const found: LockCaller[] = []
  for (const track of list) {
    if (found.length === MOST_CALLERS) break
    if (keys.length === 0 || track.keys.some(key => keys.includes(key))) found.push(describeCaller(track, now))
  }
  return found
}

function messageOf(
  kind: Kind,
  lock: string,
  { id, keys, ms }: LockCaller,
  limit: number,
  holders: readonly LockCaller[],
  waiting: number
): string {
  const of = keys.length === 0 ? lock : `${lock} key ${keys.map(key => JSON.stringify(key)).join(', ')}`
  const verb = kind === 'wait' ? 'waited' : 'held'
  const others = holders.filter(holder => holder.id !== id)
  const held = others.map(holder => `#${holder.id} for ${Math.round(holder.ms)} ms`).join(', ')
  const by = kind === 'wait' ? `; held by ${held || 'nobody'}` : ''
  return `${of}: #${id} has ${verb} for ${Math.round(ms)} ms, more than ${limit} ms${by}; ${waiting} waiting`
}
