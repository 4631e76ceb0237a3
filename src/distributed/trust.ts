// How long the engine's last word counts, by two clocks.
//
// The monotonic clock may stand still while a machine sleeps; the wall clock may be set back. So both must say that there
// is time left, and `good` asks them at each look: a process that was stopped and goes on finds out before it does
// anything else, whether or not its timers have come round. The timer is for those who listen: it fires at the deadline
// whatever the network does, for it waits for nobody.

import { LONGEST_TIMER } from '../core/waiter-queue.js'

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
  /** The engine did not answer in time, where otherwise something happened. */
  readonly silent?: boolean
}

/** A timer that keeps no process alive. */
export function unref<T>(timer: T): T {
  // Node has a handle where others have a number.
  ;(timer as { unref?(): void }).unref?.()
  return timer
}

const SILENCE: Loss = {
  why: 'the engine has not confirmed it in time (a pause of this process, or of the engine)',
  silent: true
}
const JUMP: Loss = {
  why: 'the wall clock jumped ahead of the monotonic one (the machine slept, or the clock was set)'
}
/** By how many ms the clocks may differ without one of them having jumped: the wall clock tells whole ms, and is slewed. */
const DRIFT = 50

/** Trust in what an engine said, for so many ms from when it was asked. Once lost it stays lost. */
export class Trust {
  readonly #span: number
  readonly #listeners = new Set<(loss: Loss) => void>()
  /** Absent while nothing depends on it. */
  #until: Instant | undefined
  #loss: Loss | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * @param lease for how long the engine keeps its word, in ms. Trust ends a little earlier, by 1 % and 2 ms: clocks do
   * not run alike, and a timer may be late.
   */
  constructor(lease: number) {
    this.#span = lease * 0.99 - 2
  }

  /** Why it was lost, if it was. */
  get loss(): Loss | undefined {
    return this.#loss
  }

  /** Whether there is time left on both clocks. If there is not, it is lost now. */
  get good(): boolean {
    if (this.#loss === undefined && this.#until !== undefined) {
      const left = this.#until.monotonic - performance.now()
      if (left <= 0 || Date.now() >= this.#until.wall) this.lose(left > DRIFT ? JUMP : SILENCE)
    }
    return this.#loss === undefined
  }

  /** The engine confirmed what it was asked at `asked`. */
  renew(asked: Instant): void {
    if (this.#loss !== undefined) return
    const until = { monotonic: asked.monotonic + this.#span, wall: asked.wall + this.#span }
    // Answers may come out of order, but none takes back what another gave.
    if (this.#until === undefined || until.monotonic > this.#until.monotonic) this.#until = until
    this.#arm()
  }

  /** `renew`, if nothing depends on it so far. */
  renewIfResting(asked: Instant): void {
    if (this.#until === undefined) this.renew(asked)
  }

  /** Nothing depends on it for now: it does not run out until it is renewed. */
  rest(): void {
    this.#until = undefined
  }

  /** It will not be asked again. */
  end(): void {
    this.rest()
    this.#listeners.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** From now on nobody may rely on it. */
  lose(loss: Loss): void {
    if (this.#loss !== undefined) return
    this.#loss = loss
    const listeners = [...this.#listeners]
    this.end()
    for (const listener of listeners) listener(loss)
  }

  /** Is told of the loss in the instant in which it is known, or now if it is. Returns how to stop listening. */
  onLoss(listener: (loss: Loss) => void): () => void {
    if (this.#loss !== undefined) listener(this.#loss)
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** One timer at a time: a deadline that moves is cheaper to look at again than to set anew at each renewal. */
  #arm(): void {
    if (this.#timer !== undefined || this.#until === undefined) return
    const left = Math.min(this.#until.monotonic - performance.now(), this.#until.wall - Date.now())
    const fire = () => {
      this.#timer = undefined
      if (this.good) this.#arm()
    }
    this.#timer = unref(setTimeout(fire, Math.min(Math.max(left, 0), LONGEST_TIMER)))
  }
}
