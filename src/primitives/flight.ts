// One run of a task, and all who wait for what comes of it: the engine of SingleFlight and Lazy.
//
// Order: whoever waits is told in order of arrival, within a priority. Who ends what: the task ends the flight for all
// of its callers; the last caller to leave ends it for the task, by its signal. What an abort leaves behind: nothing.
// The flight is off the list before its signal aborts, so whoever comes then, even from a listener of that signal,
// starts anew.
//
//                      the task settles
//      running ────────────────────────────────▶ landed: every caller has the outcome
//      │     │                                     ▲
//      │     └── the last caller left ──▶ deserted ┘ nobody is told; only `close` and `whenFree` still wait for it
//      │
//      └── `forget`: off the list, and otherwise as before

import { LockTimeoutError } from '../core/errors.js'
import { type AcquireOptions, type LockOptions, type LockRequest, refuse, type Source } from '../core/lock.js'
import { Waitable, WaiterQueue } from '../core/waiter-queue.js'

/** What callers share. Its signal aborts when nobody waits for it any more; whatever it returns is awaited. */
export type FlightTask<R> = (signal: AbortSignal) => R | PromiseLike<R>

/** The line of one flight, which knows why the last one left. `onLeave` is not told. */
class Callers<T> extends WaiterQueue<T> {
  readonly #deserted: (reason: unknown) => void

  constructor(options: LockOptions | undefined, source: Source, deserted: (reason: unknown) => void) {
    super(options, source)
    this.#deserted = deserted
  }

  override leave(...[candidate, reason, rejection]: Parameters<WaiterQueue<T>['leave']>): void {
    super.leave(candidate, reason, rejection)
    if (this.size === 0) this.#deserted(reason)
  }
}

/** @internal */
export abstract class Flight<T> implements Source {
  readonly #owner: FlightOwner
  readonly #callers: Callers<T>
  /** There while the task runs. */
  #controller: AbortController | undefined = undefined

  constructor(owner: FlightOwner) {
    this.#owner = owner
    this.#callers = new Callers<T>(owner.options, this, reason => this.#desert(reason))
  }

  abstract get label(): string
  abstract makeRequest(): LockRequest
  /** From now on newcomers find it. */
  abstract enlist(): void
  /** From now on they do not. Called any number of times, also when another flight is on the list. */
  abstract delist(): void
  /** The task has come to `value`, and nobody has been told yet. */
  keep(_value: T): void {}

  get waiting(): number {
    return this.#callers.size
  }

  join(options: AcquireOptions | undefined): Promise<T> {
    return this.#callers.join(options)
  }

  /** Calls the task. A promise's executor turns a throw into a rejection, and its `resolve` awaits any thenable. */
  start(task: FlightTask<T>): void {
    const controller = new AbortController()
    this.#controller = controller
    const outcome = new Promise<T>(resolve => {
      resolve(task(controller.signal))
    })
    outcome.then(
      value => {
        this.keep(value)
        this.land(outcome)
      },
      () => this.land(outcome)
    )
  }

  /**
   * The end. What callers are granted is the promise of the task, so that values and errors reach them alike, and an
   * observer hears of a failed task as Mutex tells it: the caller was served.
   */
  land(outcome?: Promise<T>): void {
    this.#controller = undefined // what leaves from here on, in the midst of the grants, aborts nothing
    this.#owner.running.delete(this)
    this.delist()
    while (this.#callers.grant(outcome as T)) {} // a promise resolves to what it is granted, be that a promise
    this.#owner.freed()
  }

  #desert(reason: unknown): void {
    this.delist()
    this.#controller?.abort(reason)
  }

  /** Turns everybody away. */
  dismiss(reason: unknown): void {
    this.#callers.rejectAll(reason)
    this.#desert(reason)
  }
}

/** A primitive whose callers share running tasks. */
export abstract class FlightOwner extends Waitable {
  /** Every task that has not settled, those included that nobody waits for any more. @internal */
  readonly running = new Set<Pick<Flight<unknown>, 'waiting' | 'delist' | 'dismiss'>>()

  /** How many callers wait for a result, whoever brought the task included. O(running tasks). */
  get waiting(): number {
    let waiting = 0
    for (const flight of this.running) waiting += flight.waiting
    return waiting
  }

  /**
   * Waits for what comes of `flight`, and gets it going if it is new; for those who are not refused. Whoever does not
   * wait cannot have what takes waiting, so `timeout: 0` starts nothing. @internal
   */
  board<T>(flight: Flight<T>, task: FlightTask<T>, options: AcquireOptions | undefined): Promise<T> {
    if (options?.timeout === 0) {
      const error = new LockTimeoutError(`${flight.label}: no result yet, and timeout is 0 ms`)
      return refuse(this.options?.observer, flight, error)
    }
    if (this.running.has(flight)) return flight.join(options)
    this.running.add(flight)
    flight.enlist()
    const outcome = flight.join(options)
    // Nobody is there if `maxWaiting` is 0, or if the observer that was just told has sent the caller away.
    if (flight.waiting > 0) flight.start(task)
    else flight.land()
    return outcome
  }

  /** Nobody waits where no task runs. @internal */
  get isFree(): boolean {
    return this.running.size === 0
  }

  /** @internal */
  rejectWaiters(reason: unknown): void {
    // All are off the list before anybody hears of it: who comes from an observer or a listener is not turned away.
    const flights = [...this.running]
    for (const flight of flights) flight.delist()
    for (const flight of flights) flight.dismiss(reason)
  }
}
