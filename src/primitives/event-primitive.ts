// What a condition, a gate, a latch and a barrier have in common: callers wait at it for the same thing, and are given
// nothing to give back. Each is a queue, and a rule for when it moves.

import { $freed, $isFree, $rejectWaiters, $size, $waiterLeft } from '../core/members.js'
import { Waitable } from '../core/waitable.js'

/** A primitive that is waited at, and not held. */
export abstract class EventPrimitive<T> extends Waitable<T> {
  /** No caller holds anything here, so it is free when none waits. */
  override get [$isFree](): boolean {
    return this[$size] === 0
  }

  override [$waiterLeft](): void {
    this[$freed]()
  }

  override [$rejectWaiters](reason: unknown): void {
    super[$rejectWaiters](reason)
    this[$freed]()
  }
}
