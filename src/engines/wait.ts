// For how long a caller is ready to wait at the engine: until its signal aborts, its time is over, or the lock closes.

import { LockTimeoutError } from '../core/errors.js'
import { LONGEST_TIMER } from '../core/waiter-queue.js'
import type { WaitOptions } from './contract.js'
import type { Timer } from './timers.js'

/** The wait of one caller. It ends once, with what the caller is rejected with, or is disposed once it has the lock. */
export class Wait {
  readonly #listeners = new Set<(reason: unknown) => void>()
  readonly #signal: AbortSignal | undefined
  #timer: Timer | undefined
  #end: { readonly reason: unknown } | undefined

  /** @param since when the caller began to wait, as `performance.now()` tells it */
  constructor(label: string, options: WaitOptions | undefined, since: number) {
    const { signal, timeout = Infinity } = options ?? {}
    this.#signal = signal
    signal?.addEventListener('abort', this.#abort)
    if (signal?.aborted) this.#abort()
    else if (timeout !== Infinity) {
      const expire = () => {
        const left = since + timeout - performance.now()
        if (left > 0) this.#timer = setTimeout(expire, Math.min(left, LONGEST_TIMER))
        else this.end(new LockTimeoutError(`${label}: waited longer than ${timeout} ms`))
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
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener(reason)
  }

  /** Calls `listener` at the end, or now if that has come. Returns how to stop listening. */
  onEnd(listener: (reason: unknown) => void): () => void {
    if (this.#end !== undefined) listener(this.#end.reason)
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The caller has the lock: nothing is watched any more. */
  dispose(): void {
    this.#listeners.clear()
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
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#abort)
  }
}
