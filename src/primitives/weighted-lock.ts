// What a semaphore, a read-write lock and a pool have in common: several callers may hold at the same time, if what each
// asks for fits.
//
// A request is a number, its *weight*; what it means is up to the primitive, which keeps the state and says what fits.
// Requests are granted in order. One that does not fit yet stops all behind it, so none starves; whenever the state or
// the head of the queue may have changed, `$grantEligible` grants from the head what fits, which costs O(granted).

import { grantFree, type Hold, runHolding } from '../core/hold.js'
import type { AcquireOptions, Lock, Task } from '../core/lock.js'
import {
  $acquireUnchecked,
  $add,
  $exit,
  $first,
  $fits,
  $freed,
  $grantEligible,
  $handOff,
  $isFree,
  $join,
  $lockNow,
  $neverFits,
  $refusal,
  $remove,
  $runUnchecked,
  $size,
  $waiterLeft
} from '../core/members.js'
import { holdBack, letOut } from '../core/observer.js'
import { Waitable } from '../core/waitable.js'

export abstract class WeightedLock<L extends Lock> extends Waitable<L> {
  // None of this is a `#private` method: V8 does not inline those, and all of it is called at each acquire.

  /** Whether `weight` fits, whatever waits. What does not fit with 1 does not fit with more. */
  abstract [$fits](weight: number): boolean
  abstract [$add](weight: number): L
  abstract [$remove](lock: L): void
  [$neverFits](_weight: number): Error | undefined {
    return undefined
  }

  /** Takes what needs no waiting. */
  [$lockNow](weight: number): L | undefined {
    if (this.closed || this[$size] > 0 || !this[$fits](weight)) return undefined
    return grantFree(this, this[$add](weight))
  }

  [$acquireUnchecked](weight: number, wait: AcquireOptions | undefined): Promise<L> {
    const refusal = wait === undefined && !this.closed ? undefined : this[$refusal](wait, this)
    if (refusal !== undefined) return refusal
    // `$lockNow`, written out: 5 ns
    if (this[$size] > 0 || !this[$fits](weight)) return this.#enqueue(weight, wait)
    return Promise.resolve(grantFree(this, this[$add](weight)))
  }

  [$runUnchecked]<R>(task: Task<L, R>, weight: number, wait: AcquireOptions | undefined): Promise<R> {
    const refusal = this[$refusal](wait, this)
    if (refusal !== undefined) return refusal
    const lock = this[$lockNow](weight)
    return lock === undefined ? this.#enqueue(weight, wait, task) : runHolding(task, lock)
  }

  #enqueue(weight: number, wait: AcquireOptions | undefined): Promise<L>
  #enqueue<R>(weight: number, wait: AcquireOptions | undefined, task: Task<L, R>): Promise<R>
  #enqueue(weight: number, wait: AcquireOptions | undefined, task?: Task<L, unknown>): Promise<unknown> {
    if (!this[$fits](1)) return this[$join](wait, weight, task as Task<L, unknown>)
    // The head of the queue does not fit, and the newcomer may: with a higher priority it is the head now.
    holdBack()
    try {
      const joined = this[$join](wait, weight, task as Task<L, unknown>)
      this[$grantEligible]()
      return joined
    } finally {
      letOut()
    }
  }

  [$grantEligible](): void {
    if (this[$size] === 0) return
    holdBack()
    try {
      while (this[$fits](1)) {
        const place = this[$first]
        if (place === undefined) break
        const { weight } = place
        if (place.aborted) place.dropAborted(this)
        else if (weight === 1 || this[$fits](weight)) place.grant(this, this[$add](weight))
        else {
          const never = this[$neverFits](weight)
          if (never === undefined) break
          this[$exit](place)
          place.reject(never)
        }
      }
    } finally {
      letOut()
    }
  }

  override [$waiterLeft](): void {
    this[$grantEligible]()
  }

  [$handOff](hold: Hold): void {
    this[$remove](hold as Lock as L)
    this[$grantEligible]()
    if (this[$isFree]) this[$freed]()
  }
}
