// The queue as a building block for primitives of one's own.

import { checkFunction, readOptions } from './arguments.js'
import { reasonOf } from './cancellation.js'
import { rejectImmediately } from './hold.js'
import type { AcquireOptions, LockOptions } from './lock.js'
import { $grant, $join, $kind, $read, $rejectWaiters, $settings, $size, $waiterLeft } from './members.js'
import { invokeCallback } from './observer.js'
import { Queue } from './queue.js'

/** What a `WaiterQueue` is made with. */
export interface WaiterQueueOptions extends LockOptions {
  /**
   * Called right after a waiter left by abort or timeout, when the queue is consistent again: the place to see whether
   * those behind it can proceed now.
   */
  onLeave?: (() => void) | undefined
}

/**
 * A queue of waiters, first come first served: what every primitive of this package is built on.
 *
 * The owner keeps the state (is the lock free?) and decides when a waiter may proceed; the queue keeps the waiters, in which
 * order, until when, and settles each of them exactly once.
 *
 * @example
 * ```ts
 * import { WaiterQueue } from 'latchkey'
 *
 * const queue = new WaiterQueue<number>({ name: 'turnstile' })
 * const first = queue.wait()
 * const second = queue.wait({ timeout: 500 })
 *
 * queue.grant(1)
 * queue.grant(2)
 * console.log(await first, await second, queue.grant(3)) // prints: 1 2 false
 * ```
 */
export class WaiterQueue<T> extends Queue<T> {
  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: WaiterQueueOptions) {
    super()
    readOptions(this, options, ['onLeave'])
    const { onLeave } = this[$settings] as WaiterQueueOptions
    if (onLeave !== undefined) checkFunction(this, 'options.onLeave', onLeave)
  }

  /** How many callers wait. */
  get size(): number {
    return this[$size]
  }

  /**
   * Joins the queue and resolves to what `grant` gives this waiter. O(1); O(log p) with a priority, for p different
   * priorities in the queue.
   *
   * *Cancellation*: an abort or a timeout takes the waiter out of the queue at once, in O(1), and calls `onLeave`; the
   * order of all others is unchanged. If a grant and an abort race, the one that came first stands.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason`, `LockTimeoutError`,
   * `QueueFullError`, or what `rejectAll` was given.
   */
  wait(options?: AcquireOptions): Promise<T> {
    const wait = this[$read](options)
    const signal = wait?.signal
    return signal?.aborted ? rejectImmediately(this, reasonOf(signal)) : this[$join](wait)
  }

  /**
   * Gives `value` to the first live waiter, who owns it when this returns. Returns `false`, and gives nothing, when no
   * caller waits. O(1).
   */
  grant(value: T): boolean {
    return this[$grant](value)
  }

  /** Rejects all current waiters with `reason`, in the order of the queue, and returns how many they were. O(n). */
  rejectAll(reason: unknown): number {
    const count = this[$size]
    this[$rejectWaiters](reason)
    return count
  }

  override [$waiterLeft](): void {
    const { onLeave } = this[$settings] as WaiterQueueOptions
    if (onLeave !== undefined) invokeCallback(onLeave)
  }

  override get [$kind](): string {
    return 'WaiterQueue'
  }
}
