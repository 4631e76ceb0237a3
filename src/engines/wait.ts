// For how long a caller is ready to wait at the engine: until its signal aborts, its time is over, or the lock closes.

import { LONGEST_TIMER } from '../core/cancellation.js'
import { LockTimeoutError } from '../core/errors.js'
import type { WaitOptions } from './contract.js'
import type { Timer } from './timers.js'

/** What listens to one signal. One listener for all its waits: platforms slow down with many on one signal. */
class Aborts {
  readonly #signal: AbortSignal
  readonly #listeners = new Set<() => void>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(listener: () => void): void {
    if (this.#listeners.size === 0) this.#signal.addEventListener('abort', this.#abort)
    this.#listeners.add(listener)
  }

  delete(listener: () => void): void {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0)
      this.#signal.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => {
    for (const listener of [...this.#listeners]) listener()
  }
}

const bySignal = new WeakMap<AbortSignal, Aborts>()

function abortsOf(signal: AbortSignal): Aborts {
  let aborts = bySignal.get(signal)
  if (aborts === undefined) {
    aborts = new Aborts(signal)
    bySignal.set(signal, aborts)
  }
  return aborts
}

/** The wait of one caller. It ends once, with what the caller is rejected with, or is disposed once it has the lock. */
export class Wait {
  /** A list: there are one or two. */
  readonly #listeners: ((reason: unknown) => void)[] = []
  readonly #signal: AbortSignal | undefined
  #timer: Timer | undefined
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
    if (signal?.aborted) {
      this.#abort()
      return
    }
    if (signal !== undefined) abortsOf(signal).add(this.#abort)
    if (timeout !== Infinity) {
      const expire = () => {
        const left = since + timeout - performance.now()
        if (left > 0) this.#timer = setTimeout(expire, Math.min(left, LONGEST_TIMER))
        else this.end(timeoutError(`${label}: waited longer than ${timeout} ms`, this.diagnosis))
      }
      expire()
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

  readonly #abort = (): void => this.end(this.#signal?.reason)

  #unwatch(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    if (this.#signal !== undefined) bySignal.get(this.#signal)?.delete(this.#abort)
  }
}

/** A timeout, and what the engine has to do with it. @internal */
export function timeoutError(text: string, diagnosis: Wait['diagnosis']): LockTimeoutError {
  const cause = diagnosis?.()
  if (cause === undefined) return new LockTimeoutError(text)
  const message = cause instanceof Error ? cause.message : String(cause)
  return Object.assign(new LockTimeoutError(`${text}; ${message}`), { cause })
}
