// For how long a caller is ready to wait at the engine: until its signal aborts, its time is over, or the lock closes.

import {
  type AbortTarget,
  LONGEST_TIMER,
  reasonOf,
  startTimer,
  stopTimer,
  subscribe,
  type TimerTarget,
  unsubscribe
} from '../core/cancellation.js'
import { LockTimeoutError } from '../core/errors.js'
import type { WaitOptions } from './contract.js'

/** The wait of one caller. It ends once, with what the caller is rejected with, or is disposed once it has the lock. */
export class Wait {
  /** A list: there are one or two. */
  readonly #listeners: ((reason: unknown) => void)[] = []
  readonly #signal: AbortSignal | undefined
  readonly #target: AbortTarget & TimerTarget
  #end: { readonly reason: unknown } | undefined
  /**
   * What keeps the engine from answering, if anything does. It is asked when the time is over, and what it returns is the
   * `cause` of the `LockTimeoutError`: a caller should learn that the engine is down, and not that a holder is slow.
   */
  diagnosis: (() => unknown) | undefined

  /** @param since when the caller began to wait, as `performance.now()` tells it */
  constructor(label: string, options: WaitOptions | undefined, since: number) {
    const { signal, timeout = Infinity } = options ?? {}
    this.#signal = signal
    this.#target = {
      timer: undefined,
      abort: () => this.end(reasonOf(signal as AbortSignal)),
      expire: () => this.end(timeoutError(`${label}: waited longer than ${timeout} ms`, this.diagnosis))
    }
    const left = Math.max(0, since + timeout - performance.now())
    if (signal?.aborted) this.#target.abort()
    else if (left === 0) this.#target.expire()
    else {
      if (signal !== undefined) subscribe(signal, this.#target)
      startTimer(this.#target, left)
    }
  }

  /** Whether the caller has been rejected. */
  get ended(): boolean {
    return this.#end !== undefined
  }

  /** What the caller is rejected with; `undefined` before the end. */
  get reason(): unknown {
    return this.#end?.reason
  }

  /** Rejects the caller. A second call does nothing. */
  end(reason: unknown): void {
    if (this.#end !== undefined) return
    this.#end = { reason }
    this.#unwatch()
    const listeners = this.#listeners.splice(0)
    for (const listener of listeners) listener(reason)
  }

  /** Calls `listener` at the end, or now if that has come. Returns how to stop listening. */
  onEnd(listener: (reason: unknown) => void): () => void {
    if (this.#end !== undefined) listener(this.#end.reason)
    else this.#listeners.push(listener)
    return () => {
      const at = this.#listeners.indexOf(listener)
      if (at >= 0) this.#listeners.splice(at, 1)
    }
  }

  /** The caller has the lock: nothing is watched any more. */
  dispose(): void {
    this.#listeners.length = 0
    this.#unwatch()
  }

  /** Resolves after `ms`, at the end, or when `wake` is called, which `hold` is given; whichever is first. */
  pause(ms: number, hold?: (wake: () => void) => void): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        clearTimeout(timer)
        stop()
        resolve()
      }
      const timer = setTimeout(() => wake(), Math.min(ms, LONGEST_TIMER))
      let stop = () => {}
      hold?.(wake)
      stop = this.onEnd(wake)
    })
  }

  #unwatch(): void {
    stopTimer(this.#target)
    if (this.#signal !== undefined) unsubscribe(this.#signal, this.#target)
  }
}

/** A timeout, and what the engine has to do with it. @internal */
export function timeoutError(text: string, diagnosis: Wait['diagnosis']): LockTimeoutError {
  const cause = diagnosis?.()
  if (cause === undefined) return new LockTimeoutError(text)
  const message = cause instanceof Error ? cause.message : String(cause)
  return Object.assign(new LockTimeoutError(`${text}; ${message}`), { cause })
}
