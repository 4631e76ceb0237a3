// Who holds, who waits, and for how long: an observer that remembers.
//
// Each request that is on its way has a `Track`, which lives as long as the request does. Those that wait and those that
// hold stand in lists by the time at which they began, so the one that is due for a warning is always the first, and one
// timer for all of them is enough. Whatever has ended is counted in histograms of a fixed size and forgotten, but for the
// last few, which are kept in a ring for the timeline. Nothing else grows, however many operations and keys there are.
//
// Most requests walk in, hold for a moment and are gone. One of those at a time is noted with its lock instead: a `Track`
// for each would cost as much as the two readings of the clock.

import { must, mustBeWhole, show } from '../core/errors.js'
import { callOut, type LockObserver, type LockRequest, mustBeFunction } from '../core/lock.js'
import type { BusyKey } from './busiest-keys.js'
import type { Distribution } from './histogram.js'
import { reportOf } from './report.js'
import { type Remembered, Ring } from './ring.js'
import { type LockStatistics, statisticsOf } from './statistics.js'
import type { Episode } from './timeline.js'
import { type AbandonReason, reasonOf, Track, TrackList } from './track.js'

/** What a `LockMonitor` is made with. */
export interface LockMonitorOptions {
  /** Is told of a wait or a hold that is longer than its limit: once for each. Called from a timer, or at its end. */
  onWarning?: ((warning: LockWarning) => void) | undefined
  /** How long a wait may take, in ms. Default `Infinity`. */
  maxWait?: number | undefined
  /** How long a hold may take, in ms. Default `Infinity`. Nothing is taken from whoever holds longer. */
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
export interface Party {
  /** The number by which episodes know it. */
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
  /** How many had to wait, those included that gave up. */
  readonly contended: number
  /** `contended` as a part of all who asked: from 0 to 1. */
  readonly contention: number
  /** How many have given up or were refused, by reason. */
  readonly abandoned: Readonly<Partial<Record<AbandonReason, number>>>
  /** How many wait now. */
  readonly waiting: number
  /** How many have waited at once, at most. */
  readonly peakWaiting: number
  /** How many hold now. */
  readonly held: number
  /** Waits that have ended, granted or given up. Those who did not have to wait are not among them. */
  readonly wait: Distribution
  /** Holds that have ended. */
  readonly hold: Distribution
  /** Those that have held for longest: ten at most. */
  readonly holders: readonly Party[]
  /** Those that have waited for longest: ten at most. */
  readonly waiters: readonly Party[]
  /** The keys that are asked for most. */
  readonly busiestKeys: readonly BusyKey[]
}

/** Everything that a monitor knows, as plain data. */
export interface MonitorSnapshot {
  /** The time on the monitor's clock, in ms. */
  readonly at: number
  /** In the order in which they were first used. */
  readonly locks: readonly LockSnapshot[]
}

/** A wait or a hold that takes too long. */
export interface LockWarning {
  readonly kind: 'wait' | 'hold'
  /** Such as `Mutex "tools"`. */
  readonly lock: string
  /** How long it has taken so far, and may take, in ms. */
  readonly ms: number
  readonly limit: number
  /** Whether it is over: the program was too busy to be warned in time. */
  readonly ended: boolean
  /** The caller in question. */
  readonly party: Party
  /** Who holds the lock, or the keys in question, and who waits for them: ten of each at most. */
  readonly holders: readonly Party[]
  readonly waiters: readonly Party[]
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
  /** The number by which episodes know the request. */
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

/** @internal */
export interface Gauges {
  readonly lock: LockStatistics
  /** In ms; 0 where there is none. */
  readonly oldest: { readonly wait: number; readonly hold: number }
}

const PARTIES = 10
const COUNTERS_PER_KEY = 8
/** Own calls between a user and the place where a stack is taken are up to ten. */
const STACK_DEPTH = 30

/**
 * Watches any number of locks and tells what is going on: who holds, who waits, for how long, since when.
 *
 * @example
 * ```ts
 * import { Mutex } from 'latchkey'
 * import { LockMonitor } from 'latchkey/monitor'
 *
 * const monitor = new LockMonitor()
 * const mutex = new Mutex({ name: 'tools', observer: monitor })
 *
 * const lock = await mutex.acquire()
 * const next = mutex.acquire()
 * const [tools] = monitor.snapshot().locks
 * console.log(tools?.lock, tools?.held, tools?.waiting) // prints: Mutex "tools" 1 1
 *
 * lock.release()
 * await next
 * ```
 */
export class LockMonitor implements LockObserver {
  readonly #now: () => number
  readonly #maxWait: number
  readonly #maxHold: number
  readonly #onWarning: ((warning: LockWarning) => void) | undefined
  readonly #stacks: boolean
  readonly #keys: number
  readonly #maxLocks: number
  readonly #byLabel = new Map<string, LockStatistics>()
  readonly #bySource = new WeakMap<object, LockStatistics>()
  /** The source that was asked last: asking one lock many times is the rule. */
  #lastSource: object | undefined = undefined
  #lastLock: LockStatistics | undefined = undefined
  /** Those that are not overdue. */
  readonly #waits = new TrackList()
  readonly #holds = new TrackList()
  /** Those that a warning was given of. */
  readonly #overdueWaits = new TrackList()
  readonly #overdueHolds = new TrackList()
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  /** When the timer is to look for what is overdue. Most of what is watched is over by then, and sets no timer. */
  #wakeAt = Infinity
  /** What has ended last. */
  readonly #ring: Ring
  /** Whether a hold needs a `Track` in any case: to be warned of, or to remember where it comes from. */
  readonly #thorough: boolean
  #ids = 0
  readonly #listeners = new Set<(event: LockEvent) => void>()

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options: LockMonitorOptions = {}) {
    const source = { label: 'LockMonitor' }
    must(typeof options === 'object' && options !== null, source, 'options', 'an object', options)
    const { onWarning, maxWait = Infinity, maxHold = Infinity, stacks = false, now } = options
    const { keys = 10, timeline = 1000, maxLocks = 1000 } = options
    if (onWarning !== undefined) mustBeFunction(source, 'options.onWarning', onWarning)
    for (const [name, ms] of Object.entries({ maxWait, maxHold }))
      must(typeof ms === 'number' && ms > 0, source, `options.${name}`, 'a number of ms > 0', ms)
    must(typeof stacks === 'boolean', source, 'options.stacks', 'a boolean', stacks)
    if (now !== undefined) mustBeFunction(source, 'options.now', now)
    this.#now = now ?? (() => performance.now())
    this.#onWarning = onWarning
    this.#maxWait = onWarning === undefined ? Infinity : maxWait
    this.#maxHold = onWarning === undefined ? Infinity : maxHold
    this.#stacks = stacks
    this.#keys = mustBeWhole(source, 'options.keys', keys, 0)
    this.#ring = new Ring(mustBeWhole(source, 'options.timeline', timeline, 0))
    this.#thorough = stacks || this.#maxHold < Infinity
    this.#maxLocks = mustBeWhole(source, 'options.maxLocks', maxLocks, 1)
  }

  /** To be called by the lock: the caller waits. */
  queued(request: LockRequest): void {
    const track = this.#begin(request, true)
    const { lock } = track
    const now = this.#now()
    track.queuedAt = now
    lock.contended++
    if (++lock.waiting > lock.peakWaiting) lock.peakWaiting = lock.waiting
    this.#waits.push(track)
    if (now + this.#maxWait < this.#wakeAt) this.#arm(now, this.#maxWait)
    if (this.#listeners.size > 0) this.#publish('contended', track, now)
  }

  /** To be called by the lock: the caller holds. */
  granted(request: LockRequest): void {
    if (this.#walkIn(request)) return
    const waiting = Track.of(request, this)
    const track = waiting ?? this.#begin(request, false)
    const { lock } = track
    const now = this.#now()
    if (waiting !== undefined) this.#endWait(track, now)
    track.grantedAt = now
    lock.acquisitions++
    if (lock.holdable) {
      lock.held++
      this.#holds.push(track)
      if (now + this.#maxHold < this.#wakeAt) this.#arm(now, this.#maxHold)
    } else this.#remember(track, now)
    if (this.#listeners.size > 0) this.#publish('acquire', track, now)
  }

  /** To be called by the lock: the holder gave it back. */
  released(request: LockRequest): void {
    const known = this.#lockOf(request.source)
    if (known.sole === request) {
      this.#walkOut(known, request)
      return
    }
    const track = Track.of(request, this)
    if (track === undefined) return
    const now = this.#now()
    const { lock } = track
    const held = now - track.since
    if (held >= this.#maxHold) this.#warn(track, this.#overdueHolds, now, true)
    track.unlink()
    lock.held--
    lock.recordHold(held)
    this.#remember(track, now)
    if (this.#listeners.size > 0) this.#publish('release', track, now)
  }

  /** To be called by the lock: the caller gave up, or was refused. */
  abandoned(request: LockRequest, error: unknown): void {
    const waiting = Track.of(request, this)
    const track = waiting ?? this.#begin(request, false)
    const now = this.#now()
    if (waiting !== undefined) this.#endWait(track, now)
    const reason = reasonOf(error)
    track.reason = reason
    track.lock.abandoned.set(reason, (track.lock.abandoned.get(reason) ?? 0) + 1)
    this.#remember(track, now)
    if (this.#listeners.size > 0) this.#publish('abandon', track, now, error)
  }

  /** What is known now. O(locks + those who hold and wait). */
  snapshot(): MonitorSnapshot {
    const at = this.#now()
    const parties = new Map<LockStatistics, { holders: Party[]; waiters: Party[] }>()
    for (const lock of this.#byLabel.values()) parties.set(lock, { holders: [], waiters: [] })
    const add = (list: readonly Track[], role: 'holders' | 'waiters') => {
      for (const track of list) {
        const found = parties.get(track.lock)?.[role]
        if (found !== undefined && found.length < PARTIES) found.push(partyOf(track, at))
      }
    }
    add(this.#holding, 'holders')
    add(this.#waiting, 'waiters')
    return { at, locks: [...parties].map(([lock, parties]) => ({ ...this.#snapshotOf(lock), ...parties })) }
  }

  /** The same as a table, for a terminal. */
  report(): string {
    return reportOf(this.snapshot())
  }

  /**
   * The waits and holds that ended last, and those that go on, in the order in which they began. At most two for each
   * request that `timeline` remembers or that is on its way.
   */
  timeline(): Episode[] {
    const now = this.#now()
    const all: Remembered[] = [...this.#ring, ...this.#waiting, ...this.#holding]
    return all.flatMap(track => episodesOf(track, now)).sort((a, b) => a.from - b.from || a.id - b.id)
  }

  /**
   * Calls `listener` with everything that happens from now on, until the function that is returned is called. It is
   * called synchronously, inside `acquire` and `release`; what it throws is reported as uncaught.
   *
   * @throws TypeError if `listener` is no function.
   */
  subscribe(listener: (event: LockEvent) => void): () => void {
    mustBeFunction({ label: 'LockMonitor' }, 'listener', listener)
    const call = (event: LockEvent): void => listener(event)
    this.#listeners.add(call)
    return () => {
      this.#listeners.delete(call)
    }
  }

  /** What is counted of each lock, and since when the longest of its waits and holds goes on, for exporters. @internal */
  get gauges(): Iterable<Gauges> {
    const now = this.#now()
    const oldest = new Map<LockStatistics, { wait: number; hold: number }>()
    const note = (list: readonly Track[], kind: 'wait' | 'hold') => {
      for (const { lock, since } of list) {
        const found = oldest.get(lock) ?? { wait: 0, hold: 0 }
        found[kind] = Math.max(found[kind], now - since)
        oldest.set(lock, found)
      }
    }
    note(this.#waiting, 'wait')
    note(this.#holding, 'hold')
    return [...this.#byLabel.values()].map(lock => ({ lock, oldest: oldest.get(lock) ?? { wait: 0, hold: 0 } }))
  }

  #begin(request: LockRequest, contended: boolean): Track {
    const lock = this.#lockOf(request.source)
    const track = new Track(++this.#ids, this, lock, request)
    this.#countKeys(lock, request, contended)
    if (this.#stacks) track.origin = originOf()
    return track
  }

  /** Notes a hold with its lock, if it is the only one of its kind there, and if no more has to be known of it. */
  #walkIn(request: LockRequest): boolean {
    if (this.#thorough || this.#listeners.size > 0) return false
    const lock = this.#lockOf(request.source)
    // Whoever has waited is counted among those who wait until now.
    if (lock.sole !== undefined || lock.waiting > 0 || !lock.holdable) return false
    this.#countKeys(lock, request, false)
    lock.acquisitions++
    lock.held++
    lock.sole = request
    lock.soleId = ++this.#ids
    lock.soleSince = this.#now()
    return true
  }

  #walkOut(lock: LockStatistics, request: LockRequest): void {
    const now = this.#now()
    const { soleId, soleSince } = lock
    if (this.#listeners.size > 0) this.#publish('release', this.#trackOfSole(lock, request), now)
    lock.sole = undefined
    lock.held--
    lock.recordHold(now - soleSince)
    this.#ring.push(soleId, lock, request.keys, Number.NaN, soleSince, now, undefined)
  }

  #trackOfSole(lock: LockStatistics, { source, keys }: LockRequest): Track {
    const track = new Track(lock.soleId, this, lock, { source, keys })
    track.grantedAt = lock.soleSince
    return track
  }

  #countKeys(lock: LockStatistics, { keys }: LockRequest, contended: boolean): void {
    if (keys.length > 0 && this.#keys > 0) lock.countKeys(keys, contended, this.#keys * COUNTERS_PER_KEY)
  }

  /** Those who hold now, the longest first. */
  get #holding(): Track[] {
    const soles: Track[] = []
    for (const lock of this.#byLabel.values())
      if (lock.sole !== undefined) soles.push(this.#trackOfSole(lock, lock.sole))
    return [...this.#overdueHolds, ...this.#holds, ...soles].sort((a, b) => a.since - b.since || a.id - b.id)
  }

  /** Those who wait now, the longest first: those that are overdue have waited longer than the others. */
  get #waiting(): Track[] {
    return [...this.#overdueWaits, ...this.#waits]
  }

  #lockOf(source: object): LockStatistics {
    return source === this.#lastSource ? (this.#lastLock as LockStatistics) : this.#find(source)
  }

  #find(source: object): LockStatistics {
    let lock = this.#bySource.get(source)
    if (lock === undefined) {
      lock = this.#enlist(statisticsOf(source))
      this.#bySource.set(source, lock)
    }
    this.#lastSource = source
    this.#lastLock = lock
    return lock
  }

  /** Locks of one name are counted together: a program may make one for each request. */
  #enlist(lock: LockStatistics): LockStatistics {
    const full = this.#byLabel.size >= this.#maxLocks && !this.#byLabel.has(lock.label)
    const entry = full ? Object.assign(lock, { label: '(others)', kind: '(others)', name: undefined }) : lock
    const known = this.#byLabel.get(entry.label)
    if (known !== undefined) return known
    this.#byLabel.set(entry.label, entry)
    return entry
  }

  #endWait(track: Track, now: number): void {
    const { lock } = track
    const waited = now - track.since
    if (waited >= this.#maxWait) this.#warn(track, this.#overdueWaits, now, true)
    track.unlink()
    lock.waiting--
    lock.recordWait(waited)
  }

  #remember(track: Track, now: number): void {
    const { id, lock, keys, queuedAt = Number.NaN, grantedAt = Number.NaN, reason } = track
    this.#ring.push(id, lock, keys, queuedAt, grantedAt, now, reason)
  }

  #publish(type: LockEvent['type'], track: Track, at: number, error?: unknown): void {
    const { lock, keys, id, queuedAt, grantedAt, reason } = track
    const contended = queuedAt !== undefined
    const event: LockEvent = {
      ...{ type, lock: lock.label, kind: lock.kind, name: lock.name, keys, id, at, contended },
      waited: contended ? (grantedAt ?? at) - queuedAt : 0,
      held: grantedAt === undefined ? 0 : at - grantedAt,
      ...(reason === undefined ? {} : { reason, error })
    }
    for (const listener of this.#listeners) callOut(() => listener(event))
  }

  /** A watch keeps no process alive, where the platform can be told so. */
  #arm(now: number, ms: number): void {
    clearTimeout(this.#timer)
    this.#wakeAt = now + ms
    this.#timer = setTimeout(() => this.#patrol(), Math.min(ms, 2 ** 31 - 1))
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  /** Warns of what is overdue, and comes back when the next is due. O(warnings). */
  #patrol(): void {
    this.#wakeAt = Infinity
    const now = this.#now()
    let next = Infinity
    for (const [list, overdue, limit] of [
      [this.#waits, this.#overdueWaits, this.#maxWait],
      [this.#holds, this.#overdueHolds, this.#maxHold]
    ] as const) {
      let { first } = list
      for (; first !== undefined && now - first.since >= limit; first = list.first)
        this.#warn(first, overdue, now, false)
      if (first !== undefined) next = Math.min(next, first.since + limit)
    }
    if (next < this.#wakeAt) this.#arm(now, Math.max(1, next - now))
  }

  /** Once for each: moves it to those that a warning was given of. */
  #warn(track: Track, overdue: TrackList, now: number, ended: boolean): void {
    const kind = track.grantedAt === undefined ? 'wait' : 'hold'
    if (track.warned === kind) return
    track.warned = kind
    track.unlink()
    overdue.push(track)
    const holders = this.#involved(this.#holding, track, now)
    const waiters = this.#involved(this.#waiting, track, now)
    const limit = kind === 'hold' ? this.#maxHold : this.#maxWait
    const party = partyOf(track, now)
    const { ms } = party
    const lock = track.lock.label
    const message = messageOf(kind, lock, party, limit, holders, track.lock.waiting)
    const warning: LockWarning = { kind, lock, ms, limit, ended, party, holders, waiters, message }
    callOut(() => this.#onWarning?.(warning))
  }

  /** Those in a list that have to do with the same lock, and with the same keys if it has keys. */
  #involved(list: readonly Track[], { lock, keys }: Track, now: number): Party[] {
    const found: Party[] = []
    for (const track of list) {
      const related = track.lock === lock && (keys.length === 0 || track.keys.some(key => keys.includes(key)))
      if (related && found.length < PARTIES) found.push(partyOf(track, now))
    }
    return found
  }

  #snapshotOf(lock: LockStatistics): Omit<LockSnapshot, 'holders' | 'waiters'> {
    const { label, kind, name, acquisitions, contended, waiting, peakWaiting, held } = lock
    const abandoned = Object.fromEntries(lock.abandoned)
    const asked = acquisitions + waiting + [...lock.abandoned.values()].reduce((sum, count) => sum + count, 0)
    return {
      lock: label,
      kind,
      ...(name === undefined ? {} : { name }),
      acquisitions,
      contended,
      contention: asked === 0 ? 0 : contended / asked,
      abandoned,
      waiting,
      peakWaiting,
      held,
      wait: lock.wait,
      hold: lock.hold,
      busiestKeys: lock.keys?.top(this.#keys, showKey) ?? []
    }
  }
}

/** A key as text, as a person would write it. */
const showKey = (key: unknown): string => (typeof key === 'string' ? key : show(key))

function partyOf(track: Track, now: number): Party {
  const stack = track.origin === undefined ? undefined : stackOf(track.origin)
  const ms = now - track.since
  return { id: track.id, keys: track.keys.map(showKey), ms, ...(stack === undefined ? {} : { stack }) }
}

function episodesOf(track: Remembered, now: number): Episode[] {
  const { id, lock, queuedAt, grantedAt, endedAt, reason } = track
  const common = { id, lock: lock.label, keys: track.keys.map(showKey) }
  const episodes: Episode[] = []
  if (queuedAt !== undefined) {
    const outcome = grantedAt === undefined ? (reason ?? 'ongoing') : 'granted'
    episodes.push({ ...common, kind: 'wait', from: queuedAt, to: grantedAt ?? endedAt ?? now, outcome })
  }
  if (grantedAt !== undefined && lock.holdable) {
    const outcome = endedAt === undefined ? 'ongoing' : 'released'
    episodes.push({ ...common, kind: 'hold', from: grantedAt, to: endedAt ?? now, outcome })
  }
  return episodes
}

function messageOf(
  kind: 'wait' | 'hold',
  lock: string,
  { id, keys, ms }: Party,
  limit: number,
  holders: readonly Party[],
  waiting: number
): string {
  const of = keys.length === 0 ? lock : `${lock} key ${keys.map(key => JSON.stringify(key)).join(', ')}`
  const verb = kind === 'wait' ? 'waited' : 'held'
  const others = holders.filter(holder => holder.id !== id)
  const held = others.map(holder => `#${holder.id} for ${Math.round(holder.ms)} ms`).join(', ')
  const by = kind === 'wait' ? `; held by ${held || 'nobody'}` : ''
  return `${of}: #${id} has ${verb} for ${Math.round(ms)} ms, more than ${limit} ms${by}; ${waiting} waiting`
}

/** What V8 adds to `Error`. */
const V8Error = Error as { stackTraceLimit?: number }

/** Takes the stack, deep enough to reach the caller. It becomes text when somebody looks. */
function originOf(): Error {
  const { stackTraceLimit } = V8Error
  if (stackTraceLimit === undefined) return new Error('asked here')
  V8Error.stackTraceLimit = Math.max(stackTraceLimit, STACK_DEPTH)
  const origin = new Error('asked here')
  V8Error.stackTraceLimit = stackTraceLimit
  return origin
}

/**
 * The calls of the user: those of this package on top of them are left out. They are in the folder above that of this
 * file, which is the first in the stack; in a bundle it cannot be told which they are, and all stay.
 */
function stackOf({ stack = '' }: Error): string {
  const lines = stack.split('\n').filter(line => /^\s+at |@/.test(line))
  const folder = /((?:\w+:\/\/)?[^\s(@]*[\\/])monitor[\\/]lock-monitor\.[jt]s/.exec(lines[0] ?? '')?.[1]
  const own = folder === undefined ? 0 : lines.findIndex(line => !line.includes(folder))
  return lines
    .slice(Math.max(own, 0))
    .map(line => line.trim())
    .join('\n')
}
