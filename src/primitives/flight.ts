// One run of a task, and all callers that wait for its outcome: the engine of SingleFlight and Lazy.
//
// Order: the callers are told in order of arrival, within a priority. What ends what: the task ends the flight for all of
// its callers; the last caller to leave ends it for the task, by its signal. What an abort leaves behind: nothing. The
// flight is unregistered before its signal aborts, so a caller that comes then, even from a listener of that signal,
// starts anew.
//
//                      the task settles
//      running ────────────────────────────────▶ settled: every caller has the outcome
//      │     │                                      ▲
//      │     └── the last caller left ──▶ abandoned ┘ no caller is told; only `close` and `whenFree` wait for it
//      │
//      └── `forget`: unregistered, and otherwise as before

import { LockTimeoutError } from '../core/errors.js'
import { awaited, rejectImmediately } from '../core/hold.js'
import type { AcquireOptions } from '../core/lock.js'
import {
  $freed,
  $grant,
  $isFree,
  $join,
  $kind,
  $label,
  $rejectWaiters,
  $settings,
  $size,
  $waiterLeft
} from '../core/members.js'
import { afterwards, holdBack, letOut } from '../core/observer.js'
import { Queue } from '../core/queue.js'
import { Waitable } from '../core/waitable.js'

/** What callers share. Its signal aborts when no caller waits for it any more; whatever it returns is awaited. */
export type FlightTask<R> = (signal: AbortSignal) => R | PromiseLike<R>

/** The queue of the callers that wait for one run. What a caller is granted is the promise of the task. */
export abstract class Flight<T> extends Queue<Promise<T>> {
  readonly #owner: FlightOwner
  /** There while the task runs. */
  #controller: AbortController | undefined = undefined

  constructor(owner: FlightOwner) {
    super(owner[$settings])
    this.#owner = owner
  }

  /** From now on later callers find it. */
  abstract register(): void
  /** From now on they do not. Called any number of times, also when another flight is registered. */
  abstract unregister(): void
  /** The task has come to `value`, and no caller has been told yet. */
  onValue(_value: T): void {}

  override get [$kind](): string {
    return ''
  }

  join(wait: AcquireOptions | undefined): Promise<T> {
    return this[$join](wait) as Promise<T> // a promise resolves to what it is granted, be that a promise
  }

  /** Calls the task, now. */
  start(task: FlightTask<T>): void {
    const controller = new AbortController()
    this.#controller = controller
    const outcome = awaited(() => task(controller.signal))
    outcome.then(
      value => {
        this.onValue(value)
        this.settle(outcome)
      },
      () => this.settle(outcome)
    )
  }

  /**
   * The end. Callers are granted the promise of the task, so values and errors reach them alike, and an observer hears of
   * a failed task as a mutex tells it: the caller was served.
   */
  settle(outcome?: Promise<T>): void {
    this.#controller = undefined // a caller that leaves from here on, in the middle of the grants, aborts nothing
    this.#owner[$running].delete(this as Flight<unknown>)
    this.unregister()
    while (this[$grant](outcome as Promise<T>)) {}
    this.#owner[$freed]()
  }

  override [$waiterLeft](reason?: unknown): void {
    // A caller may come from the observer that is told of this one, and keep the task going.
    afterwards(() => {
      if (this[$size] === 0) this.#abandon(reason)
    })
  }

  #abandon(reason: unknown): void {
    this.unregister()
    this.#controller?.abort(reason)
  }

  rejectCallers(reason: unknown): void {
    this[$rejectWaiters](reason)
    afterwards(() => this.#abandon(reason))
  }
}

/** Every task that has not settled, those included that no caller waits for any more. */
export const $running = Symbol('running')
export const $joinOrStart = Symbol('joinOrStart')

/** A primitive whose callers share running tasks. */
export abstract class FlightOwner extends Waitable<never> {
  readonly [$running] = new Set<Flight<unknown>>()

  /** How many callers wait for a result, those that brought the task included. O(running tasks). */
  override get waiting(): number {
    let waiting = 0
    for (const flight of this[$running]) waiting += flight[$size]
    return waiting
  }

  /**
   * Waits for the outcome of `flight`, and starts it if it is new; for callers that nothing refuses. A result always
   * takes waiting, so `timeout: 0` starts nothing.
   */
  [$joinOrStart]<T>(flight: Flight<T>, task: FlightTask<T>, wait: AcquireOptions | undefined): Promise<T> {
    if (wait?.timeout === 0) {
      const error = new LockTimeoutError(`${flight[$label]}: no result yet, and timeout is 0 ms`)
      return rejectImmediately(flight, error)
    }
    const running = this[$running]
    if (running.has(flight as Flight<unknown>)) return flight.join(wait)
    running.add(flight as Flight<unknown>)
    flight.register()
    const outcome = flight.join(wait)
    // No caller is there if `maxWaiting` is 0, or if the observer that was just told has cancelled it.
    if (flight[$size] > 0) flight.start(task)
    else flight.settle()
    return outcome
  }

  /** No caller waits where no task runs. */
  override get [$isFree](): boolean {
    return this[$running].size === 0
  }

  override [$rejectWaiters](reason: unknown): void {
    holdBack()
    try {
      // All are unregistered before a caller hears of it: one that comes from an observer or a listener starts anew.
      const flights = [...this[$running]]
      for (const flight of flights) flight.unregister()
      for (const flight of flights) flight.rejectCallers(reason)
    } finally {
      letOut()
    }
  }
}
