// The resources of a pool that no caller holds, and when they end: by being idle for too long, by age, by too much use.
//
// A timer ends what is idle. Where a resource is lent or comes back, the monotonic clock is asked as well, since the timer
// may be late. A resource that is held loses nothing by its age: it ends when it comes back.

import { startTimer, stopTimer, type TimerTarget, unrefTimer } from '../core/cancellation.js'
import { inBackground } from './background.js'

/** A timer that does not keep the process alive, and belongs to no request. */
class Limit implements TimerTarget {
  timer: unknown = undefined
  readonly #onOver: () => void
  #over = false

  constructor(ms: number, onOver: () => void) {
    this.#onOver = onOver
    if (ms === Infinity) return
    this.#start(ms)
    // Set again by no request. Until then a timer is there all the same: a fake clock may be moved before.
    const started = performance.now()
    inBackground(() => {
      if (this.#over) return
      stopTimer(this)
      this.#start(Math.max(0, ms - (performance.now() - started)))
    })
  }

  #start(ms: number): void {
    startTimer(this, ms)
    unrefTimer(this.timer)
  }

  expire(): void {
    this.#over = true
    this.#onOver()
  }

  stop(): void {
    this.#over = true
    stopTimer(this)
  }
}

/** A resource, held or idle. */
export class PooledResource<R> {
  readonly resource: R
  readonly #born = performance.now()
  readonly #maxAge: number
  /** How many times it has been lent. */
  uses = 0
  /** It may not be lent again. */
  expired: boolean
  #age: Limit | undefined
  #idle: Limit | undefined

  constructor(resource: R, maxAge: number, onOld: (item: PooledResource<R>) => void) {
    this.resource = resource
    this.#maxAge = maxAge
    this.expired = maxAge === 0
    if (maxAge < Infinity)
      this.#age = new Limit(maxAge, () => {
        this.expired = true
        onOld(this)
      })
  }

  /** Whether its time is over: the timer may be late. */
  get isOld(): boolean {
    return this.expired || (this.#maxAge < Infinity && performance.now() - this.#born >= this.#maxAge)
  }

  /** Calls `onIdle` in `ms`, unless it is lent before. */
  startIdle(ms: number, onIdle: () => void): void {
    if (ms < Infinity) this.#idle = new Limit(ms, onIdle)
  }

  stopIdle(): void {
    this.#idle?.stop()
    this.#idle = undefined
  }

  stop(): void {
    this.stopIdle()
    this.#age?.stop()
  }
}

export interface ResourceLimits {
  readonly idleTimeout: number
  readonly maxAge: number
  readonly maxUses: number
}

/** The stack of idle resources: the one that came back last is lent first. */
export class IdleResources<R> {
  readonly #items: PooledResource<R>[] = []
  readonly #limits: ResourceLimits
  /** Whether one more than the least is there. */
  readonly #isSpare: () => boolean
  readonly #destroy: (resource: R) => void

  constructor(limits: ResourceLimits, isSpare: () => boolean, destroy: (resource: R) => void) {
    this.#limits = limits
    this.#isSpare = isSpare
    this.#destroy = destroy
  }

  get size(): number {
    return this.#items.length
  }

  /** A new resource, which is held. */
  made(resource: R): PooledResource<R> {
    return new PooledResource(resource, this.#limits.maxAge, item => {
      if (this.#items.includes(item)) this.end(item)
    })
  }

  /** A resource came back: it is kept for the next caller, unless its time is over. */
  keep(item: PooledResource<R>): void {
    if (item.isOld || item.uses >= this.#limits.maxUses) {
      this.end(item)
      return
    }
    this.#items.push(item)
    item.startIdle(this.#limits.idleTimeout, () => {
      if (this.#isSpare()) this.end(item)
    })
  }

  /** The one that came back last. */
  take(): PooledResource<R> | undefined {
    let item = this.#items.pop()
    for (; item?.isOld; item = this.#items.pop()) this.end(item)
    item?.stopIdle()
    return item
  }

  /** Destroys a resource, wherever it is. O(idle). */
  end(item: PooledResource<R>): void {
    item.stop()
    const index = this.#items.indexOf(item)
    if (index >= 0) this.#items.splice(index, 1)
    this.#destroy(item.resource)
  }

  endAll(): void {
    for (const item of this.#items.splice(0)) this.end(item)
  }
}
