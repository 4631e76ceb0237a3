// What a gate and a latch have in common: a line of those who wait until it opens, and nothing to give back.

import { type AcquireOptions, tell } from '../core/lock.js'
import { Waitable, WaiterQueue } from '../core/waiter-queue.js'

/** A primitive that lets those who wait pass once it is open. */
export abstract class Passage extends Waitable {
  #line: WaiterQueue<void> | undefined = undefined

  /** Whether whoever comes may pass. @internal */
  abstract get passable(): boolean

  /** How many wait. */
  get waiting(): number {
    return this.#line === undefined ? 0 : this.#line.size
  }

  /**
   * Resolves as soon as it is open: at once if it is already. O(1); O(log p) with a priority, for p different
   * priorities in line.
   *
   * *Cancellation*: an abort or a timeout (ms) gives up the place in line at once; nothing else changes. If the opening
   * and an abort race, the one that came first stands. A signal that is already aborted rejects even if it is open.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  wait(options?: AcquireOptions): Promise<void> {
    const refusal = this.refusal(options, this)
    if (refusal !== undefined) return refusal
    const { observer, maxWaiting } = this.options ?? {}
    if (this.passable) {
      if (observer !== undefined) tell(observer, 'granted', this.makeRequest())
      return Promise.resolve()
    }
    this.#line ??= new WaiterQueue<void>({ observer, maxWaiting, onLeave: () => this.freed() }, this)
    return this.#line.join(options)
  }

  /**
   * Lets those pass who wait now. As many as there were: an observer may bring in others meanwhile, and may close
   * again.
   * @internal
   */
  letPass(): void {
    const line = this.#line
    for (let left = this.waiting; left > 0 && this.passable && line?.grant(); left--) {}
    this.freed()
  }

  /** Nobody holds anything here, so it is free when nobody waits. @internal */
  get isFree(): boolean {
    return this.waiting === 0
  }

  /** @internal */
  rejectWaiters(reason: unknown): void {
    this.#line?.rejectAll(reason)
    this.freed()
  }

  /** @internal */
  describe(): string {
    return `${this.state}${this.andWaiting}`
  }

  /** What `inspect` says of it. @internal */
  abstract get state(): string
}
