// A meeting point: no caller goes on until so many have arrived, and then all do.
//
// After java.util.concurrent's `CyclicBarrier` and Python's `asyncio.Barrier`, with one difference: a party that leaves
// does not break the barrier for the others. It is no longer counted, and they wait for another one to come.
//
// A round is the queue. Fewer than `parties` stand in it at any time: the arrival that would make them `parties` lets all
// of them go in one change, and goes on itself. So no caller can meet a round that is over.

import { checkWhole } from '../core/arguments.js'
import { BrokenBarrierError } from '../core/errors.js'
import { passImmediately } from '../core/hold.js'
import type { AcquireOptions, LockOptions } from '../core/lock.js'
import {
  $describe,
  $freed,
  $grant,
  $join,
  $kind,
  $label,
  $read,
  $refusal,
  $rejectWaiters,
  $size
} from '../core/members.js'
import { holdBack, letOut } from '../core/observer.js'
import { rejectAborted } from '../core/queue.js'
import { EventPrimitive } from './event-primitive.js'

/**
 * Holds every caller until `parties` have arrived, round after round.
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
export class Barrier extends EventPrimitive<number> {
  /** How many meet in each round. */
  readonly parties: number

  /**
   * @param parties how many meet in each round: a whole number >= 1.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(parties: number, options?: LockOptions) {
    super(options)
    this.parties = checkWhole(this, 'parties', parties, 1)
  }

  /**
   * Waits until `parties` have arrived, this one included. The last of them lets all go, and the next round begins
   * before its call returns. Resolves to the caller's place among those that met, in order of arrival: 0 for the first,
   * `parties - 1` for the last. A party that left before has no place, so there is no gap. All go on together:
   * `priority` changes nothing. O(1), and O(parties) for the last.
   *
   * *Cancellation*: an abort or a timeout (ms) ends the wait at once: this party is no longer counted, and the others
   * wait for one more than before. If the meeting and an abort race, the one that came first stands. A signal that is
   * already aborted rejects before anything is counted, even that of the last party; `timeout: 0` arrives only as the
   * last.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError`, `LockCancelledError`, or `BrokenBarrierError` from `reset`.
   */
  arrive(options?: AcquireOptions): Promise<number> {
    const wait = this[$read](options)
    const refusal = this[$refusal](wait, this)
    if (refusal !== undefined) return refusal
    const last = this.parties - 1
    holdBack() // what an observer is told of a round is told when all of it has met
    try {
      // Some waiters may have aborted without our having heard of it: they do not count.
      if (this[$size] >= last) rejectAborted(this)
      // All stand in one lane, so that the order of the queue is the order of arrival.
      if (this[$size] < last) return this[$join](wait && { ...wait, priority: 0 })
      for (let place = 0; this[$grant](place); ) place++
      this[$freed]()
      return passImmediately(this, last)
    } finally {
      letOut()
    }
  }

  /**
   * Breaks up the round: all waiters are rejected with a `BrokenBarrierError`, in order, and the next caller is the
   * first of a new round. O(waiting).
   */
  reset(): void {
    this[$rejectWaiters](
      new BrokenBarrierError(`${this[$label]}: reset before all ${this.parties} parties had arrived`)
    )
  }

  override get [$kind](): string {
    return 'Barrier'
  }

  override [$describe](): string {
    return `${this.parties} ${this.parties === 1 ? 'party' : 'parties'}`
  }
}
