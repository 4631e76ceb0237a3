// One task for all who want the same at the same time. After golang.org/x/sync/singleflight (`Do` and `Forget`), with
// what Go leaves to its callers: each can leave alone, and a task that no caller waits for any more is told so.
//
// The map holds, for each key, the flight that the next caller joins. It enters before its task is called and leaves when
// the task has settled, when it is forgotten, or when its last caller has left, whichever is first; so an idle key has
// no entry. A flight only ever takes itself out: by then its key may have a newer one.

import { checkFunction, show } from '../core/arguments.js'
import type { AcquireOptions, LockOptions, LockRequest } from '../core/lock.js'
import { $describe, $kind, $label, $makeRequest, $read, $refusal } from '../core/members.js'
import { $joinOrStart, Flight, FlightOwner, type FlightTask } from './flight.js'

/** The flight of one key. */
class KeyFlight<K> extends Flight<unknown> {
  readonly #key: K
  readonly #source: SingleFlight<K>
  readonly #flights: Map<K, KeyFlight<K>>

  constructor(key: K, source: SingleFlight<K>, flights: Map<K, KeyFlight<K>>) {
    super(source)
    this.#key = key
    this.#source = source
    this.#flights = flights
  }

  register(): void {
    this.#flights.set(this.#key, this)
  }

  unregister(): void {
    if (this.#flights.get(this.#key) === this) this.#flights.delete(this.#key)
  }

  override [$makeRequest](): LockRequest {
    return { source: this.#source, keys: [this.#key] }
  }

  override get [$label](): string {
    return `${this.#source[$label]} key ${show(this.#key)}`
  }
}

/**
 * Runs one task for each key at a time, and gives its result to every caller that asked meanwhile. Keys are compared
 * as a `Map` compares them. Nothing is kept: when the task has settled, the next caller runs a new one.
 *
 * `cancelWaiters` sends all callers away, so it aborts the signals of all tasks as well. `close` does the same, refuses
 * who comes, and resolves when the last task has settled; so does `whenFree`, both of them also for tasks that were
 * forgotten or that no caller waits for any more.
 *
 * Of the options, `maxWaiting` counts for each task by itself, and counts the caller that brought it. An `observer` is told
 * `queued` of each caller, then `granted` when the task has settled, successfully or not, or `abandoned` if the caller
 * was refused or left before; `released` is never told.
 *
 * @example
 * ```ts
 * import { SingleFlight } from 'latchkey'
 *
 * const flights = new SingleFlight({ name: 'users' })
 * let queries = 0
 *
 * const load = (id: string) =>
 *   flights.run(id, async () => {
 *     queries++
 *     await Promise.resolve() // the query
 *     return { id }
 *   })
 *
 * const [a, b] = await Promise.all([load('ann'), load('ann'), load('bob')])
 * console.log(queries, a === b, flights.size) // prints: 2 true 0
 * ```
 */
export class SingleFlight<K = string> extends FlightOwner {
  readonly #flights = new Map<K, KeyFlight<K>>()

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: LockOptions) {
    super(options)
  }

  /** For how many keys a task runs that newcomers would join. */
  get size(): number {
    return this.#flights.size
  }

  /** Those keys, in the order in which their tasks started. */
  keys(): IterableIterator<K> {
    return this.#flights.keys()
  }

  /** Whether a task runs for `key` that a newcomer would join. */
  has(key: K): boolean {
    return this.#flights.has(key)
  }

  /**
   * Resolves or rejects as the task of `key` does: the one that is running, or else `task`, which then starts before
   * this returns, in the async context of this caller. All callers get the same value or error, the object itself. A
   * task that awaits its own key waits for itself. O(1); a `priority` only decides who is told first.
   *
   * The task is called with a signal of its own, which aborts when no caller waits for the task any more: with the reason
   * of the last one that left. The flight is forgotten in the same instant, so the next caller starts a new task though
   * the old one may still run; what comes of that one is dropped, errors included.
   *
   * *Cancellation*: an abort or a timeout (ms) lets this caller alone go, at once; task and others go on, unless it was
   * the last. If the outcome and an abort race, the one that came first stands. A signal that is already aborted
   * rejects and starts nothing. `timeout: 0` does not wait, and a result always takes waiting: it rejects whether or
   * not a task runs, and starts nothing.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what the task threw, with
   * `signal.reason` untouched, with `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  run<R>(key: K, task: FlightTask<R>, options?: AcquireOptions): Promise<R> {
    checkFunction(this, 'task', task)
    const fresh = new KeyFlight(key, this, this.#flights)
    const wait = fresh[$read](options)
    const flight = this.#flights.get(key) ?? fresh
    // That one key means one kind of result is for the callers to keep.
    return this[$refusal](wait, flight) ?? (this[$joinOrStart](flight, task, wait) as Promise<R>)
  }

  /**
   * Makes the next caller of `key` start a new task though one may be running, whose callers still get its result:
   * what they asked for is out of date for later callers. Returns whether there was one. O(1).
   */
  forget(key: K): boolean {
    return this.#flights.delete(key)
  }

  override get [$kind](): string {
    return 'SingleFlight'
  }

  override [$describe](): string {
    const { size } = this
    return `${size} ${size === 1 ? 'key' : 'keys'}`
  }
}
