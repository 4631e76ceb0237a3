// A meeting point: nobody goes on until so many have arrived, and then all do.
//
// After java.util.concurrent's `CyclicBarrier` and Python's `asyncio.Barrier`, with one difference: a party that gives
// up does not break the barrier for the others. It is no longer counted, and they wait for another one to come.
//
// A round is its line. Fewer than `parties` stand in it at any time: the arrival that would make them `parties` takes
// the line away, lets everybody in it go, and goes on itself. So nobody can meet a round that is over.

import { BrokenBarrierError, mustBeWhole } from '../core/errors.js'
import type { AcquireOptions, LockOptions } from '../core/lock.js'
import { labelOf, sweep } from '../core/waiter-queue.js'
import { Crowd } from './crowd.js'

/**
 * Holds everybody up until `parties` have arrived, round after round.
 *
 * @example
 * ```ts
 * import { Barrier } from 'latchkey'
 *
 * const barrier = new Barrier(3, { name: 'step' })
 * const steps: string[] = []
 *
 * async function worker(name: string) {
 *   for (const step of [1, 2]) {
 *     steps.push(`${name}${step}`)
 *     const index = await barrier.arrive()
 *     if (index === 0) steps.push('|') // one of them, whichever
 *   }
 * }
 *
 * await Promise.all([worker('a'), worker('b'), worker('c')])
 * console.log(steps.join(' ')) // prints: a1 b1 c1 | a2 b2 c2 |
 * ```
 */
export class Barrier extends Crowd<number> {
  /** How many meet in each round. */
  readonly parties: number

  /**
   * @param parties how many meet in each round: a whole number >= 1.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(parties: number, options?: LockOptions) {
    super(options)
    this.parties = mustBeWhole(this, 'parties', parties, 1)
  }

  /**
   * Waits until `parties` have arrived, this one included. The last of them lets all go, and the next round begins
   * before its call returns. Resolves to the caller's place among those who met, in order of arrival: 0 for the first,
   * `parties - 1` for the last. Whoever gave up before has no place, so there is no gap. All go on together:
   * `priority` changes nothing. O(1), and O(parties) for the last.
   *
   * *Cancellation*: an abort or a timeout (ms) gives up waiting at once: this party is no longer counted, and the others
   * wait for one more than before. If the meeting and an abort race, the one that came first stands. A signal that is
   * already aborted rejects before anything is counted, even that of the last party; `timeout: 0` arrives only as the
   * last.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError`, `LockCancelledError`, or `BrokenBarrierError` from `reset`.
   */
  arrive(options?: AcquireOptions): Promise<number> {
    const refusal = this.refusal(options, this)
    if (refusal !== undefined) return refusal
    const last = this.parties - 1
    // All stand in one lane, so that the order of the line is the order of arrival.
    if (this.waiting < last) return this.join(options && { ...options, priority: 0 })
    // Some of those who wait may have aborted without our having heard of it: they do not count. Whoever is told of
    // that may change everything, so look again from the start.
    if (this.line !== undefined && sweep(this.line)) return this.arrive(options)
    const met = this.line
    this.line = undefined
    for (let place = 0; met?.grant(place); ) place++
    this.freed()
    return this.pass(last)
  }

  /**
   * Breaks up the round: everyone who waits is rejected with a `BrokenBarrierError`, in order, and whoever comes next is
   * the first of a new round. O(waiting).
   */
  reset(): void {
    this.rejectWaiters(new BrokenBarrierError(`${this.label}: reset before all ${this.parties} parties had arrived`))
  }

  /** @internal */
  get label(): string {
    return labelOf('Barrier', this.options)
  }

  /** @internal */
  describe(): string {
    return `${this.parties} ${this.parties === 1 ? 'party' : 'parties'}${this.andWaiting}`
  }
}
