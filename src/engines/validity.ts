// For how long a lease can be relied on, by two clocks.
//
// The monotonic clock may stand still while a machine sleeps; the wall clock may be set back. So both must say that there
// is time left, and `isValid` asks them at each look: a process that was stopped and continues finds out before its next
// step, whether or not its timers have run. The timer is for listeners: it fires at the deadline whatever the network
// does.

import { LONGEST_TIMER } from '../core/waiter-queue.js'
import { type Timer, unref } from './timers.js'

/** One moment on both clocks, in ms. */
export interface Instant {
  readonly monotonic: number
  readonly wall: number
}

/** This moment. */
export const instant = (): Instant => ({ monotonic: performance.now(), wall: Date.now() })

/** Why a lease is lost. */
export interface Loss {
  /** A clause that ends the sentence "the lease was lost: …". */
  readonly why: string
  readonly cause?: unknown
  /** The engine did not answer in time; absent where something else happened. */
  readonly timedOut?: boolean
}

const UNCONFIRMED: Loss = {
  why: 'the engine has not confirmed it in time (a pause of this process, or of the engine)',
  timedOut: true
}
const CLOCK_JUMP: Loss = {
  why: 'the wall clock jumped ahead of the monotonic one (the machine slept, or the clock was set)'
}
/** By how many ms the clocks may differ without a jump of one of them: the wall clock tells whole ms, and is slewed. */
const CLOCK_DRIFT_MS = 50

/** Whether a lease can be relied on: for so many ms from the moment of the question that the engine answered. */
export class Validity {
  readonly #span: number
  readonly #listeners = new Set<(loss: Loss) => void>()
  /** Absent while suspended. */
  #until: Instant | undefined
  #loss: Loss | undefined
  #timer: Timer | undefined

  /**
   * @param lease for how long the engine keeps its word, in ms. Validity ends a little earlier, by 1 % and 2 ms: clocks
   * do not run alike, and a timer may be late.
   */
  constructor(lease: number) {
    this.#span = lease * 0.99 - 2
  }

  /** Why it was lost, if it was. */
  get loss(): Loss | undefined {
    return this.#loss
  }

  /** Whether there is time left on both clocks. If there is not, it is lost now, and stays lost. */
  get isValid(): boolean {
    if (this.#loss === undefined && this.#until !== undefined) {
      const left = this.#until.monotonic - performance.now()
      if (left <= 0 || Date.now() >= this.#until.wall) this.invalidate(left > CLOCK_DRIFT_MS ? CLOCK_JUMP : UNCONFIRMED)
    }
    return this.#loss === undefined
  }

  /** The engine confirmed what it was asked at `asked`. */
  renew(asked: Instant): void {
    if (this.#loss !== undefined) return
    const until = { monotonic: asked.monotonic + this.#span, wall: asked.wall + this.#span }
    // Answers may come out of order: a late one must not shorten what an earlier one gave.
    if (this.#until === undefined || until.monotonic > this.#until.monotonic) this.#until = until
    this.#arm()
  }

  /** `renew`, if it is suspended. */
  renewIfSuspended(asked: Instant): void {
    if (this.#until === undefined) this.renew(asked)
  }

  /** Nothing depends on it for now: it does not end until it is renewed. */
  suspend(): void {
    this.#until = undefined
  }

  /** It is not needed any more: no listener is called, no timer runs. */
  end(): void {
    this.suspend()
    this.#listeners.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** From now on it must not be relied on. The first loss counts. */
  invalidate(loss: Loss): void {
    if (this.#loss !== undefined) return
    this.#loss = loss
    const listeners = [...this.#listeners]
    this.end()
    for (const listener of listeners) listener(loss)
  }

  /** Calls `listener` at the moment of the loss, or now if it is lost already. Returns how to stop listening. */
  onLoss(listener: (loss: Loss) => void): () => void {
    if (this.#loss !== undefined) listener(this.#loss)
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** One timer at a time: when it fires it looks at the deadline again, which is cheaper than a new one per renewal. */
  #arm(): void {
    if (this.#timer !== undefined || this.#until === undefined) return
    const left = Math.min(this.#until.monotonic - performance.now(), this.#until.wall - Date.now())
    const fire = () => {
      this.#timer = undefined
      if (this.isValid) this.#arm()
    }
    this.#timer = unref(setTimeout(fire, Math.min(Math.max(left, 0), LONGEST_TIMER)))
  }
}
