// Waits and holds that take too long, and the warnings of them.
//
// Each lock has its waits and its holds in lists by the time at which they began, so the one that is due for a warning is
// the first that was not warned of, and one timer for all locks is enough.
//
// A stuck lock has many waiters, and the program is in trouble already. So a check gives one warning for each lock, of all
// that have become overdue since the last one; the next check comes a while later; and when the last of them has ended,
// one more warning says so. With 16,000 waiters behind one holder a check takes a few ms.

import { invokeCallback } from '../core/observer.js'
import { describeCaller, oneLine } from './describe.js'
import type { MonitoredLock, Track } from './track.js'
import type { LockCaller, LockWarning } from './types.js'

/** How many callers a warning names. */
const MOST_CALLERS = 10
/** Checks that find something are a quarter of the shorter limit apart, but not more than this, in ms. */
const LONGEST_PAUSE = 1000

interface OverdueOptions {
  /** In ms; `Infinity` for none. */
  readonly maxWait: number
  readonly maxHold: number
  readonly now: () => number
  readonly onWarning: (warning: LockWarning) => void
  /** All locks. */
  readonly locks: () => Iterable<MonitoredLock>
  /** The requests that hold a lock now, the longest first. */
  readonly holdersOf: (lock: MonitoredLock) => Iterable<Track>
}

type Kind = LockWarning['kind']

/** What is overdue of one kind at one lock, from the first warning until all have ended. */
interface Incident {
  /** How many there were, and how many of them go on. */
  count: number
  ongoing: number
  /** The longest of those that have ended. */
  longest: LockCaller | undefined
  /** Not before this time is it said again that all is over. */
  quietUntil: number
}

export class OverdueWatch {
  readonly #options: OverdueOptions
  readonly #limits: Readonly<Record<Kind, number>>
  readonly #pause: number
  readonly #incidents = { wait: new Map<MonitoredLock, Incident>(), hold: new Map<MonitoredLock, Incident>() }
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  /** When the timer is to look for what is overdue. Most of what is watched is over by then, and sets no timer. */
  #wakeAt = Infinity

  constructor(options: OverdueOptions) {
    const { maxWait, maxHold } = options
    this.#options = options
    this.#limits = { wait: maxWait, hold: maxHold }
    this.#pause = Math.min(LONGEST_PAUSE, maxWait / 4, maxHold / 4)
  }

  /** A wait or a hold has begun. */
  began(kind: Kind, now: number): void {
    this.#armBy(now, now + this.#limits[kind])
  }

  /** A wait or a hold has ended. O(1), but for the last one that is overdue. */
  ended(kind: Kind, track: Track, now: number): void {
    const isWarned = track.warned === kind
    const ms = now - track.since
    if (!isWarned && ms < this.#limits[kind]) return
    const { lock } = track
    const incident = this.#incidentOf(kind, lock)
    if (isWarned) incident.ongoing--
    else incident.count++ // the program was too busy to be warned in time
    if (incident.longest === undefined || ms > incident.longest.ms) incident.longest = describeCaller(track, now)
    if (incident.ongoing === 0) this.#over(kind, lock, incident, track.keys, now)
  }

  #incidentOf(kind: Kind, lock: MonitoredLock): Incident {
    const known = this.#incidents[kind].get(lock)
    if (known !== undefined) return known
    const incident: Incident = { count: 0, ongoing: 0, longest: undefined, quietUntil: -Infinity }
    this.#incidents[kind].set(lock, incident)
    return incident
  }

  /** A watch keeps no process alive, where the platform can be told so. */
  #armBy(now: number, at: number): void {
    if (at >= this.#wakeAt) return
    clearTimeout(this.#timer)
    this.#wakeAt = at
    this.#timer = setTimeout(() => this.#checkOverdue(), Math.min(Math.max(1, at - now), 2 ** 31 - 1))
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  /** Warns of what is overdue, and comes back when the next is due. O(locks + overdue). */
  #checkOverdue(): void {
    this.#wakeAt = Infinity
    const now = this.#options.now()
    let next = Infinity
    let hasWarned = false
    for (const lock of this.#options.locks()) {
      for (const kind of ['wait', 'hold'] as const) {
        const list = kind === 'wait' ? lock.waits : lock.holds
        const limit = this.#limits[kind]
        const oldest = list.fresh
        let count = 0
        for (let track = oldest; track !== undefined && now - track.since >= limit; track = list.fresh) {
          list.passFresh()
          track.warned = kind
          count++
        }
        if (list.fresh !== undefined) next = Math.min(next, list.fresh.since + limit)
        if (oldest === undefined || count === 0) continue
        const incident = this.#incidentOf(kind, lock)
        incident.count += count
        incident.ongoing += count
        this.#warn(kind, lock, oldest.keys, describeCaller(oldest, now), count, now, false)
        hasWarned = true
      }
    }
    for (const kind of ['wait', 'hold'] as const)
      for (const [lock, incident] of this.#incidents[kind])
        if (incident.count > 0 && incident.ongoing === 0) this.#over(kind, lock, incident, [], now)
    this.#armBy(now, hasWarned ? Math.max(next, now + this.#pause) : next)
  }

  /** Says that all is over, or will do so later if it has just been said. */
  #over(kind: Kind, lock: MonitoredLock, incident: Incident, keys: readonly unknown[], now: number): void {
    const { count, longest, quietUntil } = incident
    if (longest === undefined) return
    if (now < quietUntil) {
      this.#armBy(now, quietUntil)
      return
    }
    incident.count = 0
    incident.longest = undefined
    incident.quietUntil = now + this.#pause
    this.#warn(kind, lock, count === 1 ? keys : [], longest, count, now, true)
  }

  #warn(
    kind: Kind,
    lock: MonitoredLock,
    keys: readonly unknown[],
    caller: LockCaller,
    count: number,
    now: number,
    ended: boolean
  ): void {
    const warning: Omit<LockWarning, 'message'> = {
      kind,
      lock: lock.label,
      count,
      ms: caller.ms,
      limit: this.#limits[kind],
      ended,
      caller,
      holders: involved(this.#options.holdersOf(lock), keys, now),
      waiters: involved(lock.waits, keys, now)
    }
    const message = oneLine(messageOf(warning, lock.waiting))
    invokeCallback(() => this.#options.onWarning({ ...warning, message }))
  }
}

/** The first in a list that have to do with the same keys, if the lock has keys. */
function involved(list: Iterable<Track>, keys: readonly unknown[], now: number): LockCaller[] {
  const wanted = new Set(keys)
  const found: LockCaller[] = []
  for (const track of list) {
    if (found.length === MOST_CALLERS) break
    if (wanted.size === 0 || track.keys.some(key => wanted.has(key))) found.push(describeCaller(track, now))
  }
  return found
}

function messageOf(
  { kind, lock, count, caller, limit, ended, holders }: Omit<LockWarning, 'message'>,
  waiting: number
): string {
  const { id, keys } = caller
  const ms = Math.round(caller.ms)
  const verb = kind === 'wait' ? 'waited' : 'held'
  const ofKey = keys.length === 0 ? lock : `${lock} key ${keys.map(key => JSON.stringify(key)).join(', ')}`
  if (ended) {
    const who = count === 1 ? `#${id}` : `${count} callers`
    const longest = count === 1 ? '' : `, #${id} the longest`
    return `${count === 1 ? ofKey : lock}: over after ${ms} ms: ${who} ${verb} for more than ${limit} ms${longest}; ${waiting} waiting`
  }
  const others = holders.filter(holder => holder.id !== id)
  const held = others.map(holder => `#${holder.id} for ${Math.round(holder.ms)} ms`).join(', ')
  const by = kind === 'wait' ? `; held by ${held || 'no caller'}` : ''
  return count === 1
    ? `${ofKey}: #${id} has ${verb} for ${ms} ms, more than ${limit} ms${by}; ${waiting} waiting`
    : `${lock}: ${count} callers have ${verb} for more than ${limit} ms, #${id} for ${ms} ms${by}; ${waiting} waiting`
}
