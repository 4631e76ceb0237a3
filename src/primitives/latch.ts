// Waiting until so many things have happened. Opens once and stays open, as `java.util.concurrent.CountDownLatch` does.

import { mustBeWhole } from '../core/errors.js'
import type { LockOptions } from '../core/lock.js'
import { labelOf } from '../core/waiter-queue.js'
import { Passage } from './passage.js'

/**
 * A countdown: `wait` resolves when it has reached 0, for those who waited and for everyone who comes later.
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
export class Latch extends Passage {
  #count: number

  /**
   * @param count how many times it is to be counted down: a whole number >= 0. With 0 it is open from the start.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(count: number, options?: LockOptions) {
    super(options)
    this.#count = mustBeWhole(this, 'count', count, 0)
  }

  /** How much is left to count down. */
  get count(): number {
    return this.#count
  }

  /**
   * Counts down by `n`, but not below 0; at 0 all who wait pass. There is no way back up. O(1), and O(waiting) at 0.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  countDown(n = 1): void {
    mustBeWhole(this, 'n', n, 1)
    this.#count = Math.max(0, this.#count - n)
    this.letPass()
  }

  /** @internal */
  get passable(): boolean {
    return this.#count === 0
  }

  /** @internal */
  get label(): string {
    return labelOf('Latch', this.options)
  }

  /** @internal */
  describe(): string {
    return `${this.#count === 0 ? 'open' : `${this.#count} to go`}${this.andWaiting}`
  }
}
