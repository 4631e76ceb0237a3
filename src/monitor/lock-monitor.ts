// Holders and waiters, and for how long: an observer that remembers.
//
// Each request that is on its way has a `Track`, which lives as long as the request does, and stands in a list of its lock.
// What has ended is counted in histograms of a fixed size and forgotten, but for the last few, which are kept in a
// ring for the timeline. Nothing else grows, however many operations and keys there are.
//
// Most requests do not wait, hold for a moment and are gone. One of those at a time is noted with its lock instead: a
// `Track` for each would cost as much as the two readings of the clock.
//
// Long because each figure that it gives says here what it counts.

import { check, checkFunction, checkWhole } from '../core/arguments.js'
import type { LockObserver, LockRequest } from '../core/lock.js'
import { invokeCallback } from '../core/observer.js'
import { captureOrigin } from '../core/stack.js'
import { describeCaller, showKey, spansOf } from './describe.js'
import { attributesOf, GAUGES, type Gauges } from './metrics.js'
import { OverdueWatch } from './overdue.js'
import { processWarning } from './process-warning.js'
import { reasonOf } from './reasons.js'
import { reportOf } from './report.js'
import { Ring } from './ring.js'
import { MonitoredLock, Track } from './track.js'
import type {
  LockCaller,
  LockEvent,
  LockMonitorOptions,
  LockSnapshot,
  LockSpan,
  MonitorSnapshot,
  ReportOptions
} from './types.js'

/** How many callers a snapshot names. */
const MOST_CALLERS = 10
const COUNTERS_PER_KEY = 8

/**
 * Watches any number of locks and tells what is going on: which callers hold and wait, for how long, since when.
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
  readonly #stacks: boolean
  readonly #keys: number
  readonly #maxLocks: number
  /** By what tells their metrics apart. */
  readonly #locks = new Map<string, MonitoredLock>()
  readonly #bySource = new WeakMap<object, MonitoredLock>()
  /** The source that was asked last: asking one lock many times is the rule. */
  #lastSource: object | undefined = undefined
  #lastLock: MonitoredLock | undefined = undefined
  /** What has ended last. */
  readonly #ring: Ring
  /** Absent where there is no limit. */
  readonly #overdue: OverdueWatch | undefined
  /** Whether a hold needs a `Track` in any case: to be warned of, or to remember where it comes from. */
  readonly #trackAll: boolean
  #ids = 0
  /** When counting began. */
  #since: number
  readonly #listeners = new Set<(event: LockEvent) => void>()

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options: LockMonitorOptions = {}) {
    const source = 'LockMonitor'
    check(typeof options === 'object' && options !== null, source, 'options', 'an object', options)
    const { onWarning, maxWait = Infinity, maxHold = Infinity, stacks = false, now } = options
    const { keys = 10, timeline = 1000, maxLocks = 1000 } = options
    if (onWarning !== undefined) checkFunction(source, 'options.onWarning', onWarning)
    for (const [name, ms] of Object.entries({ maxWait, maxHold }))
      check(typeof ms === 'number' && ms > 0, source, `options.${name}`, 'a number of ms > 0', ms)
    check(typeof stacks === 'boolean', source, 'options.stacks', 'a boolean', stacks)
    if (now !== undefined) checkFunction(source, 'options.now', now)
    this.#now = now ?? (() => performance.now())
    this.#stacks = stacks
    this.#keys = checkWhole(source, 'options.keys', keys, 0)
    this.#ring = new Ring(checkWhole(source, 'options.timeline', timeline, 0))
    this.#maxLocks = checkWhole(source, 'options.maxLocks', maxLocks, 1)
    this.#trackAll = stacks || maxHold < Infinity
    this.#since = this.#now()
    if (Math.min(maxWait, maxHold) < Infinity)
      this.#overdue = new OverdueWatch({
        maxWait,
        maxHold,
        now: this.#now,
        onWarning: onWarning ?? processWarning(),
        locks: () => this.#locks.values(),
        holdersOf: lock => this.#holdersOf(lock)
      })
  }

  /** To be called by the lock: the caller waits. */
  queued(request: LockRequest): void {
    const track = this.#begin(request, true)
    const { lock } = track
    const now = this.#now()
    track.queuedAt = now
    lock.contended++
    if (++lock.waiting > lock.peakWaiting) lock.peakWaiting = lock.waiting
    lock.waits.push(track)
    lock.queuedAtSum += now
    this.#overdue?.began('wait', now)
    if (this.#listeners.size > 0) this.#publish('contended', track, now)
  }

  /** To be called by the lock: the caller holds. */
  granted(request: LockRequest): void {
    if (this.#takeFastPath(request)) return
    const waiting = Track.of(request, this)
    const track = waiting ?? this.#begin(request, false)
    const { lock } = track
    const now = this.#now()
    if (waiting !== undefined) this.#endWait(track, now)
    track.grantedAt = now
    lock.acquisitions++
    if (lock.holdable) {
      lock.held++
      lock.holds.push(track)
      this.#overdue?.began('hold', now)
    } else this.#remember(track, now)
    if (this.#listeners.size > 0) this.#publish('acquire', track, now)
  }

  /** To be called by the lock: the holder gave it back. */
  released(request: LockRequest): void {
    const known = this.#lockOf(request.source)
    if (known.untracked === request) {
      this.#endUntracked(known, request)
      return
    }
    const track = Track.of(request, this)
    if (track === undefined) return
    const now = this.#now()
    const { lock } = track
    lock.holds.remove(track)
    lock.held--
    lock.recordHold(now - track.since)
    this.#overdue?.ended('hold', track, now)
    this.#remember(track, now)
    if (this.#listeners.size > 0) this.#publish('release', track, now)
  }

  /** To be called by the lock: the caller left without it, or was refused. */
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

  /** What is known now. O(locks). */
  snapshot(): MonitorSnapshot {
    const at = this.#now()
    return { at, since: this.#since, locks: Array.from(this.#locks.values(), lock => this.#snapshotOf(lock, at)) }
  }

  /**
   * The same as a table, for a terminal: the locks that were used, those first that were waited for longest.
   *
   * @throws TypeError or RangeError for a wrong option.
   */
  report(options: ReportOptions = {}): string {
    const source = 'LockMonitor'
    check(typeof options === 'object' && options !== null, source, 'options', 'an object', options)
    const { limit = 20 } = options
    check(limit === Infinity || Number.isInteger(limit), source, 'options.limit', 'a whole number or Infinity', limit)
    check(limit >= 1, source, 'options.limit', 'a number >= 1', limit)
    return reportOf(this.snapshot(), limit)
  }

  /**
   * Counts anew from here on: acquisitions, waits, holds, reasons and busiest keys. What is held and waited for now is
   * still known, and so is the timeline. Counters of exporters begin at 0 again, which Prometheus takes for a restart.
   * O(locks).
   */
  reset(): void {
    this.#since = this.#now()
    for (const lock of this.#locks.values()) lock.reset()
  }

  /**
   * The waits and holds that ended last, and those that go on, in the order in which they began. At most two for each
   * request that `timeline` remembers or that is on its way. O(n log n).
   */
  timeline(): LockSpan[] {
    const now = this.#now()
    const spans: LockSpan[] = []
    for (const ended of this.#ring) spans.push(...spansOf(ended, now))
    for (const lock of this.#locks.values()) {
      for (const track of lock.waits) spans.push(...spansOf(track, now))
      for (const track of this.#holdersOf(lock)) spans.push(...spansOf(track, now))
    }
    return spans.sort((a, b) => a.from - b.from || a.id - b.id)
  }

  /**
   * Calls `listener` with everything that happens from now on, until the function that is returned is called. It is
   * called synchronously, inside `acquire` and `release`; what it throws is reported as uncaught.
   *
   * @throws TypeError if `listener` is no function.
   */
  subscribe(listener: (event: LockEvent) => void): () => void {
    checkFunction('LockMonitor', 'listener', listener)
    const call = (event: LockEvent): void => listener(event)
    this.#listeners.add(call)
    return () => {
      this.#listeners.delete(call)
    }
  }

  /** What exporters read. Not by a name that a subclass may have for something else. @internal */
  *[GAUGES](): IterableIterator<Gauges> {
    const now = this.#now()
    for (const lock of this.#locks.values()) {
      const [holder] = this.#holdersOf(lock)
      const ageOf = (track: Track | undefined) => (track === undefined ? 0 : now - track.since)
      yield { lock, oldest: { wait: ageOf(lock.waits.first), hold: ageOf(holder) } }
    }
  }

  #begin(request: LockRequest, contended: boolean): Track {
    const lock = this.#lockOf(request.source)
    const track = new Track(++this.#ids, this, lock, request)
    this.#countKeys(lock, request, contended)
    if (this.#stacks) track.origin = captureOrigin()
    return track
  }

  /** Notes a hold with its lock, if it is the only one of its kind there, and if no more has to be known of it. */
  #takeFastPath(request: LockRequest): boolean {
    if (this.#trackAll || this.#listeners.size > 0) return false
    const lock = this.#lockOf(request.source)
    // A request that has waited is counted among those that wait until now.
    if (lock.untracked !== undefined || lock.waiting > 0 || !lock.holdable) return false
    this.#countKeys(lock, request, false)
    lock.acquisitions++
    lock.held++
    lock.untracked = request
    lock.untrackedId = ++this.#ids
    lock.untrackedSince = this.#now()
    return true
  }

  #endUntracked(lock: MonitoredLock, request: LockRequest): void {
    const now = this.#now()
    const { untrackedId, untrackedSince } = lock
    if (this.#listeners.size > 0) this.#publish('release', this.#trackOf(lock, request), now)
    lock.untracked = undefined
    lock.held--
    lock.recordHold(now - untrackedSince)
    this.#ring.push(untrackedId, lock, request.keys, Number.NaN, untrackedSince, now, undefined)
  }

  /** For the one that has none. */
  #trackOf(lock: MonitoredLock, { source, keys }: LockRequest): Track {
    const track = new Track(lock.untrackedId, this, lock, { source, keys })
    track.grantedAt = lock.untrackedSince
    return track
  }

  #countKeys(lock: MonitoredLock, { keys }: LockRequest, contended: boolean): void {
    if (keys.length > 0 && this.#keys > 0) lock.countKeys(keys, contended, this.#keys * COUNTERS_PER_KEY)
  }

  /** Those that hold it now, the longest first. */
  *#holdersOf(lock: MonitoredLock): IterableIterator<Track> {
    let untracked = lock.untracked && this.#trackOf(lock, lock.untracked)
    for (const track of lock.holds) {
      if (untracked !== undefined && untracked.since <= track.since && untracked.id < track.id) {
        yield untracked
        untracked = undefined
      }
      yield track
    }
    if (untracked !== undefined) yield untracked
  }

  #lockOf(source: object): MonitoredLock {
    return source === this.#lastSource ? (this.#lastLock as MonitoredLock) : this.#find(source)
  }

  #find(source: object): MonitoredLock {
    let lock = this.#bySource.get(source)
    if (lock === undefined) {
      lock = this.#enlist(MonitoredLock.of(source))
      this.#bySource.set(source, lock)
    }
    this.#lastSource = source
    this.#lastLock = lock
    return lock
  }

  /** Locks of one kind and name are counted together: a program may make one for each request. */
  #enlist(lock: MonitoredLock): MonitoredLock {
    const isFull = this.#locks.size >= this.#maxLocks && !this.#locks.has(identityOf(lock))
    const entry = isFull ? new MonitoredLock('(others)', '(others)', undefined, lock.holdable) : lock
    const identity = identityOf(entry)
    const known = this.#locks.get(identity)
    if (known !== undefined) return known
    this.#locks.set(identity, entry)
    return entry
  }

  #endWait(track: Track, now: number): void {
    const { lock } = track
    lock.waits.remove(track)
    // Not to carry on what rounding has left over.
    lock.queuedAtSum = --lock.waiting === 0 ? 0 : lock.queuedAtSum - track.since
    lock.recordWait(now - track.since)
    this.#overdue?.ended('wait', track, now)
  }

  #remember(track: Track, now: number): void {
    const { id, lock, keys, queuedAt = Number.NaN, grantedAt = Number.NaN, reason } = track
    this.#ring.push(id, lock, keys, queuedAt, grantedAt, now, reason)
  }

  #publish(type: LockEvent['type'], track: Track, at: number, error?: unknown): void {
    const { lock, keys, id, queuedAt, grantedAt, reason } = track
    const waited = queuedAt === undefined ? 0 : (grantedAt ?? at) - queuedAt
    const held = grantedAt === undefined ? 0 : at - grantedAt
    const { label, kind, name } = lock
    // Written out: to spread objects into one costs 3 µs on Node 20.
    const event: LockEvent =
      reason === undefined
        ? { type, lock: label, kind, name, keys, id, at, contended: queuedAt !== undefined, waited, held }
        : {
            type,
            lock: label,
            kind,
            name,
            keys,
            id,
            at,
            contended: queuedAt !== undefined,
            waited,
            held,
            reason,
            error
          }
    for (const listener of this.#listeners) notify(listener, event)
  }

  #snapshotOf(lock: MonitoredLock, at: number): LockSnapshot {
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
      totalWait: lock.totalWait(at),
      wait: lock.wait,
      hold: lock.hold,
      holders: firstOf(this.#holdersOf(lock), at),
      waiters: firstOf(lock.waits, at),
      busiestKeys: lock.keys?.top(this.#keys, showKey) ?? []
    }
  }
}

/** Its failures are kept away from the lock, as `callOut` does. Not by way of that, for it would need a closure. */
function notify(listener: (event: LockEvent) => void, event: LockEvent): void {
  try {
    listener(event)
  } catch (error) {
    invokeCallback(() => {
      throw error
    })
  }
}

const identityOf = (lock: MonitoredLock): string => JSON.stringify(attributesOf(lock))

function firstOf(tracks: Iterable<Track>, now: number): LockCaller[] {
  const callers: LockCaller[] = []
  for (const track of tracks) {
    if (callers.length === MOST_CALLERS) break
    callers.push(describeCaller(track, now))
  }
  return callers
}
