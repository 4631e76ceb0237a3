// A value that is made when it is first asked for, once. The same engine as SingleFlight, with one flight instead of a
// map of them, and a value that stays.

import { checkFunction } from '../core/arguments.js'
import { passImmediately } from '../core/hold.js'
import type { AcquireOptions, LockOptions, LockRequest } from '../core/lock.js'
import { $describe, $kind, $label, $makeRequest, $read, $refusal } from '../core/members.js'
import { $joinOrStart, Flight, FlightOwner, type FlightTask } from './flight.js'

interface State<T> {
  /** The run of the factory that a newcomer joins. */
  flight: Flight<T> | undefined
  /** What the factory made; in a box, since `undefined` is a value. Once there, it stays. */
  made: { readonly value: T } | undefined
}

class LazyFlight<T> extends Flight<T> {
  readonly #source: Lazy<T>
  readonly #state: State<T>

  constructor(source: Lazy<T>, state: State<T>) {
    super(source)
    this.#source = source
    this.#state = state
  }

  register(): void {
    this.#state.flight = this
  }

  unregister(): void {
    if (this.#state.flight === this) this.#state.flight = undefined
  }

  override onValue(value: T): void {
    // From a factory whose signal has aborted nothing is kept: it may be half done, or another one may be running.
    if (this.#state.flight === this) this.#state.made = { value }
  }

  override [$makeRequest](): LockRequest {
    return this.#source[$makeRequest]()
  }

  override get [$label](): string {
    return this.#source[$label]
  }
}

/**
 * A value that a factory makes at the first `get`, and that all later ones share. A factory that fails is tried again
 * by the next caller; the waiters get its error.
 *
 * `cancelWaiters` sends all callers away, so it aborts the signal of a running factory as well. `close` does the same,
 * refuses who comes, even if there is a value, and resolves when the last run of the factory has settled, as `whenFree`
 * does. The value itself is not disposed of: it is the caller's, `peek` still returns it.
 *
 * Of the options, `maxWaiting` counts the callers that wait for the factory. An `observer` is told `granted` of a caller who
 * finds the value, else `queued`, then `granted` when the factory has settled, successfully or not, or `abandoned`;
 * `released` is never told.
 *
 * @example
 * ```ts
 * import { Lazy } from 'latchkey'
 *
 * let connections = 0
 * const database = new Lazy(async () => {
 *   await Promise.resolve() // connecting
 *   return { connection: ++connections }
 * })
 *
 * console.log(database.ready) // prints: false
 * const [a, b] = await Promise.all([database.get(), database.get()])
 * console.log(a === b, connections, database.peek()) // prints: true 1 { connection: 1 }
 * ```
 */
export class Lazy<T> extends FlightOwner {
  readonly #factory: FlightTask<T>
  readonly #state: State<T> = { flight: undefined, made: undefined }

  /**
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(factory: FlightTask<T>, options?: LockOptions) {
    super(options)
    checkFunction(this, 'factory', factory)
    this.#factory = factory
  }

  /** Whether there is a value. Never becomes false again. */
  get ready(): boolean {
    return this.#state.made !== undefined
  }

  /** The value if there is one, else `undefined`; `ready` tells an `undefined` that the factory made from none. */
  peek(): T | undefined {
    return this.#state.made?.value
  }

  /**
   * Resolves to the value. If there is none yet, waits for the factory, which starts before this returns and in the
   * async context of this caller, unless it is running. Rejects as the factory does; the next caller tries again. A
   * factory that awaits its own value waits for itself. O(1); a `priority` only decides who is told first.
   *
   * The factory is called with a signal, which aborts when no caller waits for the value any more: with the reason of the
   * last one that left. The next caller starts again in any case, and what that run makes is dropped: a factory that
   * opens something must watch its signal, or it leaks.
   *
   * *Cancellation*: an abort or a timeout (ms) lets this caller alone go, at once; factory and others go on, unless it
   * was the last. If the outcome and an abort race, the one that came first stands. A signal that is already aborted
   * rejects even if there is a value, and starts nothing. `timeout: 0` does not wait: it resolves if there is a value,
   * else it rejects and starts nothing.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with what the factory threw, with
   * `signal.reason` untouched, with `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  get(options?: AcquireOptions): Promise<T> {
    const wait = this[$read](options)
    const refusal = this[$refusal](wait, this)
    if (refusal !== undefined) return refusal
    const { flight, made } = this.#state
    if (made !== undefined) return passImmediately(this, made.value)
    return this[$joinOrStart](flight ?? new LazyFlight(this, this.#state), this.#factory, wait)
  }

  override get [$kind](): string {
    return 'Lazy'
  }

  override [$describe](): string {
    const { flight, made } = this.#state
    return made !== undefined ? 'ready' : flight === undefined ? 'empty' : 'running'
  }
}
