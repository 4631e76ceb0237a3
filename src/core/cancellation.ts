// How a wait ends early: by a signal or by a timer.
//
// There is one rule for time: a timer. Nothing here reads a clock, so a clock that is set back or stands still changes no
// timeout.

import { LockTimeoutError } from './errors.js'
import type { AcquireOptions } from './lock.js'

/** What a signal aborted with. A signal of a polyfill may have no reason: then an `AbortError`, as the platform makes. */
export function reasonOf(signal: AbortSignal): unknown {
  const { reason } = signal
  if (reason !== undefined) return reason
  const error = new Error('This operation was aborted')
  error.name = 'AbortError'
  return error
}

/** What waits on a signal. */
export interface AbortTarget {
  /** The signal has aborted. */
  abort(): void
}

interface Subscription {
  readonly targets: Set<AbortTarget>
  readonly listener: () => void
}

/**
 * One platform listener for each signal, however many waits share it: the platform walks a list of listeners to add one
 * and to remove one, which makes 100,000 of them quadratic, and warns of a leak at eleven.
 */
const subscriptions = new WeakMap<AbortSignal, Subscription>()

/** Has `target` told when `signal` aborts. O(1). */
export function subscribe(signal: AbortSignal, target: AbortTarget): void {
  let subscription = subscriptions.get(signal)
  if (subscription === undefined) {
    const targets = new Set<AbortTarget>()
    const listener = () => {
      // Any code can dispatch an event. The signal itself says whether it has aborted.
      if (signal.aborted) for (const target of targets) target.abort()
    }
    subscription = { targets, listener }
    subscriptions.set(signal, subscription)
    signal.addEventListener('abort', listener)
  }
  subscription.targets.add(target)
}

/** Undoes `subscribe`. The last one takes the listener off the signal. O(1). */
export function unsubscribe(signal: AbortSignal, target: AbortTarget): void {
  const subscription = subscriptions.get(signal)
  if (subscription === undefined || !subscription.targets.delete(target) || subscription.targets.size > 0) return
  subscriptions.delete(signal)
  signal.removeEventListener('abort', subscription.listener)
}

/** How far platform timers count, in ms: 24.8 days. A longer wait takes several of them. */
export const LONGEST_TIMER = 2 ** 31 - 1

/** What a timer calls when the time is over. */
export interface TimerTarget {
  /** What the platform calls the timer, for `stopTimer`. */
  timer: unknown
  expire(): void
}

/** Has `target.expire` called in `ms`. `stopTimer` takes it back. Never for `Infinity`. */
export function startTimer(target: TimerTarget, ms: number): void {
  if (ms === Infinity) return
  // A shared function and its arguments take less memory than a closure for each waiter.
  target.timer =
    ms > LONGEST_TIMER
      ? setTimeout(startTimer, LONGEST_TIMER, target, ms - LONGEST_TIMER)
      : setTimeout(expire, ms, target)
}

const expire = (target: TimerTarget): void => target.expire()

/** Takes back what `startTimer` started. */
export const stopTimer = (target: TimerTarget): void => clearTimeout(target.timer as never)

/** Does not let a timer keep the process alive, where the platform can be told so. */
export function unrefTimer(timer: unknown): void {
  ;(timer as { unref?: () => void } | undefined)?.unref?.()
}

/** Whether a call does not wait forever. */
export const expires = (options: AcquireOptions | undefined): options is { timeout: number } =>
  (options?.timeout ?? Infinity) < Infinity

/** What V8 and JavaScriptCore add to `Error`. */
interface StackCapturer {
  captureStackTrace?: (error: Error, below: unknown) => void
}

export const timeoutError = (label: string, timeout: number): LockTimeoutError =>
  new LockTimeoutError(`${label}: waited longer than ${timeout} ms`)

/**
 * A rejection with an error that was made in a timer, where no caller is on the stack. It comes two turns later, when
 * the promise that the caller awaits hangs on it: there V8 sees who that is. To take the stack at every call instead
 * would cost 2 to 10 µs for each wait that never expires (docs/decisions/timeout-stacks.md).
 */
export function retraced(error: Error): Promise<never> {
  const retrace = () => {
    ;(Error as StackCapturer).captureStackTrace?.(error, retrace)
    throw error
  }
  return Promise.resolve().then().then(retrace)
}

/**
 * A timeout that several waits of one call share, such as one for a place and one for what is put there. To each of them
 * it is a signal, which also follows the signal of the caller. `stop` has to be called when the last wait is over.
 */
export class Deadline implements AbortTarget, TimerTarget {
  timer: unknown = undefined
  readonly #label: string
  readonly #timeout: number
  readonly #signal: AbortSignal | undefined
  #listener: (() => void) | undefined = undefined
  /** Why the time is over, once it is. */
  expired: LockTimeoutError | undefined = undefined

  constructor(label: string, { timeout = Infinity, signal }: AcquireOptions) {
    this.#label = label
    this.#timeout = timeout
    this.#signal = signal
    startTimer(this, timeout)
  }

  get aborted(): boolean {
    return this.expired !== undefined || this.#signal?.aborted === true
  }

  get reason(): unknown {
    return this.#signal?.aborted ? reasonOf(this.#signal) : this.expired
  }

  /** This, as the option of a wait. One wait at a time. */
  get signal(): AbortSignal {
    return this as unknown as AbortSignal
  }

  addEventListener(_event: string, listener: () => void): void {
    this.#listener = listener
    if (this.#signal !== undefined) subscribe(this.#signal, this)
  }

  removeEventListener(): void {
    this.#listener = undefined
    if (this.#signal !== undefined) unsubscribe(this.#signal, this)
  }

  abort(): void {
    this.#listener?.()
  }

  expire(): void {
    this.expired = timeoutError(this.#label, this.#timeout)
    this.#listener?.()
  }

  stop(): void {
    stopTimer(this)
  }
}
