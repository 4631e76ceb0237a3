// What a gate and a latch have in common: they are shut or open, and while they are open no caller waits.

import { passImmediately } from '../core/hold.js'
import type { AcquireOptions } from '../core/lock.js'
import { $freed, $grant, $join, $read, $refusal } from '../core/members.js'
import { EventPrimitive } from './event-primitive.js'

/** Whether a caller passes without waiting. */
export const $isOpenNow = Symbol('isOpenNow')
/** Lets the waiters pass, if it is open. */
export const $releaseWaiters = Symbol('releaseWaiters')

export abstract class Openable extends EventPrimitive<void> {
  abstract get [$isOpenNow](): boolean

  /**
   * Resolves as soon as it is open: at once if it is already. O(1); O(log p) with a priority, for p different
   * priorities in the queue.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once; nothing else changes. If the opening
   * and an abort race, the one that came first stands. A signal that is already aborted rejects even if it is open.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  wait(options?: AcquireOptions): Promise<void> {
    const wait = this[$read](options)
    const refusal = this[$refusal](wait, this)
    return refusal ?? (this[$isOpenNow] ? passImmediately(this, undefined) : this[$join](wait))
  }

  [$releaseWaiters](): void {
    while (this[$isOpenNow] && this[$grant](undefined)) {} // an observer may shut it meanwhile
    this[$freed]()
  }
}
