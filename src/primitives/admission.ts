// What a semaphore and a read-write lock have in common: some may hold at the same time, if what each asks for fits.
//
// A request is a number, its *weight*; what it means is up to the primitive, which keeps the state and says what fits.
// Requests are admitted in order. One that does not fit yet stops all behind it, so nobody starves; whenever the state
// or the head of the line may have changed, `review` admits from the head whatever fits, which costs O(admitted).

import {
  type AcquireOptions,
  grantFree,
  type Hold,
  type Lock,
  runGranted,
  runHolding,
  type Task
} from '../core/lock.js'
import { makeLine, type Place, Waitable, type WaiterQueue } from '../core/waiter-queue.js'

/** A primitive that admits in order whatever fits. */
export abstract class Admission<L extends Lock> extends Waitable {
  // Neither this nor anything below is `#private`: V8 does not inline what is, and all of it is called at each acquire.
  /** Made when somebody first has to wait. @internal */
  line: WaiterQueue<L> | undefined = undefined

  /** Whether `weight` fits, whoever waits. What does not fit with 1 does not fit with more. @internal */
  abstract fits(weight: number): boolean
  /** Makes it part of the state, and a lock of it. @internal */
  abstract admit(weight: number): L
  /** Takes it out of the state. @internal */
  abstract remove(lock: L): void
  /** Why `weight` will never fit, if so. @internal */
  hopeless(_weight: number): Error | undefined {
    return undefined
  }

  get waiting(): number {
    return this.line === undefined ? 0 : this.line.size
  }

  /** @internal */
  take(weight: number): L | undefined {
    if (this.closed || this.waiting > 0 || !this.fits(weight)) return undefined
    return grantFree(this, this.admit(weight))
  }

  /** @internal */
  ask(weight: number, options: AcquireOptions | undefined): Promise<L> {
    const refusal = options === undefined && !this.closed ? undefined : this.refusal(options, this)
    if (refusal !== undefined) return refusal
    const { line } = this // `take`, written out: 5 ns
    if ((line !== undefined && line.size > 0) || !this.fits(weight)) return this.join(weight, options)
    return Promise.resolve(grantFree(this, this.admit(weight)))
  }

  /** @internal */
  scope<R>(task: Task<L, R>, weight: number, options: AcquireOptions | undefined): Promise<R> {
    const refusal = this.refusal(options, this)
    if (refusal !== undefined) return refusal
    const hold = this.take(weight)
    if (hold !== undefined) return runHolding(task, hold)
    const signal = options?.signal
    return this.join(weight, options).then(hold => runGranted(task, hold, signal))
  }

  /** Waits for its turn; for those who are not refused. @internal */
  join(weight: number, options: AcquireOptions | undefined): Promise<L> {
    this.line ??= makeLine<L>(this, () => this.review())
    const granted = this.line.join(options, weight)
    this.review() // it may have a higher priority than one at the head that does not fit
    return granted
  }

  /** @internal */
  review(): void {
    const line = this.line
    if (line === undefined) return
    while (this.fits(1)) {
      const place: Place<L> | undefined = line.first
      if (place === undefined) return
      const { weight } = place
      if (weight === 1 || this.fits(weight)) {
        const lock = this.admit(weight)
        if (!place.grant(line, lock)) this.remove(lock) // its signal has aborted, and we had not heard of it
        continue
      }
      const never = this.hopeless(weight)
      if (never === undefined) return
      line.exit(place)
      place.reject(never)
    }
  }

  /** A lock came back. @internal */
  advance(hold: Hold): void {
    this.remove(hold as Lock as L)
    const { line } = this
    if (line !== undefined && line.size > 0) this.review()
    if (this.isFree) this.freed()
  }

  /** @internal */
  rejectWaiters(reason: unknown): void {
    this.line?.rejectAll(reason)
  }
}
