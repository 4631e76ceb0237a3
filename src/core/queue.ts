// The queue in which callers wait, and the only code that settles a waiter. Every primitive is its own queue.
//
// Order: the waiter that came first is granted first, within a priority. Who wakes whom: a grant makes the first live
// waiter the owner before it returns; no waiter is woken to try again. What an abort leaves behind: nothing. The waiter is
// out of the queue, off the signal and without its timer before its promise rejects.
//
// All members are symbols: they are in every primitive, and a subclass of a user must not meet them (members.ts).

import { inspect, NO_SETTINGS, readAcquireOptions, type Settings } from './arguments.js'
import { expires } from './cancellation.js'
import { LockTimeoutError, QueueFullError } from './errors.js'
import { rejectImmediately, type Source } from './hold.js'
import { Lanes, type Link } from './lanes.js'
import type { AcquireOptions, Lock, LockRequest, Task } from './lock.js'
import {
  $cannotWait,
  $count,
  $describe,
  $drain,
  $enter,
  $exit,
  $first,
  $grant,
  $join,
  $kind,
  $label,
  $lanes,
  $leave,
  $makeRequest,
  $read,
  $rejectWaiters,
  $settings,
  $size,
  $waiterLeft
} from './members.js'
import { holdBack, letOut, NO_KEYS, notifyObserver } from './observer.js'
import {
  CancellableTaskWaiter,
  CancellableWaiter,
  capture,
  Place,
  type PlaceQueue,
  type Resolve,
  takeCaptured,
  Waiter
} from './waiters.js'

/** The one reaction of all callers that wait to run a task. */
const runTask = (waiter: unknown): unknown => (waiter as CancellableTaskWaiter<Lock, unknown>).run()

export abstract class Queue<T> implements Source, PlaceQueue<T> {
  /** What was kept of the options. A detector of deadlocks puts its observer here. */
  declare [$settings]: Settings
  // Private, as what changes here has to change in a frozen primitive too: it may be frozen while a caller holds it.
  #size = 0
  /** Made when a caller first waits: most primitives are never contended. */
  #lanes: Lanes<Place<T>> | undefined = undefined

  constructor(settings: Settings = NO_SETTINGS) {
    this[$settings] = settings
  }

  /** How many callers wait, each member of a batch counted. */
  get [$size](): number {
    return this.#size
  }

  /** One more waits, which the caller of this puts into its place. Returns how many wait now. */
  [$count](): number {
    return ++this.#size
  }

  /** What kind of primitive this is. */
  abstract get [$kind](): string

  get [$label](): string {
    const { name } = this[$settings]
    return typeof name === 'string' ? `${this[$kind]} "${name}"` : this[$kind]
  }

  [$makeRequest](): LockRequest {
    return { source: this, keys: NO_KEYS }
  }

  [$read](options: AcquireOptions | undefined): AcquireOptions | undefined {
    return readAcquireOptions(this, options, this[$settings].wait)
  }

  [$describe](): string {
    return `${this[$size]} waiting`
  }

  /** What this is and how it stands, such as `Mutex "tools" { locked, 3 waiting }`. */
  toString(): string {
    return `${this[$label]} { ${this[$describe]()} }`
  }

  /** The same as `toString()`. */
  toJSON(): string {
    return this.toString()
  }

  [inspect](): string {
    return this.toString()
  }

  /** Vue makes no proxy of what says this: private state cannot be reached through one. */
  get __v_skip(): true {
    return true
  }

  /** Called when a waiter has left by abort or timeout. What is told of it is held back until this returns. */
  [$waiterLeft](_reason?: unknown): void {}

  get [$first](): Place<T> | undefined {
    return this.#lanes?.first
  }

  get [$lanes](): Lanes<Place<T>> {
    this.#lanes ??= new Lanes()
    return this.#lanes
  }

  [$enter](place: Place<T>, priority: number | undefined): void {
    this.#size++
    this[$lanes].add(place, priority)
  }

  [$exit](place: Place<T>, others = 0): void {
    this.#size--
    if (others === 0) (this.#lanes as Lanes<Place<T>>).remove(place)
  }

  [$cannotWait](options: AcquireOptions | undefined): Error | undefined {
    if (options?.timeout === 0) return new LockTimeoutError(`${this[$label]}: would have to wait, and timeout is 0 ms`)
    const limit = this[$settings].maxWaiting
    if (limit === undefined || this[$size] < limit) return undefined
    return new QueueFullError(`${this[$label]}: maxWaiting is ${limit}, and so many wait already`)
  }

  /**
   * Waits for a grant, with options that were read and a signal that has not aborted. With a `task`, runs it then, in the
   * async context of the caller.
   */
  [$join](options?: AcquireOptions, weight?: number): Promise<T>
  [$join]<L extends Lock, R>(options: AcquireOptions | undefined, weight: number, task: Task<L, R>): Promise<R>
  [$join](options?: AcquireOptions, weight = 1, task?: Task<never, unknown>): Promise<unknown> {
    const refusal = this[$cannotWait](options)
    if (refusal !== undefined) return rejectImmediately(this, refusal)
    const { observer } = this[$settings]
    const promise = new Promise<T>(capture as (resolve: Resolve<T>) => void)
    const resolve = takeCaptured<T>()
    const priority = options?.priority
    if (weight === 1 && task === undefined && observer === undefined)
      if (options === undefined || (options.signal === undefined && !expires(options))) {
        this[$enter](new Waiter(resolve), priority)
        return promise
      }
    const request = observer && this[$makeRequest]()
    if (task === undefined) this[$enter](new CancellableWaiter(resolve, this, options, request, weight), priority)
    else
      this[$enter](
        new CancellableTaskWaiter(task, resolve as never, this as never, options, request, weight) as never,
        priority
      )
    if (request !== undefined) notifyObserver(observer, 'queued', request)
    return task === undefined ? promise : promise.then(runTask)
  }

  /** Gives `value` to the first live waiter, who owns it when this returns. `false`: there is none. O(1). */
  [$grant](value: T): boolean {
    const place = this[$first]
    if (place === undefined) return false
    if (place.aborted) return this.#grantLive(place, value)
    place.grant(this, value)
    return true
  }

  /** The same where the first waiters have aborted without our having heard of it. */
  #grantLive(first: Place<T>, value: T): boolean {
    holdBack()
    try {
      let place: Place<T> | undefined = first
      for (; place?.aborted; place = this[$first]) place.dropAborted(this)
      place?.grant(this, value)
      this[$waiterLeft]() // once for all of them
      return place !== undefined
    } finally {
      letOut()
    }
  }

  [$leave](waiter: CancellableWaiter<T>, reason: unknown, rejection?: Promise<never>): void {
    holdBack()
    try {
      this[$exit](waiter)
      waiter.reject(reason, rejection)
      this[$waiterLeft](reason)
    } finally {
      letOut()
    }
  }

  [$drain](): Place<T>[] {
    const places: Place<T>[] = []
    for (let place = this[$first]; place !== undefined; place = this[$first]) {
      places.push(place)
      ;(this.#lanes as Lanes<Place<T>>).remove(place)
    }
    this.#size = 0
    return places
  }

  /** Rejects all waiters, in the order of the queue. O(n). */
  [$rejectWaiters](reason: unknown): void {
    holdBack()
    try {
      for (const place of this[$drain]()) place.reject(reason)
    } finally {
      letOut()
    }
  }
}

/** A queue that is part of a primitive, and speaks in its name. */
export class PartQueue<T> extends Queue<T> {
  readonly #owner: Source

  /** @param settings of the owner, if its observer is told of these waiters too */
  constructor(owner: Source, settings?: Settings) {
    super(settings)
    this.#owner = owner
  }

  get [$kind](): string {
    return ''
  }

  override get [$label](): string {
    return this.#owner[$label]
  }

  override [$makeRequest](): LockRequest {
    return this.#owner[$makeRequest]()
  }
}

/**
 * Gives `value` to the first `most` that wait, in one change: a callback that is told of the first cannot keep the others
 * out. Returns how many there were. O(granted).
 */
export function grantTogether<T>(queue: Queue<T>, value: T, most = queue[$size]): number {
  holdBack()
  try {
    let granted = 0
    while (granted < most && queue[$grant](value)) granted++
    return granted
  } finally {
    letOut()
  }
}

/**
 * Lets those waiters go whose signal has aborted without our having heard of it, and returns whether there were any. For
 * a primitive that acts on how many wait: a grant only passes over those that it comes across. Looks at those of the
 * highest priority. O(n).
 */
export function rejectAborted<T>(queue: Queue<T>): boolean {
  const leaving: CancellableWaiter<T>[] = []
  for (let place: Link | undefined = queue[$first]; place instanceof Place; place = place.next)
    if (place.aborted) leaving.push(place as CancellableWaiter<T>)
  for (const waiter of leaving) waiter.abort()
  return leaving.length > 0
}
