// What a gate and a latch have in common: they are shut or open, and whoever comes while they are open passes.

import type { AcquireOptions } from '../core/lock.js'
import { Crowd } from './crowd.js'

/** A primitive that lets those who wait pass once it is open. */
export abstract class Passage extends Crowd<void> {
  /** Whether whoever comes may pass. @internal */
  abstract get passable(): boolean

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
    return this.refusal(options, this) ?? (this.passable ? this.pass() : this.join(options))
  }

  /**
   * Lets those pass who wait, if it is open, and as long as it is: an observer may close it meanwhile. Nobody joins
   * the line of what is open.
   * @internal
   */
  letPass(): void {
    while (this.passable && this.line?.grant()) {}
    this.freed()
  }
}
