// Those who wait for the same thing, and are given nothing to give back: what a condition, a gate, a latch and a barrier
// have in common. Each is this line, and a rule for when it moves.

import { type AcquireOptions, tell } from '../core/lock.js'
import { makeLine, Waitable, type WaiterQueue } from '../core/waiter-queue.js'

/** A primitive that is waited at, and not held. */
export abstract class Crowd<T> extends Waitable {
  /** Made when somebody first has to wait. @internal */
  line: WaiterQueue<T> | undefined = undefined

  get waiting(): number {
    return this.line === undefined ? 0 : this.line.size
  }

  /** Waits; for those who are not refused. @internal */
  join(options: AcquireOptions | undefined): Promise<T> {
    this.line ??= makeLine<T>(this, () => this.freed())
    return this.line.join(options)
  }

  /** Lets one through who need not wait. @internal */
  pass(value: T): Promise<T> {
    const observer = this.options?.observer
    if (observer !== undefined) tell(observer, 'granted', this.makeRequest())
    return Promise.resolve(value)
  }

  /** Nobody holds anything here, so it is free when nobody waits. @internal */
  get isFree(): boolean {
    return this.waiting === 0
  }

  /** @internal */
  rejectWaiters(reason: unknown): void {
    this.line?.rejectAll(reason)
    this.freed()
  }
}
