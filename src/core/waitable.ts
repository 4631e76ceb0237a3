// What every waiting primitive has in common: it can be closed, its waiters can be cancelled, and one can wait until it
// is free.

import { readOptions } from './arguments.js'
import { reasonOf } from './cancellation.js'
import { LockCancelledError, LockClosedError } from './errors.js'
import { asyncDispose, rejectImmediately, type Source } from './hold.js'
import type { AcquireOptions, LockOptions } from './lock.js'
import { $describe, $freed, $grant, $isFree, $join, $label, $read, $refusal, $rejectWaiters, $size } from './members.js'
import { PartQueue, Queue } from './queue.js'

export abstract class Waitable<T> extends Queue<T> implements AsyncDisposable {
  /** The callers that wait until the primitive is free. */
  #idleWaiters: PartQueue<void> | undefined = undefined
  #closing: { readonly reason: unknown; done?: Promise<void> } | undefined = undefined

  /** @param more the names of the options that only this primitive has */
  constructor(options: LockOptions | undefined, more?: readonly string[]) {
    super()
    readOptions(this, options, more)
  }

  abstract get [$isFree](): boolean

  /** How many callers wait. */
  get waiting(): number {
    return this[$size]
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Rejects current waiters, with `reason` if one is given, else with a `LockCancelledError`. Holders are not touched,
   * and later calls wait as usual. O(waiters).
   */
  cancelWaiters(reason: unknown = new LockCancelledError(`${this[$label]}: the wait was cancelled`)): void {
    this[$rejectWaiters](reason)
  }

  /**
   * Closes for good: rejects current waiters and all later calls, with `reason` if one is given, else with a
   * `LockClosedError`. Resolves when the last holder has released. Further calls return the same promise, and the first
   * reason stands.
   *
   * *Cancellation*: cannot be cancelled. A holder that awaits it waits for itself.
   */
  close(reason?: unknown): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = { reason } // first: what is free may depend on it
      this.#closing.done = this.#becomeFree(undefined)
      this[$rejectWaiters](this.#closedReason)
    }
    return this.#closing.done as Promise<void>
  }

  /** `close()`, for `await using`. */
  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Resolves when no caller holds and no caller waits, without taking anything: by the time the caller goes on, another
   * may have come. `close` and `cancelWaiters` do not reject it.
   *
   * *Cancellation*: an abort rejects with `signal.reason`, a timeout (ms) with `LockTimeoutError`; nothing else
   * changes.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option.
   */
  whenFree(options?: AcquireOptions): Promise<void> {
    const wait = this[$read](options)
    return wait?.signal?.aborted ? Promise.reject(reasonOf(wait.signal)) : this.#becomeFree(wait)
  }

  #becomeFree(wait: AcquireOptions | undefined): Promise<void> {
    if (this[$isFree]) return Promise.resolve()
    this.#idleWaiters ??= new PartQueue<void>(this)
    return this.#idleWaiters[$join](wait)
  }

  [$freed](): void {
    if (this.#idleWaiters !== undefined && this[$isFree]) while (this.#idleWaiters[$grant](undefined)) {}
  }

  /** What refuses a caller who comes now, whatever the state of the lock: it is closed, or the signal has aborted. */
  [$refusal](wait: AcquireOptions | undefined, source: Source): Promise<never> | undefined {
    if (this.#closing !== undefined) return rejectImmediately(source, this.#closedReason)
    const signal = wait?.signal
    return signal?.aborted ? rejectImmediately(source, reasonOf(signal)) : undefined
  }

  /** An error of its own for each call, so that its stack names that caller. */
  get #closedReason(): unknown {
    const { reason } = this.#closing as { reason: unknown }
    return reason === undefined ? new LockClosedError(`${this[$label]}: closed`) : reason
  }

  /** What this is and how it stands, such as `Mutex "tools" { locked, 3 waiting }`. */
  override toString(): string {
    const waiting = this.waiting > 0 ? `, ${this.waiting} waiting` : ''
    return `${this[$label]} { ${this.closed ? 'closed, ' : ''}${this[$describe]()}${waiting} }`
  }
}
