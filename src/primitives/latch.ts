// Waiting until so many things have happened. Opens once and stays open, as `java.util.concurrent.CountDownLatch` does.

import { checkWhole } from '../core/arguments.js'
import type { LockOptions } from '../core/lock.js'
import { $describe, $kind } from '../core/members.js'
import { $isOpenNow, $releaseWaiters, Openable } from './openable.js'

/**
 * A countdown: `wait` resolves when it has reached 0, for current waiters and for all later callers.
 *
 * @example
 * ```ts
 * import { Latch } from 'latchkey'
 *
 * const ready = new Latch(2, { name: 'ready' })
 * const waiting = ready.wait().then(() => 'all are ready')
 * ready.countDown()
 * ready.countDown()
 * console.log(await waiting, ready.count) // prints: all are ready 0
 * ```
 */
export class Latch extends Openable {
  #count: number

  /**
   * @param count how many times it is to be counted down: a whole number >= 0. With 0 it is open from the start.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(count: number, options?: LockOptions) {
    super(options)
    this.#count = checkWhole(this, 'count', count, 0)
  }

  /** How much is left to count down. */
  get count(): number {
    return this.#count
  }

  /**
   * Counts down by `n`, but not below 0; at 0 all waiters pass. There is no way back up. O(1), and O(waiting) at 0.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  countDown(n = 1): void {
    checkWhole(this, 'n', n, 1)
    this.#count = Math.max(0, this.#count - n)
    this[$releaseWaiters]()
  }

  override get [$isOpenNow](): boolean {
    return this.#count === 0
  }

  override get [$kind](): string {
    return 'Latch'
  }

  override [$describe](): string {
    return this.#count === 0 ? 'open' : `${this.#count} to go`
  }
}
